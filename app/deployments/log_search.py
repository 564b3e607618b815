"""Choosing from a log what was asked for, forwards or from its end, and showing it as plain text."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from app.deployments.reading import LogPage
from app.kit.redaction_forms import CODES

MOST_EXAMINED = 100_000
"""So many entries are looked at for one answer; the next page goes on behind them."""

Read = Callable[[int], Awaitable[LogPage | None]]
"""Reads what is stored behind an order, in one go."""
ReadPart = Callable[[int, int], Awaitable[LogPage | None]]
"""Reads a number of entries behind an order."""
Entry = dict[str, Any]


class Interrupted(Exception):
    """A download that cannot go on: its connection breaks, or half a log would look like a whole one."""


@dataclass(frozen=True)
class Choice:
    """Which entries are wanted: of a type, with a text (literal, upper and lower case alike), hidden ones too."""

    type: str | None = None
    q: str | None = None
    include_hidden: bool = False

    def takes(self, entry: Entry) -> bool:
        """Return whether an entry is wanted; the text is looked for in what is seen, not in colour codes."""
        if entry["hidden"] and not self.include_hidden:
            return False
        if self.type is not None and entry["type"] != self.type:
            return False
        if not self.q:
            return True
        wanted = self.q.casefold()
        return any(wanted in without_ansi(text).casefold() for text in (entry["output"], entry["command"] or ""))


@dataclass(frozen=True)
class Found:
    """What was found, the order up to which it was looked for, and where the deployment stood then."""

    entries: list[Entry]
    next_after: int
    status: str
    log_count: int


async def find_behind(read: Read, choice: Choice, *, after: int, limit: int) -> Found | None:
    """Return the first `limit` wanted entries behind `after`; None when the deployment is gone."""
    found: list[Entry] = []
    examined = 0
    while (page := await read(after)) is not None:
        for entry in page.entries:
            after = entry["order"]
            if choice.takes(entry):
                found.append(entry)
                if len(found) == limit:
                    break
        examined += len(page.entries)
        if len(found) == limit or after >= page.log_count or not page.entries or examined >= MOST_EXAMINED:
            return Found(found, after, page.status, page.log_count)
    return None


async def find_last(read_part: ReadPart, choice: Choice, *, after: int, count: int, tail: int) -> list[Entry]:
    """Return the last `tail` wanted entries of the first `count`, none at or before `after`."""
    found: list[Entry] = []
    end, step = count, max(tail, 500)
    while end > after and len(found) < tail and count - end < MOST_EXAMINED:
        begin = max(after, end - step)
        page = await read_part(begin, end - begin)
        if page is None:
            break
        found = [entry for entry in page.entries if choice.takes(entry)] + found
        end, step = begin, step * 2  # a sealed log is parsed as a whole each time
    return found[-tail:]


class Style(Protocol):
    """How entries are written one by one."""

    def render(self, entry: Entry) -> str:
        """Return the lines of an entry, each with its newline."""
        ...


@dataclass(frozen=True)
class TextStyle:
    """How entries look as text."""

    timestamps: bool = False
    ansi: bool = True

    def render(self, entry: Entry) -> str:
        """Return the lines of an entry, each with its newline: the step that it opens, its command, its output."""
        lines = []
        if entry.get("name"):
            lines.append(f"── {entry['name']}")
        if entry["command"]:
            lines.append(f"$ {entry['command']}")
        if entry["output"] != entry.get("name"):  # an entry that opens a step says its name again
            lines += entry["output"].split("\n")
        stamp = f"{entry['timestamp']} " if self.timestamps else ""
        text = "".join(f"{stamp}{line}\n" for line in lines)
        return text if self.ansi else without_ansi(text)


async def stream_text(
    read: Read, choice: Choice, style: Style, *, after: int, until: int, limit: int | None
) -> AsyncIterator[bytes]:
    """Yield the wanted entries behind `after`, up to order `until`, as UTF-8; raise Interrupted when one is missing."""
    left = limit if limit is not None else until
    while after < until and left > 0:
        page = await read(after)
        if page is None or not page.follows(after):
            raise Interrupted("Entries of the log are missing, or the deployment is gone.")
        entries = [entry for entry in page.entries if entry["order"] <= until and choice.takes(entry)][:left]
        yield "".join(map(style.render, entries)).encode()
        left -= len(entries)
        after = page.entries[-1]["order"]


def without_ansi(text: str) -> str:
    """Return a text without its colour codes and other escape sequences."""
    return CODES.sub("", text) if "\x1b" in text else text
