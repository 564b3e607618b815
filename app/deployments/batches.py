"""What is read from the spools of a run: redacted lines, kept together as they came, and the batches that are stored."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

Channel = Literal["stdout", "stderr"]


class Line(NamedTuple):
    """One line, redacted and without its end; `end` is the offset in its spool that storing it acknowledges."""

    channel: Channel
    text: str
    step: int
    end: int


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that follow each other in a spool, redacted, without the end of the last; `data` is what was printed.

    `data` begins at offset `begin`. `is_one`: lines of a private key, which are stored together or not at all, since
    nobody could tell later what they are.
    """

    channel: Channel
    step: int
    text: str
    count: int
    data: bytes
    begin: int
    is_one: bool = False

    @property
    def end(self) -> int:
        """The offset in the spool that storing them acknowledges."""
        return self.begin + len(self.data)

    @property
    def first_end(self) -> int:
        """The offset that storing the first line acknowledges."""
        return self.begin + (self.data.find(b"\n") + 1 or len(self.data))

    def cut(self, count: int) -> tuple["Lines", "Lines"]:
        """Return the first `count` lines and the others; there is at least one of each."""
        data = self.data.split(b"\n", count)[count]
        text = self.text.split("\n", count)[count]
        size = len(self.data) - len(data)
        first = replace(self, text=self.text[: -len(text) - 1], count=count, data=self.data[:size])
        return first, replace(self, text=text, count=self.count - count, data=data, begin=self.begin + size)

    def cut_at(self, offset: int | None) -> tuple["Lines", "Lines | None"]:
        """Return the lines that end at or before `offset`, and the others; the first line is always one of them."""
        if offset is None or self.end <= offset:
            return self, None
        count = max(1, self.data.count(b"\n", 0, max(0, offset - self.begin)))
        return self.cut(count) if count < self.count else (self, None)

    def __iter__(self) -> Iterator[Line]:
        end = self.begin
        sizes = map(len, self.data.split(b"\n"))
        for text, size in zip(self.text.split("\n"), sizes, strict=False):
            end = min(end + size + 1, self.end)
            yield Line(self.channel, text, self.step, end)


class StepChange(NamedTuple):
    """Step `step` begins before entry number `before` (counted from 0) of its batch."""

    before: int
    step: int


class Batch(NamedTuple):
    """Lines to store in one transaction together with the offsets and the step that they acknowledge.

    A step changes between two of its `lines`, never within.
    """

    lines: tuple[Lines, ...]
    step_changes: tuple[StepChange, ...]
    stdout_offset: int
    stderr_offset: int
    step: int

    @property
    def entries(self) -> tuple[Line, ...]:
        """The lines one by one."""
        return tuple(line for lines in self.lines for line in lines)
