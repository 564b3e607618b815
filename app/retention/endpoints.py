"""How long history stays: the team's policy, a round out of turn or a dry run of it, and deleting one deployment or log."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.deployments.kinds import AnyQueue
from app.deployments.repository import found_of_team
from app.errors import Conflict, answers
from app.kit.answers import MessageAnswer
from app.kit.clock import utcnow
from app.models.retention_policy import RetentionPolicy
from app.postgres import ReadSession, Session
from app.retention.pruning import look_for_old
from app.retention.repository import change_policy, delete_deployment, delete_log, policy_of
from app.retention.schemas import PruneAnswer, RemovableAnswer, RetentionAnswer, RetentionUpdate

router = APIRouter()

Reader = Annotated[Caller, Depends(require("read"))]
Writer = Annotated[Caller, Depends(require("write"))]
DryRun = Annotated[bool, Query(description="Remove nothing: say what would be removed.")]


@router.get(
    "/teams/current/retention",
    operation_id="get-current-team-retention",
    summary="Get how long history stays",
    tags=["Teams"],
    responses=answers(401, 403),
)
async def get_retention(session: ReadSession, caller: Reader) -> RetentionAnswer:
    """Return the policy of the token's team, and what the last round removed."""
    return RetentionAnswer.model_validate(await _policy(session, caller))


@router.patch(
    "/teams/current/retention",
    operation_id="update-current-team-retention",
    summary="Change how long history stays",
    tags=["Teams"],
    responses=answers(400, 401, 403, 422),
)
async def update_retention(session: Session, caller: Writer, body: RetentionUpdate) -> RetentionAnswer:
    """Holds from the next batch on. What runs or waits, and each resource's last finished deployment, always stay."""
    policy = await change_policy(session, caller.team_id, body.model_dump(exclude_unset=True))
    return RetentionAnswer.model_validate(policy)


@router.post(
    "/teams/current/retention/prune",
    operation_id="prune-current-team",
    summary="Remove old history now",
    tags=["Teams"],
    responses=answers(401, 403, 422),
)
async def prune(session: Session, caller: Writer, dry_run: DryRun = False) -> PruneAnswer:
    """A worker begins within seconds and goes on in small batches, as it does once a day anyway."""
    if dry_run:
        found = await look_for_old(session, await _policy(session, caller))
        would_remove = RemovableAnswer(
            finished=found.counts.get("finished", 0),
            failed=found.counts.get("failed", 0),
            cancelled=found.counts.get("cancelled-by-user", 0),
            operations=found.operations,
            log_bytes=found.log_bytes,
            is_complete=found.is_complete,
        )
        message = "Nothing was removed: this is what a round would remove now."
        return PruneAnswer(message=message, dry_run=True, would_remove=would_remove)
    await change_policy(session, caller.team_id, {"due_at": utcnow()})
    return PruneAnswer(message="A worker removes old history now, in small batches.", dry_run=False)


@router.delete(
    "/deployments/{uuid}",
    operation_id="delete-deployment-by-uuid",
    summary="Delete a deployment and its log",
    tags=["Deployments"],
    responses=answers(401, 403, 404, 409),
)
async def delete_deployment_by_uuid(session: Session, caller: Writer, uuid: str) -> MessageAnswer:
    """Of one that has ended. It stays in the statistics; what runs on the server stays as it is."""
    kind, row = await found_of_team(session, caller.team_id, uuid)
    if not await delete_deployment(session, kind, row.id):
        raise _not_ended(row)
    return MessageAnswer(message="Deployment deleted.")


@router.delete(
    "/deployments/{uuid}/logs",
    operation_id="delete-deployment-log-by-uuid",
    summary="Delete the log of a deployment",
    tags=["Deployments"],
    responses=answers(401, 403, 404, 409),
)
async def delete_log_by_uuid(session: Session, caller: Writer, uuid: str) -> MessageAnswer:
    """Of one that has ended. From then on its log has no entries, and `logs_deleted_at` says why."""
    kind, row = await found_of_team(session, caller.team_id, uuid)
    if not await delete_log(session, kind, row.id):
        raise _not_ended(row)
    return MessageAnswer(message="Log deleted.")


async def _policy(session: AsyncSession, caller: Caller) -> RetentionPolicy:
    found = await policy_of(session, caller.team_id)
    return found or RetentionPolicy(
        team_id=caller.team_id, finished_days=90, failed_days=90, cancelled_days=90, keep_last=0
    )


def _not_ended(row: AnyQueue) -> Conflict:
    return Conflict(f"The deployment has not ended: it is {row.status}. Cancel it first.")
