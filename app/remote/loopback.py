"""This machine as a server: an SSH endpoint in this process, on 127.0.0.1, for one key, one user and plain commands."""

import asyncio
import io
import logging
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import asyncssh
from asyncssh.channel import SSHChannel
from asyncssh.stream import SSHServerStreamSession

from app.remote.host import Channel
from app.remote.keys import import_key, public_line
from app.remote.local import LocalCommand, environment_for_commands

# asyncssh logs whole commands at INFO.
asyncssh.set_log_level(logging.WARNING)

END_SECONDS = 2.0


@dataclass(frozen=True)
class LoopbackEndpoint:
    """Where it listens, who may log in, and the host key to pin."""

    port: int
    user: str
    host_key: str
    host: str = "127.0.0.1"


@asynccontextmanager
async def loopback_endpoint(
    *, host_key: str, authorized_key: str, port: int = 0, env: Mapping[str, str] | None = None
) -> AsyncIterator[LoopbackEndpoint]:
    """Serve SSH until the block is left; port 0 takes a free one. `host_key` is a private key, `authorized_key` a public.

    Commands run as this process's user in its home, with `env` on top of the few variables that are handed on. Raises
    InvalidKey for the host key, ValueError for the authorized key, OSError when the port is taken.
    """
    key = import_key(host_key)
    environment = environment_for_commands(os.environ) | dict(env or {})
    machine = _Machine(environment, asyncssh.import_public_key(authorized_key))
    acceptor = await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=lambda: _Server(machine),
        server_host_keys=[key],
        encoding=None,
        allow_pty=False,
        line_editor=False,
        agent_forwarding=False,
        password_auth=False,
        kbdint_auth=False,
        host_based_auth=False,
        gss_host=None,
        login_timeout=20,
    )
    try:
        yield LoopbackEndpoint(port=acceptor.get_port(), user=environment["USER"], host_key=public_line(key))
    finally:
        acceptor.close()
        await machine.end()
        await acceptor.wait_closed()


@dataclass
class _Machine:
    """What all connections share, and what is to be ended with the endpoint."""

    environment: dict[str, str]
    authorized: asyncssh.SSHKey
    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)
    commands: "dict[LocalCommand, asyncio.Future[None]]" = field(default_factory=dict)

    async def end(self) -> None:
        for connection in list(self.connections):
            connection.abort()
            await connection.wait_closed()
        for number in (signal.SIGHUP, signal.SIGKILL):
            for command in self.commands:
                command.hang_up(number)
            if self.commands:
                await asyncio.wait(self.commands.values(), timeout=END_SECONDS)


class _Server(asyncssh.SSHServer):
    """Lets in one user with one key, for sessions alone."""

    def __init__(self, machine: _Machine) -> None:
        self._machine = machine
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._machine.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._connection is not None:
            self._machine.connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - everybody must show the key
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        is_authorized = key.public_data == self._machine.authorized.public_data
        return is_authorized and username == self._machine.environment["USER"]

    def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
        return _Session(self._machine)


class _Session(SSHServerStreamSession[bytes]):
    """Runs one command, or SFTP, which the base class does; it has no handler for shells, so it refuses them."""

    def __init__(self, machine: _Machine) -> None:
        super().__init__(None, _open_sftp, sftp_version=3)
        self._machine = machine
        self._command: LocalCommand | None = None

    def exec_requested(self, command: str) -> bool:  # noqa: ARG002 - any command of the one user
        return True

    def session_started(self) -> None:
        channel = self._server_channel()
        text = channel.get_command() if channel is not None else None
        if channel is None or text is None:
            super().session_started()
            return
        command = self._command = LocalCommand()
        command.on_data = self._send
        command.on_stdin_full, command.on_stdin_free = channel.pause_reading, channel.resume_reading
        self._machine.commands[command] = asyncio.ensure_future(self._run(command, text))

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if self._command is None:
            super().data_received(data, datatype)
        else:
            self._command.write(data)

    def eof_received(self) -> bool:
        if self._command is None:
            return super().eof_received() or False
        self._command.write_eof()
        return True

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._command is not None:
            self._command.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._command is not None:
            self._command.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._command is not None:
            self._command.hang_up()

    async def _run(self, command: LocalCommand, text: str) -> None:
        environment = self._machine.environment
        try:
            await command.start(text, folder=environment["HOME"], environment=environment)
            self._exit(await command.ended())
        except (OSError, ValueError) as error:
            self._send("stderr", f"The command could not be started: {error}\n".encode())
            self._exit(127)
        finally:
            self._machine.commands.pop(command, None)

    def _server_channel(self) -> "asyncssh.SSHServerChannel[bytes] | None":
        return cast("asyncssh.SSHServerChannel[bytes] | None", self._chan)

    def _send(self, name: Channel, data: bytes) -> None:
        channel = self._server_channel()
        if channel is not None and not channel.is_closing():
            channel.write(data, asyncssh.EXTENDED_DATA_STDERR if name == "stderr" else None)

    def _exit(self, code: int) -> None:
        channel = self._server_channel()
        if channel is not None and not channel.is_closing():
            channel.exit(code)


def _open_sftp(channel: "SSHChannel[bytes]") -> asyncssh.SFTPServer:
    return _Files(cast("asyncssh.SSHServerChannel[bytes]", channel))


class _Files(asyncssh.SFTPServer):
    """Files of this machine; a write is whole or fails: asyncssh calls a short one, as a full disk gives, a success."""

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        file = cast("io.RawIOBase", file_obj)
        file.seek(offset)
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) or 0 :]
        return len(data)
