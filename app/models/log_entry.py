"""A log entry: one redacted line as it is stored, in the plan's shape."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import orjson

from app.kit.clock import to_text

EntryType = Literal["stdout", "stderr"]


def log_entry(
    output: str,
    *,
    type: EntryType = "stdout",  # noqa: A002 - the plan's word
    timestamp: datetime,
    order: int,
    batch: int = 1,
    command: str | None = None,
    name: str | None = None,
    hidden: bool = False,
) -> dict[str, Any]:
    """Return the entry; `name` is there only on the entry that opens a step."""
    entry: dict[str, Any] = {
        "command": command,
        "output": output,
        "type": type,
        "timestamp": to_text(timestamp),
        "hidden": hidden,
        "batch": batch,
        "order": order,
    }
    if name is not None:
        entry["name"] = name
    return entry


def join_entries(entries: Iterable[dict[str, Any]]) -> str:
    """Return the JSON text of a stretch: objects with commas between, no brackets, so that stretches join by string."""
    return b",".join(orjson.dumps(entry) for entry in entries).decode()


def parse_entries(text: str) -> list[dict[str, Any]]:
    """Return the entries of a stretch written by `join_entries`, or of several joined with commas."""
    parsed: list[dict[str, Any]] = orjson.loads(f"[{text}]")
    return parsed


def own_message(message: str, type: str) -> tuple[str, EntryType]:  # noqa: A002 - the plan's word
    """Return text and type of an entry that Shiplog itself writes: trimmed, `╔` on a line of its own, error is stderr.

    Raises ValueError for a type that is not stdout, stderr or error.
    """
    if type not in {"stdout", "stderr", "error"}:
        raise ValueError(f"A log entry is of type stdout, stderr or error, not {type!r}.")
    text = message.strip().replace("\x00", "")
    if text.startswith("╔"):
        text = "\n" + text
    return text, "stdout" if type == "stdout" else "stderr"
