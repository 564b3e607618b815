"""Statements on the history of deployments: lists, one row, what the snapshot needs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, select, text, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from app.deployments.kinds import DATABASE, KINDS, SERVICE, AnyQueue, Kind
from app.errors import NotFound
from app.kit.encryption import DecryptionError
from app.kit.repository import Repository
from app.models.database_deployment_queue import DatabaseDeploymentQueue
from app.models.idempotency_key import IdempotencyKey
from app.models.registry_credential import RegistryCredential
from app.models.server import ServerSetting
from app.models.service_deployment_queue import ServiceDeploymentQueue

Q = TypeVar("Q", ServiceDeploymentQueue, DatabaseDeploymentQueue)
ACTIVE = ("queued", "in_progress")


@dataclass(frozen=True)
class After:
    """Where a page begins: below this row in `(created_at, id)`, newest first."""

    created_at: datetime
    id: int


class DeploymentQueueRepository(Repository[Q], Generic[Q]):
    """History of one kind. Every statement carries the team."""

    kind: Kind

    async def get(self, team_id: int, deployment_uuid: str) -> Q | None:
        """Return one deployment of the team."""
        return await self.one_or_none(
            self.statement().where(self.model.deployment_uuid == deployment_uuid, self.model.team_id == team_id)
        )

    def page(
        self,
        team_id: int,
        *of: Any,
        of_team: bool = False,
        status: str | None = None,
        skip: int = 0,
        take: int = 10,
        after: After | None = None,
    ) -> Select[Q]:
        """Return the statement for the deployments that match `of` (column expressions), newest first.

        `of` names a resource, or the list is one of the whole team: `of_team`.
        """
        statement = self.statement().where(*self._matching(team_id, of, of_team, status))
        if after is not None:
            position = tuple_(self.model.created_at, self.model.id)
            statement = statement.where(position < tuple_(after.created_at, after.id))
        return statement.order_by(self.model.created_at.desc(), self.model.id.desc()).offset(skip).limit(take)

    async def history(self, team_id: int, *of: Any, **wanted: Any) -> Sequence[Q]:
        """Return the deployments of a `page`."""
        return await self.all(self.page(team_id, *of, **wanted))

    async def count(self, team_id: int, *of: Any, status: str | None = None, most: int = 10_000) -> int:
        """Return how many of a resource match, at most `most` + 1: an exact count of half a million took 37 ms."""
        statement = select(self.model.id).where(*self._matching(team_id, of, True, status))
        bounded = statement.limit(most + 1).subquery()
        return (await self.session.execute(select(func.count()).select_from(bounded))).scalar_one()

    def _matching(self, team_id: int, of: Sequence[Any], by_index: bool, status: str | None) -> list[Any]:
        # The same as "=", but no index is used for it: of a resource not deployed lately the planner looked for the
        # newest deployments in the history of its whole team, from today backwards.
        team = self.model.team_id
        matching: list[Any] = [team == team_id if by_index else team.is_not_distinct_from(team_id), *of]
        return matching if status is None else [*matching, self.model.status == status]


class ServiceDeploymentQueueRepository(DeploymentQueueRepository[ServiceDeploymentQueue]):
    """History of services."""

    model = ServiceDeploymentQueue
    kind = SERVICE


class DatabaseDeploymentQueueRepository(DeploymentQueueRepository[DatabaseDeploymentQueue]):
    """History of databases."""

    model = DatabaseDeploymentQueue
    kind = DATABASE


def repositories(
    session: AsyncSession,
) -> tuple[ServiceDeploymentQueueRepository, DatabaseDeploymentQueueRepository]:
    """Return the repositories of both kinds."""
    return ServiceDeploymentQueueRepository(session), DatabaseDeploymentQueueRepository(session)


async def active_of_team(session: AsyncSession, team_id: int) -> list[AnyQueue]:
    """Return what runs or waits, both kinds, oldest first."""
    rows: list[AnyQueue] = []
    for kind in KINDS:
        model: Any = kind.queue
        found = await session.execute(select(model).where(model.team_id == team_id, model.status.in_(ACTIVE)))
        rows += found.scalars()
    return sorted(rows, key=lambda row: (row.created_at, row.id))


async def find_of_team(session: AsyncSession, team_id: int, deployment_uuid: str) -> tuple[Kind, AnyQueue] | None:
    """Return one deployment of the team, either kind."""
    for repository in repositories(session):
        if (row := await repository.get(team_id, deployment_uuid)) is not None:
            return repository.kind, row
    return None


async def found_of_team(
    session: AsyncSession, team_id: int, deployment_uuid: str, kinds: Sequence[Kind] = KINDS
) -> tuple[Kind, AnyQueue]:
    """Return one deployment of the team, of one of the kinds; raise NotFound."""
    found = await find_of_team(session, team_id, deployment_uuid)
    if found is None or found[0] not in kinds:
        raise NotFound("Deployment not found.")
    return found


async def queue_positions(session: AsyncSession, server_ids: Collection[str]) -> dict[str, int]:
    """Return {deployment_uuid: place in its server's queue, from 1} of what waits on these servers."""
    servers = set(server_ids)
    if not servers:
        return {}
    waiting: list[Any] = [
        select(kind.queue.deployment_uuid, kind.queue.server_id, kind.queue.created_at, kind.queue.id).where(
            kind.queue.server_id.in_(servers), kind.queue.status == "queued"
        )
        for kind in KINDS
    ]
    queue = union_all(*waiting).subquery()
    place = func.row_number().over(partition_by=queue.c.server_id, order_by=(queue.c.created_at, queue.c.id))
    found = await session.execute(select(queue.c.deployment_uuid, place))
    return {row[0]: row[1] for row in found}


def log_of(kind: Kind, row: str) -> str:
    """Return SQL for the log as JSON text, sealed or from its slices, of the row that goes by the name `row`."""
    return f"""coalesce({row}.logs, '[' || coalesce(
        (SELECT string_agg(s.entries, ',' ORDER BY s.first_order) FROM {kind.slice_table} AS s
         WHERE s.deployment_id = {row}.id), '') || ']')"""


async def logs_of(session: AsyncSession, kind: Kind, deployment_ids: Sequence[int]) -> dict[int, str]:
    """Return {deployment id: the log as JSON text}, each in one statement with its row."""
    statement = text(f"SELECT q.id, {log_of(kind, 'q')} AS logs FROM {kind.table} AS q WHERE q.id = ANY(:ids)")
    return {row.id: row.logs for row in await session.execute(statement, {"ids": list(deployment_ids)})}


_REQUEST_CANCEL = {
    kind.name: text(
        f"""
        UPDATE {kind.table} SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp())
        WHERE id = :id AND status IN ('queued', 'in_progress') RETURNING status
        """
    )
    for kind in KINDS
}


async def request_cancel(session: AsyncSession, kind: Kind, deployment_id: int) -> str | None:
    """Ask for a cancel under the row's lock; return the status the row has, None when it has ended.

    `WHERE status = 'queued'` instead would wait for the claim and then silently do nothing.
    """
    return (await session.execute(_REQUEST_CANCEL[kind.name], {"id": deployment_id})).scalar_one_or_none()


_FORGET_OLD_KEY = text(
    """DELETE FROM idempotency_keys
    WHERE token_id = :token_id AND key = :key AND created_at < now() - make_interval(hours => 24)"""
)
_TAKE_KEY = text(
    """INSERT INTO idempotency_keys (token_id, key, body_hash) VALUES (:token_id, :key, :body_hash)
    ON CONFLICT DO NOTHING RETURNING key"""
)


async def take_idempotency_key(session: AsyncSession, token_id: int, key: str, body_hash: str) -> IdempotencyKey | None:
    """Take a key for this transaction and return None, or return the row of the request that had it first.

    A request still under way is waited for: its row is not visible, but the insert waits for its transaction.
    """
    values = {"token_id": token_id, "key": key}
    await session.execute(_FORGET_OLD_KEY, values)
    taken = await session.execute(_TAKE_KEY, {**values, "body_hash": body_hash})
    if taken.one_or_none() is not None:
        return None
    return await session.get_one(IdempotencyKey, (token_id, key))


async def keep_answer(session: AsyncSession, token_id: int, key: str, answer: dict[str, Any]) -> None:
    """Keep the answer of the request that took the key, in its transaction."""
    row = await session.get_one(IdempotencyKey, (token_id, key))
    row.answer = answer


async def ended_among(session: AsyncSession, deployment_uuids: Sequence[str]) -> dict[str, bool]:
    """Return {deployment uuid: whether it has ended} of those that there are."""
    rows: list[Any] = []
    for kind in KINDS:
        model: Any = kind.queue
        statement = select(model.deployment_uuid, model.status).where(model.deployment_uuid.in_(deployment_uuids))
        rows += (await session.execute(statement)).all()
    return {row.deployment_uuid: row.status not in ACTIVE for row in rows}


async def load_snapshot(session: AsyncSession, kind: Kind, deployment_id: int) -> AnyQueue | None:
    """Return the row with its decrypted snapshot; raises DecryptionError when no configured key fits."""
    model: Any = kind.queue
    statement = select(model).options(undefer(model.configuration_snapshot)).where(model.id == deployment_id)
    row: AnyQueue | None = (await session.execute(statement)).scalar_one_or_none()
    return row


async def find_with_snapshot(
    session: AsyncSession, team_id: int, deployment_uuid: str, kinds: Sequence[Kind]
) -> tuple[Kind, AnyQueue] | None:
    """Return one deployment of the team with its decrypted snapshot; raises DecryptionError when no key fits."""
    for kind in kinds:
        model: Any = kind.queue
        statement = select(model).options(undefer(model.configuration_snapshot))
        of_team = statement.where(model.deployment_uuid == deployment_uuid, model.team_id == team_id)
        if (row := (await session.execute(of_team)).scalar_one_or_none()) is not None:
            return kind, row
    return None


async def last_finished(session: AsyncSession, kind: Kind, of: Any, before: After | None = None) -> AnyQueue | None:
    """Return the newest finished deployment of the resource that `of` names, with its decrypted snapshot.

    `of` has the columns `kind.same_resource`, as any deployment of the resource does. Only an older one than `before`.
    """
    model: Any = kind.queue
    statement = select(model).options(undefer(model.configuration_snapshot))
    statement = statement.where(
        *(getattr(model, name) == getattr(of, name) for name in kind.same_resource), model.status == "finished"
    )
    if before is not None:
        statement = statement.where(tuple_(model.created_at, model.id) < tuple_(before.created_at, before.id))
    newest = statement.order_by(model.created_at.desc(), model.id.desc()).limit(1)
    row: AnyQueue | None = (await session.execute(newest)).scalar_one_or_none()
    return row


async def previous_snapshot(session: AsyncSession, kind: Kind, row: AnyQueue) -> dict[str, Any]:
    """Return the snapshot of the last finished deployment of the same resource; empty when none is known."""
    model: Any = kind.queue
    same = [getattr(model, name) == getattr(row, name) for name in kind.same_resource]
    statement = select(model.configuration_snapshot).where(*same, model.status == "finished")
    newest = statement.order_by(model.created_at.desc(), model.id.desc()).limit(1)
    try:
        return (await session.execute(newest)).scalar_one_or_none() or {}
    except DecryptionError:
        return {}


async def server_settings_of(session: AsyncSession, server_id: int) -> ServerSetting:
    """Return the settings of a server."""
    return (await session.execute(select(ServerSetting).where(ServerSetting.server_id == server_id))).scalar_one()


async def registry_credentials_of(session: AsyncSession, team_id: int) -> Sequence[RegistryCredential]:
    """Return the registry logins of a team, by registry."""
    statement = select(RegistryCredential).where(RegistryCredential.team_id == team_id)
    return (await session.execute(statement.order_by(RegistryCredential.registry_host))).scalars().all()
