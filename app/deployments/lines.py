"""Turns the bytes of a run's two spools into redacted lines, so that any restart yields each line exactly once."""

import codecs
import re
from collections import deque
from itertools import accumulate
from typing import Final, Literal, NamedTuple

from app.compose.marker import step_marker
from app.kit.redaction import Redactor, key_stretches

Channel = Literal["stdout", "stderr"]

LINE_LIMIT: Final = 64 * 1024
"""A line of more bytes is stored in pieces."""
KEY_LINE_LIMIT: Final = 16 * 1024
"""No line within a private key has so many bytes: once this much of one is there, the key is over."""
KEY_SIZE_LIMIT: Final = 256 * 1024
"""No private key has so many bytes, whatever stands before its lines: more are not held for one."""
HELD_LIMIT: Final = 4 * 1024 * 1024
"""So many bytes are held beyond a marker that the other stream has not passed; what comes after is thrown away."""
GOES_ON: Final = " …"
"""Ends every piece of a cut line but the last."""
WENT_BEFORE: Final = "… "
"""Begins every piece of a cut line but the first."""

_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?)?")


class Line(NamedTuple):
    """One line, redacted and without its end; `end` is the offset in its spool that storing it acknowledges."""

    channel: Channel
    text: str
    step: int
    end: int


class StepChange(NamedTuple):
    """Step `step` begins before entry number `before` (counted from 0) of its batch."""

    before: int
    step: int


class Batch(NamedTuple):
    """Entries to store in one transaction together with the offsets and the step that they acknowledge."""

    entries: tuple[Line, ...]
    step_changes: tuple[StepChange, ...]
    stdout_offset: int
    stderr_offset: int
    step: int


class Gap(ValueError):
    """Bytes between the known position and those that were fed are missing."""


class _Block(NamedTuple):
    """Lines that are stored together or not at all: within a private key nobody could tell later that it is one."""

    lines: tuple[Line, ...]


class _Passed(NamedTuple):
    """The streams passed the marker of a step, up to these offsets."""

    step: int
    ends: tuple[tuple[Channel, int], ...]


class _Stream:
    """One spool as far as it was fed: `buffer` begins at offset `base`, `before` is the byte in front of it."""

    def __init__(self, channel: Channel, offset: int, step: int) -> None:
        self.channel: Channel = channel
        self.step = step
        self.before = b"" if offset else b"\n"
        self.base = offset
        self.buffer = bytearray()
        self.waiting = False  # the buffer begins with the marker of step + 1
        self.overfull = False
        self.fresh = False  # bytes came that were not looked at

    @property
    def position(self) -> int:
        return self.base + len(self.buffer) - (not self.before)

    def feed(self, offset: int, data: bytes) -> None:
        if offset > self.position:
            if self.overfull:
                return
            raise Gap(f"{self.channel} is known up to byte {self.position}, the next bytes are from {offset} on.")
        data = data[self.position - offset :]
        if not self.before:
            self.before, data = data[:1], data[1:]
        if self.waiting and len(self.buffer) + len(data) > HELD_LIMIT:
            self.overfull = True
            data = data[: max(0, HELD_LIMIT - len(self.buffer))]
        self.buffer += data
        self.fresh = bool(data) or self.fresh

    def drop(self, size: int) -> bytes:
        """Take the first `size` bytes out of the buffer and return them."""
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        self.base += size
        self.before = taken[-1:] or self.before
        return taken

    @property
    def continued(self) -> bool:
        """Whether the buffer begins in the middle of a line; a function of the byte before it alone."""
        return self.before not in (b"\n", b"\r")


class SpoolReader:
    r"""Reads both spools of a run from acknowledged offsets on; pure, for one run and one reader at a time.

    Feed bytes as they come, in order within a stream, beginning at `position(channel)`: one byte before the
    acknowledged offset, since that byte says whether a line goes on (anything but `\n` and `\r`). Take batches; a
    reader made with a batch's offsets and step, fed with the rest, yields what this one yields after that batch.

    Lines end at `\n`. Of a progress line (`\r`) the last state that shows something is kept. NUL is removed, invalid
    UTF-8 replaced. A line of more than `LINE_LIMIT` bytes is cut where no secret and no character is cut, its pieces
    end with ` …` and begin with `… `; if it holds `\r`, the states that a later one replaced are dropped instead.

    The lines of a private key are held until it ends or looks like none, and stay together.

    Step markers are taken out. A stream waits at a marker until the other one has come to the same one; meanwhile its
    bytes are held, up to `HELD_LIMIT`. Only the marker of the stream's step + 1 is one, any other is text.
    """

    def __init__(
        self, redactor: Redactor, nonce: str, stdout_offset: int = 0, stderr_offset: int = 0, step: int = 0
    ) -> None:
        self._redactor = redactor
        self._nonce = nonce
        self._stdout = _Stream("stdout", stdout_offset, step)
        self._stderr = _Stream("stderr", stderr_offset, step)
        self._queue: deque[Line | _Block | tuple[Channel, int] | _Passed] = deque()
        self._acknowledged: dict[Channel, int] = {"stdout": stdout_offset, "stderr": stderr_offset}
        self._step = step
        self._barrier = True

    def feed(self, channel: Channel, offset: int, data: bytes) -> None:
        """Add the bytes of a spool from `offset` on; what is known already is ignored.

        Raises `Gap` when bytes before `offset` are missing, unless the stream is overfull: then they are thrown away.
        """
        self._stream(channel).feed(offset, data)
        self._read()

    def take(self, limit: int = 500) -> Batch:
        """Return up to `limit` entries (a step change counts as one) with what storing them acknowledges.

        They are more only when a private key of more lines comes first.
        """
        entries: list[Line] = []
        changes: list[StepChange] = []
        while self._queue:
            item = self._queue[0]
            taken = len(entries) + len(changes)
            if isinstance(item, _Block):
                full = taken > 0 and taken + len(item.lines) > limit
            else:
                full = taken >= limit and isinstance(item, Line | _Passed)
            if full:
                break
            self._queue.popleft()
            if isinstance(item, Line | _Block):
                lines = (item,) if isinstance(item, Line) else item.lines
                entries += lines
                self._acknowledged[lines[-1].channel] = lines[-1].end
            elif isinstance(item, _Passed):
                self._acknowledged.update(item.ends)
                if item.step > self._step:
                    self._step = item.step
                    changes.append(StepChange(len(entries), item.step))
            else:
                self._acknowledged[item[0]] = item[1]
        stdout_offset, stderr_offset = self._acknowledged["stdout"], self._acknowledged["stderr"]
        return Batch(tuple(entries), tuple(changes), stdout_offset, stderr_offset, self._step)

    @property
    def pending(self) -> int:
        """About how many entries `take` has to give."""
        return len(self._queue)

    def position(self, channel: Channel) -> int:
        """Return the offset of the next byte to feed: follow and read from there."""
        return self._stream(channel).position

    def held(self, channel: Channel) -> int:
        """Return how many bytes wait at a marker for the other stream."""
        stream = self._stream(channel)
        return len(stream.buffer) if stream.waiting else 0

    @property
    def lagging(self) -> Channel | None:
        """The stream that has not come to the marker at which the other one waits."""
        for stream, other in ((self._stdout, self._stderr), (self._stderr, self._stdout)):
            if other.waiting and not stream.waiting:
                return stream.channel
        return None

    @property
    def overfull(self) -> bool:
        """Whether bytes were thrown away: close the follower and read only `lagging`, in pieces, until this is false.

        Then follow from `position` again: the bytes that were thrown away are read once more.
        """
        return self._stdout.overfull or self._stderr.overfull

    def drop_barrier(self) -> None:
        """Let the stream that waits at a marker pass it alone; the lagging one keeps its step until its own marker."""
        for stream in (self._stdout, self._stderr):
            if stream.waiting:
                self._pass(stream)
                break
        self._read()

    def finish(self) -> None:
        """Yield also the last lines without an end: the run is over and every byte was fed.

        Raises ValueError while the reader is overfull: bytes are missing.
        """
        if self.overfull:
            raise ValueError("Bytes beyond a marker were thrown away: drop the barrier and feed the rest first.")
        for stream in (self._stdout, self._stderr):
            if not stream.waiting:
                self._lines(stream, len(stream.buffer))
        self._barrier = False
        self._read()
        for stream in (self._stdout, self._stderr):
            self._lines(stream, len(stream.buffer))

    def _stream(self, channel: Channel) -> _Stream:
        return self._stdout if channel == "stdout" else self._stderr

    def _read(self) -> None:
        """Read both streams as far as bytes and barrier allow."""
        while True:
            for stream in (self._stdout, self._stderr):
                if stream.fresh and not stream.waiting:
                    self._read_to_marker(stream)
            waiting = [stream for stream in (self._stdout, self._stderr) if stream.waiting]
            # A stream that a dropped barrier left behind is not waited for, and itself waits for nobody.
            level = self._stdout.step == self._stderr.step
            if not waiting or (self._barrier and level and len(waiting) < 2):
                return
            if level:
                self._pass(*waiting)
            else:
                self._pass(min(waiting, key=lambda stream: stream.step))

    def _read_to_marker(self, stream: _Stream) -> None:
        stream.fresh = False
        marker = step_marker(self._nonce, stream.step + 1)
        found = stream.buffer.find(marker)
        self._lines(stream, found if found >= 0 else _size_without_open_key(stream.buffer))
        if found >= 0:
            stream.waiting = True
            return
        # What is left, unless it is a key, is one line without an end; a marker that begins within the limit must be
        # ruled out.
        while len(stream.buffer) >= LINE_LIMIT + len(marker) and b"\n" not in stream.buffer:
            self._shorten(stream)

    def _pass(self, *streams: _Stream) -> None:
        step = streams[0].step + 1
        for stream in streams:
            stream.drop(len(step_marker(self._nonce, step)))
            stream.step, stream.waiting, stream.overfull, stream.fresh = step, False, False, True
        self._queue.append(_Passed(step, tuple((stream.channel, stream.base) for stream in streams)))

    def _lines(self, stream: _Stream, size: int) -> None:
        """Queue the lines in the first `size` bytes, which end with a line's end, before a marker or with the run."""
        while size:
            long = _long_line(stream.buffer, size)
            if long != 0:
                size -= self._whole_lines(stream, size if long is None else long)
            else:
                size -= self._shorten(stream)

    def _whole_lines(self, stream: _Stream, size: int) -> int:
        continued, begin = stream.continued, stream.base
        data = stream.drop(size)
        sizes = [len(line) + 1 for line in data.split(b"\n")]
        # All lines at once: redaction never goes over a newline, and line by line costs three times as much.
        text = data.replace(b"\0", b"").decode("utf-8", "replace")
        texts = self._redactor.redact(text).split("\n")
        if data.endswith(b"\n"):
            texts.pop()
        if "\r" in "".join(texts):
            texts = [_last_state(text) for text in texts]
        if continued:
            texts[0] = WENT_BEFORE + texts[0]
        ends = accumulate(sizes, initial=begin)
        next(ends)
        channel, step, last = stream.channel, stream.step, stream.base
        lines = [Line(channel, text, step, min(end, last)) for text, end in zip(texts, ends, strict=False)]
        shown = 0
        for begin, stop, _ in key_stretches(text):
            self._queue.extend(lines[shown:begin])
            self._queue.append(_Block(tuple(lines[begin:stop])))
            shown = stop
        self._queue.extend(lines[shown:])
        return size

    def _shorten(self, stream: _Stream) -> int:
        """Cut a piece off a line that is too long, or drop its replaced states; return how many bytes that were.

        The result depends on nothing but the first `LINE_LIMIT` bytes of the line (and the byte before).
        """
        window = bytes(stream.buffer[:LINE_LIMIT])
        # Escaped bytes keep the way back from characters to bytes; a character cut off at the end is left out.
        text, _ = codecs.utf_8_decode(window.replace(b"\0", b""), "surrogateescape", False)
        shown, length = "", self._replaced(text)
        if not length:
            shown, length = self._redactor.split(text)
        size = _size_with_nuls(window, len(text[:length].encode("utf-8", "surrogateescape"))) or len(window)
        mark = WENT_BEFORE if stream.continued else ""
        stream.drop(size)
        if shown:
            shown = _last_state(shown.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
            self._queue.append(Line(stream.channel, mark + shown + GOES_ON, stream.step, stream.base))
        else:
            self._queue.append((stream.channel, stream.base))
        return size

    def _replaced(self, text: str) -> int:
        """Return up to where, after a carriage return outside every match, later states have replaced `text`."""
        states = text.split("\r")
        while len(states) > 1 and not _shows(states[-1]):
            states.pop()
        if len(states) < 2:
            return 0
        matches, safe = self._redactor.spans(text), len(text) - self._redactor.live_tail(text)
        begins = list(accumulate((len(state) + 1 for state in states[:-1]), initial=0))
        for begin in reversed(begins[1:]):
            if begin <= safe and not any(start < begin < end for start, end in matches):
                return begin
        return 0


def _size_without_open_key(data: bytearray) -> int:
    """Return how many bytes of `data` are whole lines, those of a private key left out that may go on after them."""
    size = data.rfind(b"\n") + 1
    begin = data.find(b"-----BEGIN")
    # What follows is no line of a key when it is that long already.
    if not 0 <= begin < size or len(data) - size >= KEY_LINE_LIMIT:
        return size
    text = bytes(data[:size]).replace(b"\0", b"").decode("utf-8", "replace")
    stretches = key_stretches(text)
    if not stretches or not stretches[-1][2]:
        return size
    lines = bytes(data[:size]).split(b"\n")[: stretches[-1][0]]
    begin = sum(map(len, lines)) + len(lines)
    return begin if size - begin < KEY_SIZE_LIMIT else size


def _long_line(data: bytearray, size: int) -> int | None:
    """Return where in `data[:size]` the first line of more than `LINE_LIMIT` bytes begins, if there is one."""
    begin = 0
    while size - begin > LINE_LIMIT:
        end = data.rfind(b"\n", begin, begin + LINE_LIMIT + 1)
        if end < 0:
            return begin
        begin = end + 1
    return None


def _shows(state: str) -> bool:
    return bool(_CODES.sub("", state).strip())


def _last_state(line: str) -> str:
    """Return what a terminal shows last of a line with carriage returns."""
    if "\r" not in line:
        return line
    states = line.split("\r")
    shown = next((state for state in reversed(states) if _shows(state)), None)
    return shown if shown is not None else next((state for state in reversed(states) if state), "")


def _size_with_nuls(data: bytes, size: int) -> int:
    """Return the length of the shortest beginning of `data` that holds `size` bytes that are not NUL."""
    end = size
    while (missing := size - end + data.count(0, 0, end)) > 0:
        end += missing
    return end
