"""Entries, status and end of a log as server-sent events, ready as bytes for all who watch."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson
from fastapi.sse import format_sse_event

RETRY = format_sse_event(retry=1000)
PING = b": ping\n"
"""A comment without the blank line of an event: some clients make an empty event of that."""


class Frame(NamedTuple):
    """An entry as it is sent."""

    order: int
    is_hidden: bool
    event: bytes


def frames_of(entries: Sequence[dict[str, Any]]) -> Iterator[Frame]:
    """Yield entries as they are sent: `order` is the event's id, the entry its data."""
    for entry in entries:
        data = orjson.dumps(entry)
        yield Frame(entry["order"], entry["hidden"], b"id: %d\ndata: %b\n\n" % (entry["order"], data))


def event(name: str, **data: Any) -> bytes:
    """Return an event without an id: it is no entry, and whoever comes back goes on behind the last entry."""
    return format_sse_event(event=name, data_str=orjson.dumps(data).decode())
