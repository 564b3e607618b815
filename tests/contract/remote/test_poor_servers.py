"""Servers that are full, silent, strict or no SSH servers at all."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from app.remote.command import Secret
from app.remote.errors import DiskFull, NotPermitted, Unreachable
from app.remote.host import Address, Completed, RemoteFile
from app.remote.keys import generate_private_key, read_private_key
from app.remote.ssh import HANDSHAKES_AT_ONCE, SshHostPool, fetch_host_key
from tests.contract.remote.conftest import Reachable
from tests.contract.remote.link import link_to

KEY = generate_private_key()


@asynccontextmanager
async def tcp_server(answer: bytes | None) -> AsyncIterator[Address]:
    """Serve a port that says `answer` and closes; None accepts and says nothing."""
    silence = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is None:
            await silence.wait()
        else:
            await reader.readline()
            writer.write(answer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        public_key = read_private_key(KEY).public_key
        yield Address("127.0.0.1", port, "root", Secret(KEY), public_key, connect_timeout=0.5)
        silence.set()


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (None, r"did not answer within 0\.5 s"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "check"),
        (b"", "check that sshd answers on this port"),
    ],
)
async def test_a_port_without_ssh_is_unreachable(answer: bytes | None, text: str) -> None:
    async with tcp_server(answer) as address:
        pool = SshHostPool()
        with pytest.raises(Unreachable, match=f"{address.host}:{address.port} .*{text}"):
            await pool.get(address)
        with pytest.raises(Unreachable, match=f"{address.host}:{address.port} "):
            await fetch_host_key(address.host, address.port, timeout=0.5)
        await pool.close()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".example", "bad host"])
async def test_a_name_that_leads_nowhere_is_unreachable(host: str) -> None:
    pool = SshHostPool()
    with pytest.raises(Unreachable, match="check the"):
        await pool.get(Address(host, 22, "root", Secret(KEY), read_private_key(KEY).public_key))
    with pytest.raises(Unreachable, match="check the"):
        await fetch_host_key(host, 22)


class FewSessions(asyncssh.SSHServer):
    """Lets anybody in, opens at most `limit` sessions on a connection and answers each when the gate is open."""

    def __init__(self, limit: int, gate: asyncio.Event) -> None:
        self._left = limit
        self._gate = gate

    def begin_auth(self, username: str) -> bool:
        return False

    def session_requested(self) -> "Callable[..., Awaitable[None]] | bool":
        self._left -= 1
        return self._serve if self._left >= 0 else False

    async def _serve(
        self,
        stdin: "asyncssh.SSHReader[bytes]",
        stdout: "asyncssh.SSHWriter[bytes]",
        stderr: "asyncssh.SSHWriter[bytes]",
    ) -> None:
        await self._gate.wait()
        stdout.write(b"served")
        channel = stdout.channel
        assert isinstance(channel, asyncssh.SSHServerChannel)
        channel.exit(0)


@asynccontextmanager
async def server_with(limit: int, gate: asyncio.Event) -> AsyncIterator[Address]:
    acceptor = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: FewSessions(limit, gate),
        server_host_keys=[asyncssh.import_private_key(KEY)],
        encoding=None,
        line_editor=False,
    )
    async with acceptor:
        yield Address("127.0.0.1", acceptor.get_port(), "root", Secret(KEY), read_private_key(KEY).public_key)


async def test_a_server_with_fewer_sessions_gets_more_connections() -> None:
    gate = asyncio.Event()
    async with server_with(2, gate) as address, link_to(address.port) as link:
        pool = SshHostPool()
        host = await pool.get(replace(address, port=link.port))
        commands = [asyncio.ensure_future(host.run("anything")) for _ in range(9)]
        while link.connections < 5:
            await asyncio.sleep(0)
        assert not any(command.done() for command in commands)
        gate.set()
        assert await asyncio.gather(*commands) == [Completed(0, b"served", b"")] * 9
        await pool.close()


async def test_a_server_that_opens_no_session_is_no_endless_loop() -> None:
    async with server_with(0, asyncio.Event()) as address:
        pool = SshHostPool()
        host = await pool.get(address)
        outcomes = await asyncio.gather(*(host.run("anything") for _ in range(5)), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {NotPermitted}
        with pytest.raises(NotPermitted, match="MaxSessions"):
            await host.write_files("/nowhere", [RemoteFile("a", b"")])
        await pool.close()


async def test_few_handshakes_at_once_reach_a_server() -> None:
    arrived: asyncio.Queue[int] = asyncio.Queue()
    gate = asyncio.Event()
    waiting = most = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        arrived.put_nowait(waiting)
        await gate.wait()
        waiting -= 1
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        pinned = read_private_key(KEY).public_key
        pool = SshHostPool()
        addresses = [Address("127.0.0.1", port, f"user{number}", Secret(KEY), pinned) for number in range(8)]
        asking = [asyncio.ensure_future(pool.get(address)) for address in addresses]
        while await arrived.get() < HANDSHAKES_AT_ONCE:
            pass
        _, visitor = await asyncio.open_connection("127.0.0.1", port)  # one more, to be sure that none was on its way
        while await arrived.get() <= HANDSHAKES_AT_ONCE:
            pass
        visitor.close()
        assert most == HANDSHAKES_AT_ONCE + 1
        gate.set()
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {Unreachable}
        await pool.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        text = f"missing: a mount of one's own ({mounted.stderr.decode().strip()})"
        if os.environ.get("SHIPLOG_REQUIRE_RIG") == "1":
            pytest.fail(text)
        pytest.skip(text)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


async def test_a_full_disk_is_named_and_leaves_no_half_file(server: Reachable, small_disk: Path) -> None:
    host = await server.pool.get(server.address)
    folder = small_disk / "run"
    await host.write_files(str(folder), [RemoteFile("small", b"old")])
    with pytest.raises(DiskFull, match="make room"):
        await host.write_files(str(folder), [RemoteFile("small", b"new"), RemoteFile("large", bytes(1_000_000))])
    assert [path.name for path in folder.iterdir()] == ["small"]


async def test_a_folder_that_may_not_be_written_is_named(server: Reachable, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    # To root no folder is closed, but this file system takes none from anybody.
    folder = "/sys/shiplog" if os.geteuid() == 0 else str(closed / "shiplog")
    host = await server.pool.get(server.address)
    with pytest.raises(NotPermitted, match=f"{folder}: check the owner"):
        await host.write_files(folder, [RemoteFile("a", b"")])
