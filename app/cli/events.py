"""Server-sent events as they come over HTTP."""

from collections.abc import AsyncIterator
from typing import NamedTuple


class Event(NamedTuple):
    """One event: `message` when it has no name; `id` is its own, None without one."""

    name: str
    data: str
    id: str | None


async def events_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    """Yield the events with data; half a one at the end is left out.

    Lines end with the newline alone: JSON may hold the other characters that `str.splitlines` cuts at.
    """
    fields: dict[str, list[str]] = {}
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in map(bytes.decode, lines):
            name, _, value = line.removesuffix("\r").partition(":")
            if name:
                fields.setdefault(name, []).append(value.removeprefix(" "))
            elif not line.startswith(":"):
                if "data" in fields:
                    yield _event(fields)
                fields = {}


def _event(fields: dict[str, list[str]]) -> Event:
    name = fields.get("event", ["message"])[-1]
    return Event(name, "\n".join(fields["data"]), fields["id"][-1] if "id" in fields else None)
