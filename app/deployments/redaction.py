"""What the log of a deployment has to hide, out of its snapshot; and what it cannot hide, in words."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.compose.literals import compose_literals
from app.databases.registry import UnknownDatabaseType, definition_of
from app.kit.redaction_forms import why_not_searched
from app.kit.secret_names import passwords_in_urls

_NAMES_SOMETHING = re.compile(r"(?i)(?:^|_)(?:user|username|login|name|db|database|host|hostname)$")
_NO_VALUE = re.compile(r"(?i)\d*|true|false|yes|no|on|off|none|null|\$\{?[A-Za-z_][A-Za-z0-9_]*\}?")


@dataclass(frozen=True)
class Hiding:
    """The secrets to search for; those that are not, because the log would suffer; and a sentence for each of these."""

    secrets: frozenset[str]
    unsearched: frozenset[str]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Hiding({len(self.secrets)} secrets, notes={self.notes})"


def hiding_of(snapshot: Mapping[str, Any], more: Iterable[str], secret_names: str) -> Hiding:
    """Return what to hide of a deployment: its own secrets, `more`, and values under a name that says secret.

    `secret_names` is the regular expression for such names.
    """
    names = {name.lower() for name in _names(snapshot) if name}
    candidates = dict.fromkeys(_candidates(snapshot, re.compile(secret_names)))
    values = {*more, *(value for _, value in candidates if value)}
    values |= {password for value in tuple(values) for password in passwords_in_urls(value)}
    reasons = {value: reason for value in values if (reason := _why_not_searched(value, names))}
    notes = [
        f"{label} cannot be masked in this log: {reasons[value]}."
        for label, value in candidates
        if label and value in reasons
    ]
    return Hiding(frozenset(values - set(reasons)), frozenset(reasons), tuple(dict.fromkeys(notes)))


def _why_not_searched(value: str, names: set[str]) -> str | None:
    if value.strip().lower() in names:
        return "it is the same as a name that the log contains"
    return why_not_searched(value)


def _names(snapshot: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words that any log of this deployment has: users, databases, the resource's own name."""
    yield from (str(snapshot.get(key) or "") for key in ("uuid", "name", "project", "environment", "network", "type"))
    for name, value in (snapshot.get("columns") or {}).items():
        if _NAMES_SOMETHING.search(name) and isinstance(value, str):
            yield value
    for variable in snapshot.get("env", ()):
        if _NAMES_SOMETHING.search(variable["key"]) and not variable.get("is_shown_once"):
            yield variable["value"]


def _candidates(snapshot: Mapping[str, Any], secret_names: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Yield what to hide with what a person calls it; without a name where nobody has to be told."""
    for variable in snapshot.get("env", ()):
        key, value = variable["key"], variable["value"]
        if variable.get("is_shown_once") or (secret_names.search(key) and not _NO_VALUE.fullmatch(value)):
            yield f"The variable {key}", value
        yield from (("", password) for password in passwords_in_urls(value))
    columns = snapshot.get("columns") or {}
    for column in _secret_columns(snapshot.get("type")):
        yield f"The column {column}", columns.get(column) or ""
    for registry in snapshot.get("registries", ()):
        yield f"The password of the registry {registry['registry']}", registry["password"]
    for name, value in compose_literals(snapshot.get("compose") or ""):
        if secret_names.search(name) and not _NO_VALUE.fullmatch(value):
            yield f"{name} in the Compose file", value
        yield from (("", password) for password in passwords_in_urls(value))


def _secret_columns(database_type: str | None) -> tuple[str, ...]:
    try:
        return definition_of(database_type).secret_columns if database_type else ()
    except UnknownDatabaseType:
        # Planning says so, in the log; the row's own secrets are hidden all the same.
        return ()
