"""A snapshot without its secrets, so that what is rendered of it has none, however short or plain they are."""

import re
from collections.abc import Mapping
from typing import Any

from app.compose.literals import mask_literals
from app.databases.registry import UnknownDatabaseType, definition_of
from app.kit.redaction import REDACTED
from app.kit.redaction_forms import why_not_searched
from app.kit.secret_names import mask_passwords_in_urls, passwords_in_urls


def is_secret_variable(variable: Mapping[str, Any], snapshot: Mapping[str, Any], names: re.Pattern[str]) -> bool:
    """Return whether a variable of a snapshot is locked, is named like a secret, or holds one of the snapshot's secrets."""
    value = variable["value"]
    return bool(
        variable.get("is_shown_once")
        or names.search(variable["key"])
        or any(passwords_in_urls(value))
        or any(secret in value for secret in snapshot.get("secrets", ()) if why_not_searched(secret) is None)
    )


def secret_columns_of(snapshot: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of a database's columns whose values nobody may see; none for a service."""
    try:
        return frozenset(definition_of(snapshot["type"]).secret_columns) if "type" in snapshot else frozenset()
    except UnknownDatabaseType:
        return frozenset(snapshot.get("columns", ()))


def masked(snapshot: Mapping[str, Any], names: re.Pattern[str]) -> dict[str, Any]:
    """Return the snapshot with `<REDACTED>` for each secret; `names` finds the names that say so."""
    hidden = secret_columns_of(snapshot)
    result = {
        **snapshot,
        "env": [
            {**one, "value": REDACTED if is_secret_variable(one, snapshot, names) else one["value"]}
            for one in snapshot.get("env", ())
        ],
        "registries": [{**one, "password": REDACTED} for one in snapshot.get("registries", ())],
        "secrets": [],
    }
    if "compose" in snapshot:
        text = mask_literals(snapshot["compose"], lambda name, _: bool(names.search(name)), REDACTED)
        result["compose"] = mask_passwords_in_urls(text, REDACTED)
    if "columns" in snapshot:
        result["columns"] = {
            key: REDACTED if key in hidden and value else _without_urls(value)
            for key, value in snapshot["columns"].items()
        }
    if snapshot.get("tls"):
        result["tls"] = {**snapshot["tls"], "private_key": REDACTED}
    return result


def _without_urls(value: Any) -> Any:
    if isinstance(value, str):
        return mask_passwords_in_urls(value, REDACTED)
    if isinstance(value, list):
        return [_without_urls(one) for one in value]
    if isinstance(value, dict):
        return {key: _without_urls(one) for key, one in value.items()}
    return value
