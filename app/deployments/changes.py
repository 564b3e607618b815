"""What changed in a resource's configuration since its last finished deployment: names for its log, never values."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.databases.registry import UnknownDatabaseType, definition_of

# What the API calls them; the rest of a snapshot is of one deployment, or follows from what is compared here.
FIELDS = {
    "name": "name",
    "project": "project",
    "environment": "environment",
    "network": "network",
    "compose": "docker_compose_raw",
    "connect_to_network": "connect_to_docker_network",
}
_MOST_NAMES = 20


def change_notes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Return sentences on what differs between two snapshots of one resource; nothing without a first one."""
    if not before:
        return ()
    changed = dict.fromkeys(_changed(before, after))
    late = _only_at_first(after.get("type"))
    notes = {
        "Changed since the last finished deployment, in force from this start": [n for n in changed if n not in late],
        "Changed, but the image reads it only over an empty data folder": [n for n in changed if n in late],
    }
    return tuple(f"{text}: {_listed(names)}." for text, names in notes.items() if names)


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    # A field or a column that only one of them has came with another version of Shiplog.
    yield from (word for key, word in FIELDS.items() if key in before and before[key] != after.get(key, before[key]))
    columns = (snapshot.get("columns") or {} for snapshot in (before, after))
    yield from _differing(*columns, in_both=True)
    variables = (_by(snapshot.get("env", ()), "key") for snapshot in (before, after))
    yield from (f"the variable {key}" for key in _differing(*variables))
    logins = (_by(snapshot.get("registries", ()), "registry") for snapshot in (before, after))
    yield from (f"the login of {registry}" for registry in _differing(*logins))


def _differing(before: Mapping[str, Any], after: Mapping[str, Any], *, in_both: bool = False) -> Iterator[str]:
    names = before.keys() & after.keys() if in_both else before.keys() | after.keys()
    return (name for name in sorted(names) if before.get(name) != after.get(name))


def _by(entries: Any, name: str) -> dict[str, Any]:
    return {entry[name]: entry for entry in entries}


def _only_at_first(database_type: str | None) -> frozenset[str]:
    try:
        return definition_of(database_type).fixed | {"init_scripts"} if database_type else frozenset()
    except UnknownDatabaseType:
        return frozenset()


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
