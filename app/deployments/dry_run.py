"""A dry run: what a deployment would change, bring and do, as the configuration is now; no server is asked."""

import asyncio
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from app.auth.dependencies import Caller, require
from app.compose.plan import DeploymentPlan, PlanError
from app.compose_services.repository import ServiceRepository
from app.databases.lookup import found_database
from app.deployments.diff import compare
from app.deployments.diff_endpoints import deployed, last_deployed
from app.deployments.diff_guard import Deployed, Guard, plan_of
from app.deployments.diff_schemas import PlanAnswer, PlannedFileAnswer, PlannedStepAnswer
from app.deployments.kinds import DATABASE, SERVICE, AnyQueue, Kind
from app.deployments.snapshots import columns_of, placement_of, snapshot_of_database, snapshot_of_service
from app.errors import answers
from app.models.database_deployment_queue import DatabaseDeploymentQueue
from app.models.resource import DeployableMixin, current_secrets
from app.models.service_deployment_queue import ServiceDeploymentQueue
from app.postgres import ReadSession

router = APIRouter()

SensitiveReader = Annotated[Caller, Depends(require("read:sensitive"))]
Pull = Annotated[bool, Query(description="As if every image were pulled again before starting.")]
Stop = Annotated[bool, Query(description="As if the running containers were stopped first.")]
NEXT = "the next deployment"


@router.get(
    "/services/{uuid}/plan",
    operation_id="plan-service-by-uuid",
    summary="See what a deployment of a service would do",
    tags=["Services"],
    responses=answers(401, 403, 404, 409, 422),
)
async def plan_service(
    request: Request,
    session: ReadSession,
    caller: SensitiveReader,
    uuid: str,
    pull_latest_images: Pull = False,
    stop_before_start: Stop = False,
) -> PlanAnswer:
    """Compared with the last finished deployment: what would change; the files, and each step with its command.

    Nothing is deployed and the server is not asked. Which image a tag means is known only once it is pulled.
    """
    service = await ServiceRepository(session).found(caller.team_id, uuid)
    placement = await placement_of(session, service)
    how = {"pull_latest_images": pull_latest_images, "stop_before_start": stop_before_start}
    snapshot = await snapshot_of_service(session, service, placement, **how)
    seconds = placement.settings.deployment_timeout
    last = await last_deployed(session, SERVICE, ServiceDeploymentQueue(service_id=service.id))
    return await _answer(request, SERVICE, service, {**snapshot, "deadline_seconds": seconds}, last)


@router.get(
    "/databases/{uuid}/plan",
    operation_id="plan-database-by-uuid",
    summary="See what a deployment of a database would do",
    tags=["Databases"],
    responses=answers(401, 403, 404, 409, 422),
)
async def plan_database(request: Request, session: ReadSession, caller: SensitiveReader, uuid: str) -> PlanAnswer:
    """Compared with the last finished deployment: what would change; the files, and each step with its command.

    Nothing is deployed and the server is not asked; a certificate is neither made nor renewed.
    """
    database = await found_database(session, caller.team_id, uuid)
    placement = await placement_of(session, database)
    snapshot = await snapshot_of_database(
        session, database, placement, columns=columns_of(database), with_certificate=False
    )
    resource = {"database_id": str(database.id), "database_type": database.resource_type}
    last = await last_deployed(session, DATABASE, DatabaseDeploymentQueue(**resource))
    previous = (last.configuration_snapshot or {}).get("columns", {}).get("image") if last else None
    more = {"deadline_seconds": placement.settings.deployment_timeout, "previous_image": previous}
    return await _answer(request, DATABASE, database, {**snapshot, **more}, last)


async def _answer(
    request: Request, kind: Kind, resource: DeployableMixin, snapshot: dict[str, Any], last: AnyQueue | None
) -> PlanAnswer:
    # What will run is not known before it is pulled: the images are left out of the comparison.
    before = None if last is None else replace(deployed(last), image_digests={})
    after = Deployed(NEXT, snapshot, image_digests={})
    secret_names: str = request.app.state.settings.secret_name_pattern
    guard = Guard(before, after, more=await current_secrets(resource), secret_names=secret_names)
    changes = await asyncio.to_thread(compare, kind, before, after, guard)
    plan, problem = await asyncio.to_thread(_plan, kind, snapshot, guard)
    return PlanAnswer(
        kind=kind.name,
        resource_uuid=resource.uuid,
        against=None if last is None else last.deployment_uuid,
        problem=problem,
        changes=changes,
        files=[
            PlannedFileAnswer(path=file.path, mode=f"{file.mode:04o}", content=guard.show(file.content.reveal()) or "")
            for file in (plan.files if plan else ())
        ],
        steps=[
            PlannedStepAnswer(name=step.name, command=guard.show(step.shown) or "")
            for step in (plan.steps if plan else ())
        ],
    )


def _plan(kind: Kind, snapshot: dict[str, Any], guard: Guard) -> tuple[DeploymentPlan | None, str | None]:
    """Return the plan of a snapshot without its secrets, or why there is none with them."""
    try:
        plan_of(kind, snapshot)
        return plan_of(kind, guard.masked(snapshot)), None
    except PlanError as error:
        return None, guard.show(str(error))
