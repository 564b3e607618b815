"""What differs between what two deployments deployed, as structure and as text; of a secret only that it does."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.deployments.changes import FIELDS
from app.deployments.diff_guard import Deployed, Guard
from app.deployments.diff_schemas import Change, Changes, ImageChange, NamedChange, RanImage, ValueChange
from app.deployments.diff_text import render, unified
from app.deployments.kinds import Kind
from app.deployments.masking import is_secret_variable, secret_columns_of


def compare(kind: Kind, before: Deployed | None, after: Deployed, guard: Guard) -> Changes:
    """Return what changed from `before` to `after`; with None everything is added."""
    old: Mapping[str, Any] = before.snapshot if before else {}
    was, will_be = render(kind, before, guard), render(kind, after, guard)
    notes = [side.problem for side in (was, will_be) if side.problem]
    parts: dict[str, Any] = {
        "fields": list(_fields(old, after.snapshot, guard)),
        "variables": list(_variables(old, after.snapshot, guard)),
        "logins": _named(_logins(old), _logins(after.snapshot), guard),
        "compose_services": _named(was.services, will_be.services, guard),
        "images": list(_images(before, after, notes)),
        "text": "".join(unified(was, will_be, guard, notes)),
    }
    return Changes(**parts, notes=notes, is_same=not any(parts.values()))


def _fields(before: Mapping[str, Any], after: Mapping[str, Any], guard: Guard) -> Iterator[ValueChange]:
    old, new = _values(before), _values(after)
    if before:
        # A field that only one of them has came with another version of Shiplog.
        old, new = ({name: one[name] for name in old.keys() & new.keys()} for one in (old, new))
    shown = [_values(guard.masked(snapshot)) for snapshot in (before, after)]
    hidden = secret_columns_of(after)
    for name, change in _changed(old, new, guard):
        if change != "added" or new[name] is not None:
            values = (shown[0].get(name), shown[1].get(name))
            yield _value_change(name, change, values, guard, is_secret=name in hidden)


def _values(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    named = {word: snapshot[key] for key, word in FIELDS.items() if key in snapshot and key != "compose"}
    return {**named, **snapshot.get("columns", {})}


def _variables(before: Mapping[str, Any], after: Mapping[str, Any], guard: Guard) -> Iterator[ValueChange]:
    old, new = _variables_of(before), _variables_of(after)
    for key, change in _changed(old, new, guard):
        sides = [(side[key], snapshot) for side, snapshot in ((old, before), (new, after)) if key in side]
        is_secret = any(is_secret_variable(variable, snapshot, guard.names) for variable, snapshot in sides)
        values = (old.get(key, {}).get("value"), new.get(key, {}).get("value"))
        yield _value_change(key, change, values, guard, is_secret=is_secret)


def _variables_of(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    return {variable["key"]: variable for variable in snapshot.get("env", ())}


def _value_change(name: str, change: Change, values: tuple[Any, Any], guard: Guard, *, is_secret: bool) -> ValueChange:
    before, after = (None, None) if is_secret else map(guard.show, values)
    return ValueChange(name=name, change=change, is_secret=is_secret, before=before, after=after)


def _logins(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    return {login["registry"]: login for login in snapshot.get("registries", ())}


def _named(old: Mapping[str, Any], new: Mapping[str, Any], guard: Guard) -> list[NamedChange]:
    return [NamedChange(name=name, change=change) for name, change in _changed(old, new, guard)]


def _images(before: Deployed | None, after: Deployed, notes: list[str]) -> Iterator[ImageChange]:
    unknown = [side.label for side in (before, after) if side is not None and side.image_digests is None]
    notes += [f"Which images {label} ran is not known." for label in unknown]
    if unknown:
        return
    old, new = (side.image_digests or {} if side else {} for side in (before, after))
    for service in sorted(old.keys() | new.keys()):
        if old.get(service) != new.get(service):
            change: Change = "removed" if service not in new else "changed" if service in old else "added"
            yield ImageChange(name=service, change=change, before=_ran(old, service), after=_ran(new, service))


def _ran(digests: Mapping[str, Any], service: str) -> RanImage | None:
    return RanImage(**digests[service]) if service in digests else None


def _changed(old: Mapping[str, Any], new: Mapping[str, Any], guard: Guard) -> Iterator[tuple[str, Change]]:
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield name, "added"
        elif name not in new:
            yield name, "removed"
        elif guard.hash_of(old[name]) != guard.hash_of(new[name]):
            yield name, "changed"
