"""Statements on servers, private keys and registry credentials: always inside a team, never a deleted server."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager, joinedload

from app.kit.clock import utcnow
from app.kit.repository import Repository
from app.models.destination import StandaloneDocker
from app.models.outbox_event import OutboxEvent
from app.models.private_key import PrivateKey
from app.models.registry_credential import RegistryCredential
from app.models.server import Server, ServerSetting
from app.remote.command import Secret
from app.remote.host import Address
from app.servers.probing import DATA_FOLDER, DockerFound

NETWORK = "shiplog"
"""Name of the destination, and of its Docker network, that every server begins with."""


@dataclass(frozen=True)
class ServerAccess:
    """How to reach a server. `is_validated`: its host key is pinned and its data folder known, Docker or not."""

    server_id: int
    name: str
    address: Address
    data_folder: str
    docker_needs_sudo: bool
    is_validated: bool


@dataclass(frozen=True)
class Findings:
    """What a look at a server found; None means that it was not seen, and what was known before stays."""

    is_reachable: bool
    is_usable: bool
    log: str
    host_key: str | None
    data_folder: str | None
    docker: DockerFound | None


async def load_access(session: AsyncSession, server_id: int) -> ServerAccess | None:
    """Return how to reach a server, or None when it is gone; raises DecryptionError."""
    server = await load_server(session, server_id)
    if server is None:
        return None
    return ServerAccess(
        server_id=server.id,
        name=server.name,
        address=await load_address(session, server),
        data_folder=server.data_folder or DATA_FOLDER,
        docker_needs_sudo=server.docker_needs_sudo,
        is_validated=server.host_key is not None and server.data_folder is not None,
    )


async def load_server(session: AsyncSession, server_id: int) -> Server | None:
    """Return a server by its internal id as the database has it now, or None; for the worker, which serves every team."""
    statement = select(Server).where(Server.id == server_id, Server.deleted_at.is_(None))
    return (await session.execute(statement.execution_options(populate_existing=True))).scalar_one_or_none()


async def load_address(session: AsyncSession, server: Server) -> Address:
    """Return where and as whom to connect; raises DecryptionError when the private key cannot be read."""
    statement = (
        select(PrivateKey.private_key, ServerSetting.connection_timeout)
        .join(Server, Server.private_key_id == PrivateKey.id)
        .join(ServerSetting, ServerSetting.server_id == Server.id)
        .where(Server.id == server.id, PrivateKey.team_id == Server.team_id)
    )
    private_key, connection_timeout = (await session.execute(statement)).one()
    return Address(
        host=server.ip,
        port=server.port,
        user=server.user,
        private_key=Secret(private_key),
        host_key=server.host_key,
        connect_timeout=float(connection_timeout),
    )


@dataclass(frozen=True)
class ValidationRequest:
    """A validation that somebody asked for."""

    requested_at: datetime
    accepts_new_host_key: bool


async def request_validation(session: AsyncSession, server_id: int, *, accepts_new_host_key: bool) -> None:
    """Ask for a validation: the row does, whatever becomes of the nudge."""
    statement = update(ServerSetting).where(ServerSetting.server_id == server_id)
    values = {"validation_requested_at": utcnow(), "accepts_new_host_key": accepts_new_host_key}
    await session.execute(statement.values(**values))


async def requested_validation(session: AsyncSession, server_id: int) -> ValidationRequest | None:
    """Return the validation that is asked for, or None."""
    columns = (ServerSetting.validation_requested_at, ServerSetting.accepts_new_host_key)
    statement = select(*columns).where(ServerSetting.server_id == server_id)
    row = (await session.execute(statement)).one_or_none()
    return None if row is None or row[0] is None else ValidationRequest(row[0], row[1])


async def forget_requested_validation(session: AsyncSession, server_id: int, request: ValidationRequest) -> None:
    """Note that it was done, unless it was asked for again meanwhile."""
    of_request = ServerSetting.validation_requested_at == request.requested_at
    statement = update(ServerSetting).where(ServerSetting.server_id == server_id, of_request)
    await session.execute(statement.values(validation_requested_at=None, accepts_new_host_key=False))


async def servers_to_validate(session: AsyncSession, *, count: int = 100) -> Sequence[int]:
    """Return the ids of servers whose validation was asked for over 5 s ago: the nudge to do it may be lost."""
    waiting = ServerSetting.validation_requested_at < func.now() - timedelta(seconds=5)
    statement = select(ServerSetting.server_id).where(waiting).order_by(ServerSetting.validation_requested_at)
    return (await session.execute(statement.limit(count))).scalars().all()


async def take_servers_to_look_at(session: AsyncSession, *, older_than: float, count: int = 100) -> Sequence[int]:
    """Take validated servers that nobody has looked at for `older_than` seconds; each goes to one worker only."""
    due = (
        select(ServerSetting.id)
        .join(Server, Server.id == ServerSetting.server_id)
        .where(
            Server.deleted_at.is_(None),
            Server.host_key.is_not(None),
            Server.data_folder.is_not(None),
            or_(
                ServerSetting.looked_at.is_(None),
                ServerSetting.looked_at < func.now() - timedelta(seconds=older_than),
            ),
        )
        .order_by(ServerSetting.looked_at.asc().nulls_first())
        .limit(count)
        .with_for_update(of=ServerSetting, skip_locked=True)
    )
    statement = update(ServerSetting).where(ServerSetting.id.in_(due)).values(looked_at=func.now())
    return (await session.execute(statement.returning(ServerSetting.server_id))).scalars().all()


async def record_reachability(session: AsyncSession, server_id: int, *, is_reachable: bool) -> None:
    """Note whether a look at the server got in; when that is another answer than before, leave an event."""
    differs = ServerSetting.is_reachable.is_not(is_reachable)
    statement = update(ServerSetting).where(ServerSetting.server_id == server_id, differs)
    changed = await session.execute(statement.values(is_reachable=is_reachable).returning(ServerSetting.id))
    if changed.one_or_none() is None:
        return
    server = await session.get_one(Server, server_id)
    event = OutboxEvent(
        team_id=server.team_id,
        name="ServerReachable" if is_reachable else "ServerUnreachable",
        payload={"server_uuid": server.uuid, "server_name": server.name},
    )
    session.add(event)
    await session.flush()


class ServerRepository(Repository[Server]):
    """Servers of a team, with settings and private key loaded."""

    model = Server

    async def get(self, team_id: int, uuid: str, *, for_update: bool = False) -> Server | None:
        """Return one server of the team, or None; `for_update` also keeps new resources away until the commit."""
        statement = self._of_team(team_id).where(Server.uuid == uuid)
        if for_update:
            statement = statement.with_for_update(of=Server).execution_options(populate_existing=True)
        return await self.one_or_none(statement)

    async def of_team(self, team_id: int) -> Sequence[Server]:
        """Return every server of the team, oldest first."""
        return await self.all(self._of_team(team_id).order_by(Server.created_at, Server.id))

    async def get_for_resource(self, team_id: int, uuid: str) -> Server | None:
        """Return one server of the team and keep it from being deleted until the commit."""
        statement = self._of_team(team_id).where(Server.uuid == uuid)
        return await self.one_or_none(statement.with_for_update(of=Server, read=True, key_share=True))

    async def create(self, server: Server, settings: dict[str, int | bool]) -> None:
        """Insert a server with its settings and its first destination."""
        await self.add(server)
        self.session.add(ServerSetting(server_id=server.id, **settings))
        self.session.add(StandaloneDocker(server_id=server.id, name=NETWORK, network=NETWORK))
        await self.session.flush()

    async def destinations_of(self, server: Server) -> Sequence[StandaloneDocker]:
        """Return the server's destinations, oldest first."""
        statement = (
            select(StandaloneDocker)
            .join(StandaloneDocker.server)
            .where(StandaloneDocker.server_id == server.id, Server.team_id == server.team_id)
        )
        return (await self.session.execute(statement.order_by(StandaloneDocker.id))).scalars().all()

    async def record(self, server_id: int, address: Address, findings: Findings) -> bool:
        """Store what was found; False, and nothing stored, when the server is no longer the one looked at."""
        statement = (
            self.statement()
            .where(Server.id == server_id, Server.deleted_at.is_(None))
            .options(joinedload(Server.settings, innerjoin=True))
            .with_for_update(of=Server, key_share=True)
            .execution_options(populate_existing=True)
        )
        server = await self.one_or_none(statement)
        if server is None or (server.ip, server.port, server.user) != (address.host, address.port, address.user):
            return False
        server.settings.is_reachable = findings.is_reachable
        server.settings.is_usable = findings.is_usable
        server.validation_logs = findings.log
        server.validated_at = utcnow()
        server.host_key = findings.host_key or server.host_key
        server.data_folder = findings.data_folder or server.data_folder
        if findings.docker is not None:
            server.docker_version = findings.docker.docker_version
            server.compose_version = findings.docker.compose_version
            server.docker_needs_sudo = findings.docker.needs_sudo
        await self.session.flush()
        return True

    def _of_team(self, team_id: int) -> Select[Server]:
        return (
            self.statement()
            .where(Server.team_id == team_id, Server.deleted_at.is_(None))
            .options(joinedload(Server.settings, innerjoin=True), joinedload(Server.private_key, innerjoin=True))
        )


class DestinationRepository(Repository[StandaloneDocker]):
    """Destinations of the servers of a team, with the server loaded."""

    model = StandaloneDocker

    async def get(self, team_id: int, uuid: str) -> StandaloneDocker | None:
        """Return one destination of the team, or None."""
        return await self.one_or_none(self._of_team(team_id).where(StandaloneDocker.uuid == uuid))

    async def of_team(self, team_id: int, *, server_id: int | None = None) -> Sequence[StandaloneDocker]:
        """Return every destination of the team, or of one of its servers, oldest first."""
        statement = self._of_team(team_id).order_by(StandaloneDocker.id)
        return await self.all(statement if server_id is None else statement.where(Server.id == server_id))

    def _of_team(self, team_id: int) -> Select[StandaloneDocker]:
        return (
            self.statement()
            .join(StandaloneDocker.server)
            .where(Server.team_id == team_id, Server.deleted_at.is_(None))
            .options(contains_eager(StandaloneDocker.server))
        )


class PrivateKeyRepository(Repository[PrivateKey]):
    """Private keys of a team."""

    model = PrivateKey

    async def get(self, team_id: int, uuid: str, *, for_update: bool = False) -> PrivateKey | None:
        """Return one key of the team, or None; `for_update` also keeps new servers away until the commit."""
        statement = self.statement().where(PrivateKey.team_id == team_id, PrivateKey.uuid == uuid)
        if for_update:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return await self.one_or_none(statement)

    async def get_for_server(self, team_id: int, uuid: str) -> PrivateKey | None:
        """Return one key of the team and keep it from being deleted until the commit."""
        statement = self.statement().where(PrivateKey.team_id == team_id, PrivateKey.uuid == uuid)
        return await self.one_or_none(statement.with_for_update(read=True, key_share=True))

    async def of_team(self, team_id: int) -> Sequence[PrivateKey]:
        """Return every key of the team, oldest first."""
        statement = self.statement().where(PrivateKey.team_id == team_id)
        return await self.all(statement.order_by(PrivateKey.created_at, PrivateKey.id))

    async def is_in_use(self, key: PrivateKey) -> bool:
        """Return whether a server that is still there is reached with the key."""
        of_key = (Server.private_key_id == key.id, Server.team_id == key.team_id, Server.deleted_at.is_(None))
        return bool((await self.session.execute(select(exists().where(*of_key)))).scalar_one())

    async def forget(self, key: PrivateKey) -> None:
        """Delete the key, and for good the deleted servers that were reached with it: their rows only kept history."""
        of_key = (Server.private_key_id == key.id, Server.team_id == key.team_id, Server.deleted_at.is_not(None))
        await self.session.execute(delete(Server).where(*of_key))
        await self.delete(key)


class RegistryCredentialRepository(Repository[RegistryCredential]):
    """Registry logins of a team."""

    model = RegistryCredential

    async def get(self, team_id: int, uuid: str) -> RegistryCredential | None:
        """Return one login of the team, or None."""
        return await self.one_or_none(
            self.statement().where(RegistryCredential.team_id == team_id, RegistryCredential.uuid == uuid)
        )

    async def of_team(self, team_id: int) -> Sequence[RegistryCredential]:
        """Return every login of the team, by registry."""
        statement = self.statement().where(RegistryCredential.team_id == team_id)
        return await self.all(statement.order_by(RegistryCredential.registry_host))
