"""What a real SSH connection may meet: keys, host keys, ports where nothing listens, servers with limits."""

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from app.remote.command import Secret
from app.remote.errors import (
    HostKeyChanged,
    HostKeyUnknown,
    InvalidKey,
    KeyRefused,
    Lost,
    Unreachable,
)
from app.remote.keys import generate_private_key, read_private_key
from app.remote.ssh import fetch_host_key
from tests.contract.remote.conftest import Reachable


async def test_the_host_key_can_be_fetched_without_a_login(server: Reachable) -> None:
    fetched = await fetch_host_key(server.address.host, server.address.port)
    assert fetched == server.address.host_key
    assert fetched.startswith("ssh-ed25519 AAAA")


async def test_a_host_key_that_was_never_pinned_is_unknown(server: Reachable) -> None:
    with pytest.raises(HostKeyUnknown, match=f"127.0.0.1:{server.link.port} is not pinned yet"):
        await server.pool.get(replace(server.address, host_key=None))
    assert server.link.connections == 0


async def test_another_host_key_is_shown_with_both_fingerprints(server: Reachable) -> None:
    other = read_private_key(generate_private_key())
    with pytest.raises(HostKeyChanged) as caught:
        await server.pool.get(replace(server.address, host_key=other.public_key))
    assert caught.value.expected == other.fingerprint
    assert caught.value.got.startswith("SHA256:")
    assert caught.value.got != other.fingerprint
    assert caught.value.got in str(caught.value)


async def test_a_host_key_of_another_type_is_a_changed_one(server: Reachable) -> None:
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key("openssh").decode().strip()
    with pytest.raises(HostKeyChanged):
        await server.pool.get(replace(server.address, host_key=other))


async def test_an_rsa_key_logs_in_nowhere_unasked(server: Reachable) -> None:
    private_key = asyncssh.generate_private_key("ssh-rsa", key_size=2048).export_private_key("pkcs1-pem").decode()
    with pytest.raises(KeyRefused):
        await server.pool.get(replace(server.address, private_key=Secret(private_key)))


async def test_a_wrong_key_is_refused(server: Reachable) -> None:
    private_key = generate_private_key()
    fingerprint = read_private_key(private_key).fingerprint
    with pytest.raises(KeyRefused, match="authorized_keys") as caught:
        await server.pool.get(replace(server.address, private_key=Secret(private_key)))
    assert fingerprint in str(caught.value)
    assert private_key.splitlines()[1] not in str(caught.value)


async def test_another_user_is_refused(server: Reachable) -> None:
    with pytest.raises(KeyRefused, match="nobody-here@"):
        await server.pool.get(replace(server.address, user="nobody-here"))


async def test_a_key_that_is_none_is_invalid(server: Reachable) -> None:
    with pytest.raises(InvalidKey):
        await server.pool.get(replace(server.address, private_key=Secret("no key")))
    assert server.link.connections == 0


async def test_no_agent_is_asked(server: Reachable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def agent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        writer.close()

    listening = await asyncio.start_unix_server(agent, tmp_path / "agent")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    async with listening:
        host = await server.pool.get(server.address)
        assert (await host.run("true")).exit_code == 0
    assert not asked.is_set()


async def test_a_connection_is_kept(server: Reachable) -> None:
    for _ in range(5):
        host = await server.pool.get(server.address)
        await host.run("true")
    await asyncio.gather(*(host.run("true") for _ in range(8)))
    assert server.link.connections == 1


async def test_many_sessions_take_more_connections(server: Reachable) -> None:
    host = await server.pool.get(server.address)
    await asyncio.gather(*(host.run("sleep 0.3") for _ in range(20)))
    assert server.link.connections == 3


async def test_spare_connections_are_closed_after_a_while(server: Reachable) -> None:
    host = await server.pool.get(server.address)
    await asyncio.gather(*(host.run("sleep 0.3") for _ in range(20)))
    now = asyncio.get_running_loop().time()
    assert host.trim(now + 30)
    assert server.link.open == 3
    assert host.trim(now + 90)
    while server.link.open > 1:
        await asyncio.sleep(0)
    assert (await host.run("echo on")).stdout == b"on\n"
    assert server.link.connections == 3


async def test_a_host_that_nobody_asks_for_is_let_go_but_not_while_it_works(server: Reachable) -> None:
    host = await server.pool.get(server.address)
    now = asyncio.get_running_loop().time()
    async with host.stream("echo on; cat") as chunks:
        await anext(chunks)
        assert host.trim(now + 1000)
    while host.trim(now + 1000):  # until the server has closed the session that was left
        await asyncio.sleep(0)
    while server.link.open:
        await asyncio.sleep(0)
    host = await server.pool.get(server.address)
    assert (await host.run("echo on")).stdout == b"on\n"


async def test_gets_at_once_share_a_connection(server: Reachable) -> None:
    hosts = await asyncio.gather(*(server.pool.get(server.address) for _ in range(10)))
    assert len({id(host) for host in hosts}) == 1
    assert server.link.connections == 1


async def test_a_dead_connection_is_replaced(server: Reachable) -> None:
    host = await server.pool.get(server.address)
    running = asyncio.ensure_future(host.run("sleep 60"))
    await host.run("true")
    server.link.cut()
    with pytest.raises(Lost, match=f"127.0.0.1:{server.link.port}"):
        await running
    host = await server.pool.get(server.address)
    assert (await host.run("echo on")).stdout == b"on\n"
    assert server.link.connections == 2


async def test_sessions_left_open_by_streams_are_counted(server: Reachable, tmp_path: Path) -> None:
    # A command that outlives its stream holds its session on the server: ten of them must not use up MaxSessions.
    host = await server.pool.get(server.address)
    done = tmp_path / "done"
    script = f"trap '' HUP PIPE; exec </dev/null; echo on; while [ ! -e {done} ]; do sleep 0.05; done"
    for _ in range(12):
        async with host.stream(script) as chunks:
            await anext(chunks)
    assert (await host.run(f": >{done}")).exit_code == 0


async def test_what_nobody_listens_on_is_unreachable(server: Reachable) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        with pytest.raises(Unreachable, match=f"Nothing listens on 127.0.0.1:{port}"):
            await server.pool.get(replace(server.address, port=port))
        with pytest.raises(Unreachable, match=f"Nothing listens on 127.0.0.1:{port}"):
            await fetch_host_key("127.0.0.1", port)


async def test_the_loopback_endpoint_hands_on_no_secret(server: Reachable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIPLOG_DATABASE_URL", "postgresql://x:s3cret@host/x")
    host = await server.pool.get(server.address)
    completed = await host.run("env")
    assert b"PATH=" in completed.stdout
    assert b"s3cret" not in completed.stdout
    assert b"SHIPLOG" not in completed.stdout
