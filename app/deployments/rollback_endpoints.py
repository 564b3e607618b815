"""Going back: a new deployment of what an earlier one deployed."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.compose_services.repository import ServiceRepository
from app.databases.lookup import found_database
from app.databases.planning import why_unreadable
from app.databases.registry import definition_of
from app.deployments.idempotency import AnswerOnce, Once
from app.deployments.kinds import DATABASE, KINDS, SERVICE, AnyQueue, Kind
from app.deployments.queue import Queued, queue_database_deployment, queue_service_deployment
from app.deployments.repository import previous_snapshot
from app.deployments.rollback import Rollback
from app.deployments.schemas import RunLimits, StartAnswer
from app.deployments.snapshots import find_kept
from app.errors import Conflict, QueueFull, answers
from app.models.deployment_status import DeploymentStatus
from app.models.standalone.columns import StandaloneMixin
from app.postgres import Session

router = APIRouter(prefix="/deployments", tags=["Deployments"])

Deployer = Annotated[Caller, Depends(require("deploy"))]


class RollbackOptions(RunLimits):
    """What a rollback can carry."""


class RollbackAnswer(StartAnswer):
    """Answer of a rollback."""

    message: str = Field(examples=["Service rollback request queued."])
    rollback_of: str = Field(description="The deployment whose configuration is deployed again.")
    images: dict[str, str] = Field(
        description="The image of each Compose service that is pinned to the digest that ran then.",
        examples=[{"web": "registry.example/web:1@sha256:3b8f…"}],
    )
    notes: list[str] = Field(
        description="What there is to know, as the log says it: images that cannot be pinned, secrets that are not those "
        "of then."
    )


def _add_route(place: str, name: str, of: str, *kinds: Kind) -> None:
    """Serve the rollback to deployments of `kinds` under `place`."""

    @router.post(
        f"{place}/{{uuid}}/rollback",
        operation_id=f"rollback-{name}deployment-by-uuid",
        summary=f"Roll back to a deployment of {of}",
        responses=answers(401, 403, 404, 409, 422, 429),
    )
    async def rollback(
        request: Request,
        once: Once,
        session: Session,
        caller: Deployer,
        uuid: str,
        body: RollbackOptions | None = None,
    ) -> RollbackAnswer:
        """Deploy again what a finished deployment deployed: its configuration, its images by digest, the secrets of now.

        A new deployment, queued like any other. The resource keeps its configuration: the next ordinary deployment
        brings that. Of a database only the configuration goes back, never the data; it is refused where the image of
        then may not be able to read them.
        """
        return await roll_back(request, once, session, caller, uuid, body or RollbackOptions(), kinds)


async def roll_back(
    request: Request,
    once: AnswerOnce,
    session: AsyncSession,
    caller: Caller,
    uuid: str,
    asked: RollbackOptions,
    kinds: Sequence[Kind] = KINDS,
) -> RollbackAnswer:
    """Queue a rollback to a deployment, for a caller who may deploy."""
    secret_names: str = request.app.state.settings.secret_name_pattern

    async def make() -> RollbackAnswer:
        kind, source = await _source(session, caller, uuid, kinds)
        return await _roll_back(once, session, caller, kind, Rollback(source, secret_names), asked)

    return await once(caller, asked, RollbackAnswer, make)


async def _source(session: AsyncSession, caller: Caller, uuid: str, kinds: Sequence[Kind]) -> tuple[Kind, AnyQueue]:
    """Return the deployment to go back to, with its snapshot; raises Conflict for one that cannot be gone back to."""
    kind, row = await find_kept(session, caller.team_id, uuid, kinds)
    if row.status != DeploymentStatus.FINISHED:
        raise Conflict(f"The deployment {uuid} is {row.status}: only what has finished can be gone back to.")
    return kind, row


async def _roll_back(
    once: AnswerOnce, session: AsyncSession, caller: Caller, kind: Kind, rollback: Rollback, asked: RollbackOptions
) -> RollbackAnswer:
    source = rollback.source
    if kind is SERVICE:
        service = await ServiceRepository(session).found(caller.team_id, source.resource_uuid)
        queued = await queue_service_deployment(session, service, rollback=rollback, **_how(caller, asked))
    else:
        database = await found_database(session, caller.team_id, source.resource_uuid)
        await _refuse_unreadable_data(session, database, source)
        queued = await queue_database_deployment(session, database, rollback=rollback, **_how(caller, asked))
    return _answer(once, kind, source, queued)


def _how(caller: Caller, asked: RollbackOptions) -> dict[str, Any]:
    return {"action": "rollback", "is_api": not caller.is_browser, "requested_by": caller.name, **asked.model_dump()}


async def _refuse_unreadable_data(session: AsyncSession, database: StandaloneMixin, source: AnyQueue) -> None:
    """Raise Conflict when the image of then may not be able to use what the one that ran last has written."""
    last = (await previous_snapshot(session, DATABASE, source)).get("columns", {}).get("image")
    then = (source.configuration_snapshot or {}).get("columns", {}).get("image", database.image)
    reason = why_unreadable(definition_of(database.resource_type), last, then) if last else None
    if reason is not None:
        raise Conflict(f"{reason} A rollback brings back the configuration, never the data.")


def _answer(once: AnswerOnce, kind: Kind, source: AnyQueue, queued: Queued) -> RollbackAnswer:
    if queued.deployment is None or queued.server_id is None:
        raise QueueFull
    once.wake(queued.server_id)
    snapshot = queued.deployment.configuration_snapshot or {}
    return RollbackAnswer(
        message=f"{kind.name.capitalize()} rollback request queued.",
        deployment_uuid=queued.deployment.deployment_uuid,
        rollback_of=source.deployment_uuid,
        images=snapshot["images"],
        notes=snapshot["notes"],
    )


_add_route("", "", "either kind", *KINDS)
_add_route("/services/deployment", "service-", "a service", SERVICE)
_add_route("/databases/deployment", "database-", "a database", DATABASE)
