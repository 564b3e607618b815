"""Bytes on their way to a reader, with back-pressure: a slow reader stops the sender, memory stays bounded."""

import asyncio
from collections import deque
from collections.abc import Callable

from app.remote.errors import RemoteError
from app.remote.host import Channel

HIGH_WATER = 128 * 1024
LOW_WATER = 32 * 1024


class ChunkQueue:
    """An async iterator over what `put` brings, until `end`; more than HIGH_WATER bytes waiting call `pause`.

    asyncssh opens its window again at the first byte it delivers after a pause, however much it still holds back, so
    resuming for one chunk at a time would let its buffer grow without end. Therefore a resume takes everything that
    was held back in before it may pause again: at most HIGH_WATER + one window wait here, and one window there.
    """

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._pause = pause
        self._resume = resume
        self._chunks: deque[tuple[Channel, bytes]] = deque()
        self._size = 0
        self._is_paused = False
        self._is_resuming = False
        self._is_ended = False
        self._error: RemoteError | None = None
        self._arrived = asyncio.Event()

    @property
    def size(self) -> int:
        """How many bytes wait for the reader."""
        return self._size

    def put(self, channel: Channel, data: bytes) -> None:
        """Take bytes in."""
        self._chunks.append((channel, data))
        self._size += len(data)
        self._arrived.set()
        if not self._is_resuming:
            self._pause_when_full()

    def end(self, error: RemoteError | None = None) -> None:
        """Say that nothing more comes: the reader gets what is left, then the end or `error`."""
        if not self._is_ended:
            self._is_ended = True
            self._error = error
            self._arrived.set()

    def __aiter__(self) -> "ChunkQueue":
        return self

    async def __anext__(self) -> tuple[Channel, bytes]:
        while not self._chunks:
            if self._is_ended:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        channel, data = self._chunks.popleft()
        if self._chunks and self._chunks[0][0] == channel:
            data = self._with_what_follows(channel, data)
        self._size -= len(data)
        if self._is_paused and self._size <= LOW_WATER:
            self._take_in_what_was_held_back()
        return channel, data

    def _with_what_follows(self, channel: Channel, data: bytes) -> bytes:
        """Return a piece with those of the same stream that wait behind it: a reader that is behind takes them at once."""
        pieces = [data]
        while self._chunks and self._chunks[0][0] == channel:
            pieces.append(self._chunks.popleft()[1])
        return b"".join(pieces)

    def _take_in_what_was_held_back(self) -> None:
        self._is_paused = False
        self._is_resuming = True
        try:
            self._resume()
        finally:
            self._is_resuming = False
        self._pause_when_full()

    def _pause_when_full(self) -> None:
        if not self._is_paused and not self._is_ended and self._size >= HIGH_WATER:
            self._is_paused = True
            self._pause()
