"""Hosts over SSH: connections that are kept, as many as the server's session limit asks for, and dropped when dead."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from weakref import WeakValueDictionary

import asyncssh

from app.metrics.instruments import SSH_ERRORS
from app.remote.command import Command
from app.remote.connection import AnySession, Connection, SessionRefused
from app.remote.errors import NotPermitted, RemoteError, TimedOut
from app.remote.files import target_path
from app.remote.handshake import fetch_host_key
from app.remote.host import Address, Channel, Completed, RemoteFile
from app.remote.session import CollectingSession, StreamingSession
from app.remote.upload import upload

HANDSHAKES_AT_ONCE = 3
"""Per server: sshd begins to refuse at 10 (MaxStartups), for everybody."""
OPEN_SECONDS = 30.0
UPLOAD_SECONDS = 300.0
KEEP_SPARE_SECONDS = 60.0
KEEP_UNUSED_SECONDS = 600.0


__all__ = ["SshHost", "SshHostPool", "fetch_host_key"]


class SshHostPool:
    """Kept connections by address."""

    def __init__(self) -> None:
        self._hosts: dict[Address, SshHost] = {}
        self._handshakes: WeakValueDictionary[tuple[str, int], asyncio.Semaphore] = WeakValueDictionary()

    async def get(self, address: Address) -> "SshHost":
        """Return a connected host. Raises Unreachable, KeyRefused, InvalidKey, HostKeyUnknown or HostKeyChanged."""
        host = self._hosts.get(address)
        if host is None:
            handshakes = self._handshakes.setdefault(
                (address.host, address.port), asyncio.Semaphore(HANDSHAKES_AT_ONCE)
            )
            host = self._hosts[address] = SshHost(address, handshakes)
        await host.connect()
        self._trim()
        return host

    async def close(self) -> None:
        """Close every connection."""
        hosts = list(self._hosts.values())
        self._hosts.clear()
        await asyncio.gather(*(host.close() for host in hosts))

    @property
    def open_connections(self) -> int:
        """How many connections there are, made or being made."""
        return sum(host.open_connections for host in self._hosts.values())

    def _trim(self) -> None:
        now = asyncio.get_running_loop().time()
        for address, host in list(self._hosts.items()):
            if not host.trim(now):
                del self._hosts[address]


class SshHost:
    """A server that we are logged in to; implements `host.Host`. It connects again by itself when a link has died."""

    def __init__(self, address: Address, handshakes: asyncio.Semaphore) -> None:
        self._address = address
        self._handshakes = handshakes
        self._connections: list[Connection] = []
        self._asked_at = 0.0

    async def connect(self) -> None:
        """Make sure that there is a connection."""
        self._asked_at = asyncio.get_running_loop().time()
        self._drop_dead()
        connection = self._connections[0] if self._connections else self._new_connection()
        with _errors_counted():
            await connection.ready()

    async def run(self, command: Command | str, *, stdin: bytes = b"", timeout: float = 30) -> Completed:
        """Run a command to its end. Raises Lost, TimedOut and what connecting raises."""
        session: CollectingSession | None = None
        with _errors_counted():
            try:
                async with asyncio.timeout(timeout):
                    session = await self._open(CollectingSession, command)
                    session.send(stdin)
                    session.send_eof()
                    return await session.completed()
            except TimeoutError:
                raise TimedOut(
                    f"A command on {self._address.host} did not end within {timeout:g} s; it may still run there."
                ) from None
            finally:
                if session is not None:
                    session.leave()

    async def write_files(self, folder: str, files: Sequence[RemoteFile]) -> None:
        """Write files over SFTP. Raises NotPermitted, DiskFull, Lost, TimedOut and what connecting raises."""
        for file in files:
            target_path(folder, file)  # a wrong path is an error before anything is touched
        with _errors_counted():
            try:
                async with asyncio.timeout(UPLOAD_SECONDS):
                    connection, sftp = await self._open_sftp()
                    try:
                        await upload(sftp, folder, files)
                    finally:
                        connection.leave_sftp(sftp)
            except TimeoutError:
                raise TimedOut(f"Files could not be written to {folder} within {UPLOAD_SECONDS:g} s.") from None

    @asynccontextmanager
    async def stream(
        self, command: Command | str, *, stdin: bytes = b""
    ) -> AsyncIterator[AsyncIterator[tuple[Channel, bytes]]]:
        """Run a command and yield what it prints as it comes; the iterator raises Lost when the link breaks."""
        with _errors_counted():
            try:
                async with asyncio.timeout(OPEN_SECONDS):
                    session = await self._open(StreamingSession, command)
            except TimeoutError:
                raise TimedOut(f"{self._address.host} did not start a command within {OPEN_SECONDS:g} s.") from None
            try:
                session.send(stdin)
                yield session.chunks
            finally:
                session.leave()

    async def close(self) -> None:
        """Close the connections; what runs on the host goes on."""
        connections, self._connections = self._connections, []
        for connection in connections:
            connection.close()
        await asyncio.gather(*(connection.closed() for connection in connections))

    @property
    def open_connections(self) -> int:
        """How many connections there are, made or being made."""
        return sum(connection.is_usable for connection in self._connections)

    def trim(self, now: float) -> bool:
        """Close what nobody needs: spare connections soon, the last one when nobody has asked for long; False then."""
        self._drop_dead()
        for connection in self._connections[1:]:
            if connection.is_idle and now - connection.idle_since > KEEP_SPARE_SECONDS:
                self._drop(connection)
        if now - self._asked_at <= KEEP_UNUSED_SECONDS or any(not one.is_idle for one in self._connections):
            return True
        for connection in list(self._connections):
            self._drop(connection)
        return False

    async def _open(self, kind: type[AnySession], command: Command | str) -> AnySession:
        text = command.reveal() if isinstance(command, Command) else command
        while True:
            connection = self._reserve()
            try:
                return await connection.open(kind(connection.lost), text)
            except SessionRefused:
                self._go_on_without(connection)

    async def _open_sftp(self) -> tuple[Connection, asyncssh.SFTPClient]:
        while True:
            connection = self._reserve()
            try:
                return connection, await connection.open_sftp()
            except SessionRefused:
                self._go_on_without(connection)

    def _go_on_without(self, connection: Connection) -> None:
        if not connection.may_be_replaced():
            raise NotPermitted(
                f"{self._address.host}:{self._address.port} opens no session: check MaxSessions in its sshd_config."
            )

    def _reserve(self) -> Connection:
        """Return a connection, made or being made, with a session of it reserved."""
        self._drop_dead()
        connection = next((one for one in self._connections if one.has_room), None) or self._new_connection()
        connection.reserve()
        return connection

    def _new_connection(self) -> Connection:
        connection = Connection(self._address, self._handshakes)
        self._connections.append(connection)
        return connection

    def _drop_dead(self) -> None:
        for connection in [one for one in self._connections if not one.is_usable]:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._connections.remove(connection)
        connection.close()


@contextmanager
def _errors_counted() -> Iterator[None]:
    try:
        yield
    except RemoteError as error:
        SSH_ERRORS.labels(type(error).__name__).inc()
        raise
