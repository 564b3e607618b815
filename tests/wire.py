"""A TCP wire that a test can cut, hold up, take down, or cut at the very moment when a commit was answered."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Wire:
    """Forwards 127.0.0.1:port to another address."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self.is_down = False
        self._target = (host, port)
        self._pairs: set[_Pair] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._condition: Callable[[bytes], bool] | None = None
        self.struck = asyncio.Event()
        """Set when a commit's answer was cut off."""

    def cut(self) -> int:
        """Reset every connection; return how many there were."""
        pairs = list(self._pairs)
        for pair in pairs:
            pair.reset()
        return len(pairs)

    def take_down(self) -> None:
        """Reset every connection and refuse new ones until `bring_up`."""
        self.is_down = True
        self.cut()

    def bring_up(self) -> None:
        """Let connections be made again."""
        self.is_down = False

    def hold_up(self) -> None:
        """Let nothing through, in either direction, until `let_go`: nobody is told."""
        self._flowing.clear()

    def let_go(self) -> None:
        """Let through what was held up."""
        self._flowing.set()

    def lose_answer(self, condition: Callable[[bytes], bool]) -> None:
        """Cut a connection when the server has answered its next commit of a transaction for which `condition` holds.

        The condition is asked with what the client has sent since its last commit.
        """
        self.struck.clear()
        self._condition = condition

    def keep_answers(self) -> None:
        """Forget `lose_answer`."""
        self._condition = None

    def wants_to_lose(self, sent: bytes) -> bool:
        """Answer whether the commit at the end of `sent` is the one whose answer is to be lost."""
        if self._condition is None or not self._condition(sent):
            return False
        self._condition = None
        return True

    async def flowing(self) -> None:
        """Wait until the wire lets something through."""
        await self._flowing.wait()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward a new connection until one of both sides ends it."""
        if self.is_down:
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair(self, (reader, writer), there)
        self._pairs.add(pair)
        try:
            await pair.forward()
        finally:
            self._pairs.discard(pair)

    async def end(self) -> None:
        """End every connection."""
        self.cut()
        self.let_go()
        while self._pairs:
            await asyncio.sleep(0.01)


class _Pair:
    def __init__(
        self,
        wire: Wire,
        here: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        there: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._wire = wire
        self._here, self._there = here, there
        self._sent = bytearray()
        self._losing = False

    def reset(self) -> None:
        for _, writer in (self._here, self._there):
            connection = writer.get_extra_info("socket")
            if connection is not None and not writer.transport.is_closing():
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def forward(self) -> None:
        to_server = self._pump(self._here[0], self._there[1], self._note_sent)
        to_client = self._pump(self._there[0], self._here[1], self._may_answer)
        await asyncio.gather(to_server, to_client)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, passes: Callable[[bytes], bool]
    ) -> None:
        try:
            while data := await source.read(262144):
                await self._wire.flowing()
                if not passes(data):
                    self.reset()
                    self._wire.struck.set()
                    break
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()

    def _note_sent(self, data: bytes) -> bool:
        self._sent += data
        # asyncpg commits with a simple query of its own.
        if self._sent.endswith(b"COMMIT;\0"):
            self._losing = self._wire.wants_to_lose(bytes(self._sent))
            self._sent.clear()
        elif len(self._sent) > 4_000_000:
            del self._sent[:-1000]
        return True

    def _may_answer(self, data: bytes) -> bool:
        return not (self._losing and b"COMMIT\0" in data)


@asynccontextmanager
async def wire_to(port: int, host: str = "127.0.0.1") -> AsyncIterator[Wire]:
    """Serve a wire to `host`:`port` until the block is left."""
    wire = Wire(host, port)
    server = await asyncio.start_server(wire.accept, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        await wire.end()
        await server.wait_closed()
