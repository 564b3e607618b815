"""Cancelling a deployment: one that waits ends at once, one that runs is ended by the worker that holds it."""

from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.deployments.idempotency import Once
from app.deployments.kinds import AnyQueue, Kind
from app.deployments.log import Position, Stretch, own_entry
from app.deployments.repository import found_of_team, request_cancel
from app.deployments.schemas import CancelAnswer
from app.deployments.settling import Verdict, settle
from app.errors import InvalidRequest, answers
from app.models.deployment_status import DeploymentStatus
from app.postgres import Session

router = APIRouter()

CANCELLED = "Deployment cancelled successfully."
REQUESTED = "Deployment is being cancelled."


@router.post(
    "/deployments/{uuid}/cancel",
    operation_id="cancel-deployment-by-uuid",
    summary="Cancel a deployment",
    tags=["Deployments"],
    responses=answers(400, 401, 403, 404),
)
async def cancel_deployment(
    once: Once, session: Session, caller: Annotated[Caller, Depends(require("deploy"))], uuid: str
) -> CancelAnswer:
    """A queued one ends at once. A running one is killed on its server with everything it started, within seconds.

    The answer says which: `status` is `cancelled-by-user`, or still `in_progress` until the server confirms the end.
    """
    kind, row = await found_of_team(session, caller.team_id, uuid)
    status = await request_cancel(session, kind, row.id)
    if status is None:
        await session.refresh(row, ["status"])
        raise InvalidRequest(f"Deployment cannot be cancelled. Current status: {row.status}")
    # Wakes the owner, or whoever starts what waited behind it.
    once.wake(int(row.server_id))
    if status == DeploymentStatus.QUEUED:
        await _settle_queued(session, kind, row, caller)
        return CancelAnswer(message=CANCELLED, deployment_uuid=uuid, status=DeploymentStatus.CANCELLED_BY_USER)
    return CancelAnswer(message=REQUESTED, deployment_uuid=uuid, status=DeploymentStatus.IN_PROGRESS)


async def _settle_queued(session: AsyncSession, kind: Kind, row: AnyQueue, caller: Caller) -> None:
    await session.refresh(row)  # its lock is ours now: nothing moves between this and the settle
    position = Position(row.lease_epoch, row.log_count, row.stdout_offset, row.stderr_offset)
    entry = own_entry(f"Deployment cancelled by {caller.name} before it started.", batch=1, type="stderr")
    last = Stretch([entry], row.stdout_offset, row.stderr_offset, row.step, row.steps)
    verdict = Verdict(DeploymentStatus.CANCELLED_BY_USER)
    await settle(session, kind, row.id, position, last=last, verdict=verdict)
