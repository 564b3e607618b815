"""Bytes on their way to a reader: all of them, in order, and never many at once."""

import asyncio
from collections import deque

import pytest

from app.remote.chunks import HIGH_WATER, LOW_WATER, ChunkQueue
from app.remote.errors import Lost


class Sender:
    """Behaves as asyncssh's channel: holds back while paused, delivers all of it at once when resumed."""

    def __init__(self, pieces: int, size: int) -> None:
        self.queue = ChunkQueue(self._pause, self._resume)
        self.most = 0
        self.pauses = 0
        self._left = deque(bytes([number % 256]) * size for number in range(pieces))
        self._window = 8
        self._is_paused = False

    def send(self) -> None:
        """Deliver until paused."""
        while self._left and not self._is_paused:
            self._deliver()

    def _deliver(self) -> None:
        self.queue.put("stdout", self._left.popleft())
        self.most = max(self.most, self.queue.size)
        if not self._left:
            self.queue.end()

    def _pause(self) -> None:
        self.pauses += 1
        self._is_paused = True

    def _resume(self) -> None:
        self._is_paused = False
        for _ in range(min(self._window, len(self._left))):  # what the window held back
            self._deliver()


async def test_a_slow_reader_gets_everything_and_little_waits_for_it() -> None:
    size = 32 * 1024
    sender = Sender(pieces=400, size=size)
    received = []
    sender.send()
    async for channel, data in sender.queue:
        assert channel == "stdout"
        received.append(data)
        sender.send()
    assert b"".join(received) == b"".join(bytes([number % 256]) * size for number in range(400))
    assert sender.pauses > 10
    assert sender.most <= max(HIGH_WATER + size, LOW_WATER + 8 * size)


async def test_what_waits_comes_together_as_far_as_it_is_of_one_stream() -> None:
    queue = ChunkQueue(lambda: None, lambda: None)
    queue.put("stdout", b"a")
    queue.put("stdout", b"b")
    queue.put("stderr", b"c")
    queue.put("stdout", b"d")
    queue.end()
    assert [piece async for piece in queue] == [("stdout", b"ab"), ("stderr", b"c"), ("stdout", b"d")]


async def test_a_reader_that_waits_is_woken() -> None:
    queue = ChunkQueue(lambda: None, lambda: None)
    waiting = asyncio.ensure_future(anext(queue))
    await asyncio.sleep(0)
    queue.put("stderr", b"late")
    assert await waiting == ("stderr", b"late")
    ending = asyncio.ensure_future(anext(queue, None))
    await asyncio.sleep(0)
    queue.end()
    assert await ending is None


async def test_what_was_received_comes_before_the_error() -> None:
    queue = ChunkQueue(lambda: None, lambda: None)
    queue.put("stdout", b"half")
    queue.end(Lost("gone"))
    queue.end()  # the first end is the one that counts
    assert await anext(queue) == ("stdout", b"half")
    for _ in range(2):
        with pytest.raises(Lost, match="gone"):
            await anext(queue)


async def test_a_cancelled_read_takes_nothing_along() -> None:
    queue = ChunkQueue(lambda: None, lambda: None)
    waiting = asyncio.ensure_future(anext(queue))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    queue.put("stdout", b"kept")
    assert await anext(queue) == ("stdout", b"kept")
