"""The loopback endpoint itself: one key, one user, plain commands and files, and nothing that outlives it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest

from app.remote.command import Secret
from app.remote.host import Address
from app.remote.keys import generate_private_key, read_private_key
from app.remote.loopback import loopback_endpoint
from app.remote.ssh import SshHostPool

HOST_KEY = generate_private_key()
KEY = generate_private_key()


@asynccontextmanager
async def plain_client() -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A client that asks for what ours never would."""
    async with (
        loopback_endpoint(host_key=HOST_KEY, authorized_key=read_private_key(KEY).public_key) as served,
        asyncssh.connect(
            served.host,
            served.port,
            username=served.user,
            client_keys=[asyncssh.import_private_key(KEY)],
            known_hosts=([asyncssh.import_public_key(served.host_key)], [], []),
            config=[],
            agent_path=None,
        ) as connection,
    ):
        yield connection


async def test_there_is_no_shell_no_terminal_and_no_forwarding() -> None:
    async with plain_client() as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_session(asyncssh.SSHClientSession)
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_session(asyncssh.SSHClientSession, "true", request_pty=True, term_type="xterm")
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_session(asyncssh.SSHClientSession, subsystem="netconf")
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", connection.get_extra_info("peername")[1])
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 9)
        assert (await connection.run("echo on")).stdout == "on\n"


async def test_it_says_where_it_is_and_commands_see_its_variables(tmp_path: Path) -> None:
    public_key = read_private_key(KEY).public_key
    variables = {"HOME": str(tmp_path), "EXTRA": "given"}
    async with loopback_endpoint(host_key=HOST_KEY, authorized_key=public_key, env=variables) as served:
        assert (served.host, served.host_key) == ("127.0.0.1", read_private_key(HOST_KEY).public_key)
        pool = SshHostPool()
        host = await pool.get(Address(served.host, served.port, served.user, Secret(KEY), served.host_key))
        completed = await host.run('pwd; echo "$EXTRA"; id -un')
        assert completed.stdout.decode().split() == [str(tmp_path), "given", served.user]
        await pool.close()


async def test_a_port_can_be_chosen_and_is_free_again_afterwards() -> None:
    public_key = read_private_key(KEY).public_key
    async with loopback_endpoint(host_key=HOST_KEY, authorized_key=public_key) as first:
        port = first.port
        with pytest.raises(OSError, match="address already in use"):
            async with loopback_endpoint(host_key=HOST_KEY, authorized_key=public_key, port=port):
                pytest.fail("the port is taken")
    async with loopback_endpoint(host_key=HOST_KEY, authorized_key=public_key, port=port) as second:
        assert second.port == port


async def test_a_command_that_ignores_the_hang_up_ends_with_the_endpoint(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    public_key = read_private_key(KEY).public_key
    async with loopback_endpoint(host_key=HOST_KEY, authorized_key=public_key) as served:
        pool = SshHostPool()
        host = await pool.get(Address(served.host, served.port, served.user, Secret(KEY), served.host_key))
        running = asyncio.ensure_future(host.run(f"trap '' HUP; echo $$ >{pid_file}; while :; do sleep 0.1; done"))
        await host.run(f"while [ ! -s {pid_file} ]; do sleep 0.02; done")
        await pool.close()
        await asyncio.gather(running, return_exceptions=True)
    pid = pid_file.read_text().strip()
    assert not Path(f"/proc/{pid}").exists()
