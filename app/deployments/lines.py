"""Turns the bytes of a run's two spools into redacted lines, so that any restart yields each line exactly once."""

import codecs
from collections import deque
from itertools import accumulate
from typing import Final, NamedTuple

from app.compose.marker import step_marker
from app.deployments.batches import Batch, Channel, Lines, StepChange
from app.deployments.private_keys import keys_together, size_without_open_key
from app.deployments.spool import Stream
from app.deployments.terminal import last_state, shows
from app.kit.redaction import Redactor, key_stretches

LINE_LIMIT: Final = 64 * 1024
"""A line of more bytes is stored in pieces."""
GOES_ON: Final = " …"
"""Ends every piece of a cut line but the last."""
WENT_BEFORE: Final = "… "
"""Begins every piece of a cut line but the first."""


class _Passed(NamedTuple):
    """The streams passed the marker of a step, up to these offsets."""

    step: int
    ends: tuple[tuple[Channel, int], ...]


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
        self._stdout = Stream("stdout", stdout_offset, step)
        self._stderr = Stream("stderr", stderr_offset, step)
        self._queue: deque[Lines | tuple[Channel, int] | _Passed] = deque()
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
        lines: list[Lines] = []
        changes: list[StepChange] = []
        count = 0
        while self._queue:
            item = self._queue[0]
            room = limit - count - len(changes)
            if isinstance(item, Lines):
                if item.count > room and (count or changes):
                    break
                self._queue.popleft()
                if item.count > room and not item.is_one:
                    item, rest = item.cut(room)
                    self._queue.appendleft(rest)
                lines.append(item)
                count += item.count
                self._acknowledged[item.channel] = item.end
            elif isinstance(item, _Passed):
                if room <= 0:
                    break
                self._queue.popleft()
                self._acknowledged.update(item.ends)
                if item.step > self._step:
                    self._step = item.step
                    changes.append(StepChange(count, item.step))
            else:
                self._queue.popleft()
                self._acknowledged[item[0]] = item[1]
        stdout_offset, stderr_offset = self._acknowledged["stdout"], self._acknowledged["stderr"]
        return Batch(tuple(lines), tuple(changes), stdout_offset, stderr_offset, self._step)

    @property
    def pending(self) -> int:
        """About how many entries `take` has to give."""
        return sum(item.count if isinstance(item, Lines) else 1 for item in self._queue)

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

    def _stream(self, channel: Channel) -> Stream:
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

    def _read_to_marker(self, stream: Stream) -> None:
        stream.fresh = False
        marker = step_marker(self._nonce, stream.step + 1)
        found = stream.buffer.find(marker)
        self._lines(stream, found if found >= 0 else size_without_open_key(stream.buffer))
        if found >= 0:
            stream.waiting = True
            return
        # What is left, unless it is a key, is one line without an end; a marker that begins within the limit must be
        # ruled out.
        while len(stream.buffer) >= LINE_LIMIT + len(marker) and b"\n" not in stream.buffer:
            self._shorten(stream)

    def _pass(self, *streams: Stream) -> None:
        step = streams[0].step + 1
        for stream in streams:
            stream.drop(len(step_marker(self._nonce, step)))
            stream.step, stream.waiting, stream.overfull, stream.fresh = step, False, False, True
        self._queue.append(_Passed(step, tuple((stream.channel, stream.base) for stream in streams)))

    def _lines(self, stream: Stream, size: int) -> None:
        """Queue the lines in the first `size` bytes, which end with a line's end, before a marker or with the run."""
        while size:
            long = _long_line(stream.buffer, size)
            if long != 0:
                size -= self._whole_lines(stream, size if long is None else long)
            else:
                size -= self._shorten(stream)

    def _whole_lines(self, stream: Stream, size: int) -> int:
        continued, begin = stream.continued, stream.base
        data = stream.drop(size)
        count = data.count(b"\n") + (not data.endswith(b"\n"))
        text = (data.replace(b"\0", b"") if b"\0" in data else data).decode("utf-8", "replace")
        # All lines at once: redaction never goes over a newline, and line by line costs many times as much.
        shown = self._redactor.redact(text)
        has_returns = "\r" in shown
        if has_returns:  # before a newline it replaces nothing
            shown = shown.replace("\r\n", "\n")
        if data.endswith(b"\n"):
            shown = shown[:-1]
        if has_returns and "\r" in shown:
            shown = "\n".join(map(last_state, shown.split("\n")))
        if continued:
            shown = WENT_BEFORE + shown
        lines = Lines(stream.channel, stream.step, shown, count, data, begin)
        self._queue.extend(keys_together(lines, key_stretches(text)))
        return size

    def _shorten(self, stream: Stream) -> int:
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
        mark, begin = WENT_BEFORE if stream.continued else "", stream.base
        data = stream.drop(size)
        if shown:
            shown = last_state(shown.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
            self._queue.append(Lines(stream.channel, stream.step, mark + shown + GOES_ON, 1, data, begin))
        else:
            self._queue.append((stream.channel, stream.base))
        return size

    def _replaced(self, text: str) -> int:
        """Return up to where, after a carriage return outside every match, later states have replaced `text`."""
        states = text.split("\r")
        while len(states) > 1 and not shows(states[-1]):
            states.pop()
        if len(states) < 2:
            return 0
        matches, safe = self._redactor.spans(text), len(text) - self._redactor.live_tail(text)
        begins = list(accumulate((len(state) + 1 for state in states[:-1]), initial=0))
        for begin in reversed(begins[1:]):
            if begin <= safe and not any(start < begin < end for start, end in matches):
                return begin
        return 0


def _long_line(data: bytearray, size: int) -> int | None:
    """Return where in `data[:size]` the first line of more than `LINE_LIMIT` bytes begins, if there is one."""
    begin = 0
    while size - begin > LINE_LIMIT:
        end = data.rfind(b"\n", begin, begin + LINE_LIMIT + 1)
        if end < 0:
            return begin
        begin = end + 1
    return None


def _size_with_nuls(data: bytes, size: int) -> int:
    """Return the length of the shortest beginning of `data` that holds `size` bytes that are not NUL."""
    end = size
    while (missing := size - end + data.count(0, 0, end)) > 0:
        end += missing
    return end
