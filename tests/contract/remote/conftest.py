"""The hosts that must behave alike: the scripted one, ours over the loopback endpoint, ours over a real sshd."""

import os
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio

from app.remote.command import Secret
from app.remote.host import Address, Host
from app.remote.keys import generate_private_key, read_private_key
from app.remote.loopback import loopback_endpoint
from app.remote.ssh import SshHostPool
from app.remote.testing import ScriptedHost
from tests.contract.remote.link import Link, link_to
from tests.rig.ssh import Login, SshServer


@dataclass(frozen=True)
class Connected:
    """A host to ask things of: `folder` may be written to, `cut` breaks the link to it."""

    host: Host
    folder: Path
    cut: Callable[[], None]


@dataclass(frozen=True)
class Reachable:
    """A real SSH server, the address that leads to it, the link between, and a pool of our own."""

    address: Address
    link: Link
    pool: SshHostPool


@pytest.fixture(scope="session")
def sshd() -> Iterator[Login]:
    """Root's login at an sshd of this session's own."""
    missing = []
    if os.geteuid() != 0:
        missing.append("root (sshd logs in other users)")
    if not Path("/usr/sbin/sshd").exists():
        missing.append("/usr/sbin/sshd (Debian: openssh-server)")
    if missing:
        text = f"missing: {', '.join(missing)}"
        if os.environ.get("SHIPLOG_REQUIRE_RIG") == "1":
            pytest.fail(text)
        pytest.skip(text)
    # sshd trusts no authorized keys below a folder that others may write to, and it reads them as the user.
    with TemporaryDirectory(prefix="shiplog-sshd-", dir="/run") as folder:
        Path(folder).chmod(0o755)
        server = SshServer(Path(folder))
        try:
            with warnings.catch_warnings():
                # The rig's daemons are ended by the pid written down; their Popen objects are let go on purpose.
                warnings.simplefilter("ignore", ResourceWarning)
                login = server.start()["root"]
            yield login
        finally:
            server.stop()


@asynccontextmanager
async def _reach(request: pytest.FixtureRequest, home: Path) -> AsyncIterator[Reachable]:
    async with AsyncExitStack() as stack:
        if request.param == "sshd":
            login: Login = request.getfixturevalue("sshd")
            address = Address(login.host, login.port, login.user, Secret(login.private_key), login.host_key)
        else:
            private_key = generate_private_key()
            endpoint = await stack.enter_async_context(
                loopback_endpoint(
                    host_key=generate_private_key(),
                    authorized_key=read_private_key(private_key).public_key,
                    env={"HOME": str(home)},
                )
            )
            address = Address(endpoint.host, endpoint.port, endpoint.user, Secret(private_key), endpoint.host_key)
        link = await stack.enter_async_context(link_to(address.port))
        pool = SshHostPool()
        stack.push_async_callback(pool.close)
        yield Reachable(replace(address, port=link.port), link, pool)


@pytest_asyncio.fixture(params=["loopback", "sshd"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Reachable]:
    """A real SSH server, ours in this process or OpenSSH's."""
    async with _reach(request, tmp_path) as reachable:
        yield reachable


@pytest_asyncio.fixture(params=["scripted", "loopback", "sshd"])
async def connected(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Connected]:
    """A connected host of each kind."""
    folder = tmp_path / "files"
    if request.param == "scripted":
        host = ScriptedHost(tmp_path)
        yield Connected(host, folder, host.cut)
        await host.close()
    else:
        async with _reach(request, tmp_path) as reachable:
            yield Connected(await reachable.pool.get(reachable.address), folder, reachable.link.cut)
