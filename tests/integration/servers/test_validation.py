"""Validation of a server over real SSH to this machine, with a Docker of the test's own in PATH."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from app.models import PrivateKey, Server
from app.postgres import Sessions
from app.remote.errors import HostKeyChanged, Lost, TimedOut
from app.remote.host import Address, Completed
from app.remote.keys import generate_private_key, read_private_key
from app.remote.loopback import LoopbackEndpoint, loopback_endpoint
from app.remote.ssh import SshHostPool
from app.remote.testing import ScriptedHost, ScriptedHostPool
from app.servers.repository import ServerRepository, load_access
from app.servers.validation import ValidationResult, fingerprint, validate_server
from tests.deploying import Place, create_place
from tests.stub_programs import docker_stub, make_path

READY = ValidationResult(is_reachable=True, is_usable=True, message="The server is ready.")
NO_DOCKER = "Docker is not installed on this server: install Docker Engine, then validate the server again."
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKf3pXJmAcf1zLpOcGbRn2GhbsUBbHsIaGyQhdMQ0Wbp"

KEY = generate_private_key()


@pytest_asyncio.fixture
async def hosts() -> AsyncIterator[SshHostPool]:
    pool = SshHostPool()
    yield pool
    await pool.close()


@pytest_asyncio.fixture
async def place(sessions: Sessions, tmp_path: Path) -> Place:
    """A server whose data folder is known: the validation of a test must not make one outside its own folder."""
    async with sessions.begin() as session:
        place = await create_place(session)
        place.server.data_folder = str(tmp_path / "data")
        key = await session.get_one(PrivateKey, place.server.private_key_id)
        key.private_key = KEY
    return place


@asynccontextmanager
async def _server(
    sessions: Sessions, place: Place, path: Path, *, host_key: str | None = None, port: int = 0
) -> AsyncIterator[LoopbackEndpoint]:
    """Let the place's server be this machine, with `path` as its PATH."""
    async with loopback_endpoint(
        host_key=host_key or generate_private_key(),
        authorized_key=read_private_key(KEY).public_key,
        port=port,
        env={"PATH": str(path)},
    ) as endpoint:
        async with sessions.begin() as session:
            server = await session.get_one(Server, place.server.id)
            server.ip, server.port, server.user = endpoint.host, endpoint.port, endpoint.user
        yield endpoint


async def _seen(sessions: Sessions, place: Place) -> Server:
    async with sessions() as session:
        server = await ServerRepository(session).get(place.team.id, place.server.uuid)
    assert server is not None
    return server


async def test_a_good_server_is_ready(sessions: Sessions, hosts: SshHostPool, place: Place, tmp_path: Path) -> None:
    path = make_path(tmp_path / "bin", docker=docker_stub())
    async with _server(sessions, place, path) as endpoint:
        assert await validate_server(sessions, hosts, place.server.id) == READY
    server = await _seen(sessions, place)
    assert (server.settings.is_reachable, server.settings.is_usable) == (True, True)
    assert (server.host_key, server.docker_version, server.compose_version) == (endpoint.host_key, "27.1.1", "2.29.1")
    assert (server.data_folder, server.docker_needs_sudo) == (str(tmp_path / "data"), False)
    assert server.validated_at is not None
    assert server.validation_logs == "\n".join(
        [
            f"The server shows the host key {fingerprint(endpoint.host_key)}.",
            f"Connected to 127.0.0.1 port {endpoint.port} as {endpoint.user}.",
            f"The data folder is {tmp_path}/data.",
            "Docker 27.1.1.",
            "Docker Compose 2.29.1.",
            "The server is ready.",
        ]
    )


async def test_host_key_and_folder_are_kept_where_docker_is_missing(
    sessions: Sessions, hosts: SshHostPool, place: Place, tmp_path: Path
) -> None:
    async with _server(sessions, place, make_path(tmp_path / "bin")) as endpoint:
        result = await validate_server(sessions, hosts, place.server.id)
    assert result == ValidationResult(is_reachable=True, is_usable=False, message=NO_DOCKER)
    server = await _seen(sessions, place)
    assert (server.settings.is_reachable, server.settings.is_usable) == (True, False)
    assert (server.host_key, server.docker_version) == (endpoint.host_key, None)
    assert server.validation_logs is not None
    assert server.validation_logs.endswith(f"\n{NO_DOCKER}")
    async with sessions() as session:
        access = await load_access(session, place.server.id)
    assert access is not None
    assert (access.is_validated, access.data_folder) == (True, str(tmp_path / "data"))


async def test_versions_go_with_the_docker_that_had_them(
    sessions: Sessions, hosts: SshHostPool, place: Place, tmp_path: Path
) -> None:
    path = make_path(tmp_path / "bin", docker=docker_stub())
    async with _server(sessions, place, path):
        assert (await validate_server(sessions, hosts, place.server.id)).is_usable
        (path / "docker").unlink()
        assert not (await validate_server(sessions, hosts, place.server.id)).is_usable
    server = await _seen(sessions, place)
    assert (server.docker_version, server.compose_version) == (None, None)


async def test_another_host_key_is_refused_until_it_is_accepted(
    sessions: Sessions, hosts: SshHostPool, place: Place, tmp_path: Path
) -> None:
    path = make_path(tmp_path / "bin", docker=docker_stub())
    async with _server(sessions, place, path) as first:
        assert await validate_server(sessions, hosts, place.server.id) == READY
    await hosts.close()
    async with _server(sessions, place, path, port=first.port) as second:
        result = await validate_server(sessions, hosts, place.server.id)
        assert (result.is_reachable, result.is_usable) == (False, False)
        assert result.message.startswith("The server's host key has changed")
        server = await _seen(sessions, place)
        assert (server.host_key, server.settings.is_reachable) == (first.host_key, False)
        assert server.validation_logs == result.message

        assert await validate_server(sessions, hosts, place.server.id, accept_new_host_key=True) == READY
    assert (await _seen(sessions, place)).host_key == second.host_key


async def test_the_host_key_of_a_server_that_lets_nobody_in_is_not_pinned(
    sessions: Sessions, hosts: SshHostPool, place: Place, tmp_path: Path
) -> None:
    async with _server(sessions, place, make_path(tmp_path / "bin")):
        async with sessions.begin() as session:
            key = await session.get_one(PrivateKey, place.server.private_key_id)
            key.private_key = generate_private_key()
        result = await validate_server(sessions, hosts, place.server.id)
    assert (result.is_reachable, result.is_usable) == (False, False)
    assert "authorized_keys" in result.message
    server = await _seen(sessions, place)
    assert (server.host_key, server.validation_logs is not None) == (None, True)


async def test_a_server_that_is_not_there_is_an_answer(
    sessions: Sessions, hosts: SshHostPool, place: Place, tmp_path: Path
) -> None:
    async with _server(sessions, place, make_path(tmp_path / "bin")):
        pass
    result = await validate_server(sessions, hosts, place.server.id)
    assert (result.is_reachable, result.is_usable) == (False, False)
    assert (await _seen(sessions, place)).validation_logs == result.message != ""


async def test_a_deleted_server_is_gone(sessions: Sessions, hosts: SshHostPool, place: Place) -> None:
    async with sessions.begin() as session:
        server = await session.get_one(Server, place.server.id)
        server.deleted_at = server.created_at
    gone = ValidationResult(is_reachable=False, is_usable=False, message="The server is gone.")
    assert await validate_server(sessions, hosts, place.server.id) == gone
    assert await validate_server(sessions, hosts, place.server.id + 1) == gone


class _Moving(ScriptedHostPool):
    """A pool during whose connecting something happens to the server's row."""

    def __init__(self, root: Path, sessions: Sessions, server_id: int) -> None:
        super().__init__(root)
        self._sessions = sessions
        self._server_id = server_id

    async def get(self, address: Address) -> ScriptedHost:
        async with self._sessions.begin() as session:
            (await session.get_one(Server, self._server_id)).ip = "198.51.100.9"
        return await super().get(address)


@pytest_asyncio.fixture
async def pinned(sessions: Sessions, place: Place) -> Address:
    """How the place's server is reached, its host key being pinned."""
    async with sessions.begin() as session:
        (await session.get_one(Server, place.server.id)).host_key = HOST_KEY
    async with sessions() as session:
        access = await load_access(session, place.server.id)
    assert access is not None
    return access.address


@pytest.mark.usefixtures("pinned")
async def test_what_was_seen_on_another_machine_is_not_recorded(
    sessions: Sessions, place: Place, tmp_path: Path
) -> None:
    hosts = _Moving(tmp_path, sessions, place.server.id)
    result = await validate_server(sessions, hosts, place.server.id)
    assert result.message == "The server was changed while it was validated: validate it again."
    server = await _seen(sessions, place)
    assert (server.validated_at, server.settings.is_reachable) == (None, False)


async def test_a_dead_connection_is_replaced_once(
    sessions: Sessions, place: Place, pinned: Address, tmp_path: Path
) -> None:
    hosts = ScriptedHostPool(tmp_path)
    hosts.host(pinned).fail_next("run", Lost("The connection was lost."))
    assert (await validate_server(sessions, hosts, place.server.id)).is_reachable
    hosts.host(pinned).fail_next("run", Lost("The connection was lost."))
    hosts.host(pinned).fail_next("run", Lost("The connection was lost again."))
    result = await validate_server(sessions, hosts, place.server.id)
    assert result == ValidationResult(is_reachable=False, is_usable=False, message="The connection was lost again.")


async def test_a_docker_that_hangs_does_not_take_the_folder_along(
    sessions: Sessions, place: Place, pinned: Address, tmp_path: Path
) -> None:
    hosts = ScriptedHostPool(tmp_path)
    hosts.host(pinned).answer("check_docker", TimedOut("A command did not end within 30 s."))
    result = await validate_server(sessions, hosts, place.server.id)
    assert result == ValidationResult(is_reachable=True, is_usable=False, message="A command did not end within 30 s.")
    assert (await _seen(sessions, place)).data_folder == str(tmp_path / "data")


async def test_a_shell_that_breaks_off_is_an_answer(
    sessions: Sessions, place: Place, pinned: Address, tmp_path: Path
) -> None:
    hosts = ScriptedHostPool(tmp_path)
    hosts.host(pinned).answer("can_write", Completed(1, b"This account is not available.\n", b""))
    result = await validate_server(sessions, hosts, place.server.id)
    assert (result.is_reachable, result.is_usable) == (False, False)
    assert result.message.startswith("The shell on this server broke off")


@pytest.mark.parametrize("error", [HostKeyChanged("a", "b"), TimedOut("No answer.")])
async def test_the_connections_own_words_are_the_message(
    sessions: Sessions, place: Place, pinned: Address, tmp_path: Path, error: HostKeyChanged | TimedOut
) -> None:
    hosts = ScriptedHostPool(tmp_path)
    hosts.refuse(error)
    result = await validate_server(sessions, hosts, place.server.id)
    assert result == ValidationResult(is_reachable=False, is_usable=False, message=str(error))
    assert [address.host_key for address in hosts.asked] == [pinned.host_key]
