"""The last lines of a log, short enough for a message."""

from collections.abc import Iterable
from typing import Any

from app.deployments.log_search import without_ansi
from app.kit.redaction import Redactor

LINES = 20
LINE_CHARACTERS = 300
CHARACTERS = 3000
"""Chat services cut, or refuse, what has much more."""


def excerpt_of(entries: Iterable[dict[str, Any]], redactor: Redactor) -> list[str]:
    """Return the last lines that a person would see, redacted and without colour codes; bounded in every direction."""
    # Redacted as a whole and before anything is cut off: half a secret is not recognised.
    seen = "\n".join(entry["output"] for entry in entries if not entry["hidden"])
    lines = [line.rstrip() for line in without_ansi(redactor.redact(seen)).splitlines()]
    kept: list[str] = []
    room = CHARACTERS
    for line in reversed([line for line in lines if line][-LINES:]):
        short = line if len(line) <= LINE_CHARACTERS else f"{line[: LINE_CHARACTERS - 1]}…"
        room -= len(short) + 1
        if room < 0:
            break
        kept.insert(0, short)
    return kept
