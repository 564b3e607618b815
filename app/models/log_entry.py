"""A log entry: one redacted line as it is stored, in the plan's shape."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class AlikeEntries:
    """Entries that differ in nothing but their output and their number; `outputs` are joined with newlines.

    What a program prints in a moment is such a stretch. It is written as a whole, a tenth of what one by one takes.
    """

    outputs: str
    count: int
    type: EntryType
    timestamp: datetime
    batch: int
    hidden: bool

    def to_json(self, order: int) -> str:
        """Return their JSON text, numbered from `order` on, exactly as `join_entries` writes them one by one."""
        # A newline is now "\\n". Where a backslash ends before an n it is not: those are set aside as NUL, which JSON
        # never holds.
        quoted = orjson.dumps(self.outputs).decode()[1:-1]
        has_backslash = "\\\\" in quoted
        if has_backslash:
            quoted = quoted.replace("\\\\", "\0")
        before, after = self._around()
        parts = [before] * (4 * self.count)
        parts[1::4] = quoted.split("\\n")
        parts[2::4] = [after] * self.count
        parts[3::4] = map(str, range(order, order + self.count))
        text = "".join(parts)[2:] + "}"
        return text.replace("\0", "\\\\") if has_backslash else text

    def one_by_one(self) -> Iterator[dict[str, Any]]:
        """Yield the entries, still without their numbers."""
        for output in self.outputs.split("\n"):
            yield self._entry(output)

    def _entry(self, output: str) -> dict[str, Any]:
        return log_entry(
            output, type=self.type, timestamp=self.timestamp, order=0, batch=self.batch, hidden=self.hidden
        )

    def _around(self) -> tuple[str, str]:
        """Return what stands before each output, with the end of the entry before, and between it and the number."""
        before, after = join_entries([self._entry("")]).split('""')
        return "}," + before + '"', '"' + after.removesuffix("0}")


def join_entries(entries: Iterable[dict[str, Any]]) -> str:
    """Return the JSON text of a stretch: objects with commas between, no brackets, so that stretches join by string."""
    return b",".join(orjson.dumps(entry) for entry in entries).decode()


def number_entries(entries: Iterable[dict[str, Any] | AlikeEntries], order: int) -> tuple[str, int]:
    """Return the JSON text of entries whose numbers count from `order` on, and how many they are."""
    parts, next_order = [], order
    for entry in entries:
        if isinstance(entry, AlikeEntries):
            parts.append(entry.to_json(next_order))
            next_order += entry.count
        else:
            parts.append(join_entries([{**entry, "order": next_order}]))
            next_order += 1
    return ",".join(parts), next_order - order


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
