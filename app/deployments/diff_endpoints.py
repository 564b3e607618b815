"""Comparing a deployment with an earlier one of the same resource."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Caller, require
from app.deployments.diff import compare
from app.deployments.diff_guard import Deployed, Guard
from app.deployments.diff_schemas import DiffAnswer
from app.deployments.kinds import DATABASE, KINDS, SERVICE, AnyQueue, Kind
from app.deployments.repository import After, last_finished
from app.deployments.snapshots import find_kept
from app.errors import Conflict, ValidationFailed, answers
from app.kit.encryption import DecryptionError
from app.models.resource import current_secrets
from app.postgres import ReadSession

router = APIRouter(prefix="/deployments", tags=["Deployments"])

SensitiveReader = Annotated[Caller, Depends(require("read:sensitive"))]
Against = Annotated[
    str | None,
    Query(
        max_length=24,
        description="Uuid of another deployment of the same resource; left out: the finished one before this.",
    ),
]


def _add_route(place: str, name: str, of: str, *kinds: Kind) -> None:
    """Serve the comparison of deployments of `kinds` under `place`."""

    @router.get(
        f"{place}/{{uuid}}/diff",
        operation_id=f"get-{name}deployment-diff",
        summary=f"Compare a deployment of {of} with an earlier one",
        responses=answers(401, 403, 404, 409, 422),
    )
    async def get_diff(
        request: Request, session: ReadSession, caller: SensitiveReader, uuid: str, against: Against = None
    ) -> DiffAnswer:
        """What changed: settings, variables, logins, Compose services, the images that ran, and the rendered files.

        A secret is only said to have changed. Where nothing was deployed before, everything is added.
        """
        return await diff_of(request, session, caller, uuid, against, kinds)


async def diff_of(
    request: Request,
    session: AsyncSession,
    caller: Caller,
    uuid: str,
    against: str | None = None,
    kinds: Sequence[Kind] = KINDS,
) -> DiffAnswer:
    """Return what a deployment changed, for a caller who may see it."""
    kind, row = await find_kept(session, caller.team_id, uuid, kinds)
    before = await _other(session, caller, kind, row, against)
    secret_names: str = request.app.state.settings.secret_name_pattern
    sides = [None if one is None else deployed(one) for one in (before, row)]
    guard = Guard(*sides, more=await current_secrets(await row.resource()), secret_names=secret_names)
    # A long Compose file takes a second, too long for the event loop.
    changes = await asyncio.to_thread(compare, kind, sides[0], deployed(row), guard)
    against = None if before is None else before.deployment_uuid
    return DiffAnswer(deployment_uuid=uuid, against=against, **dict(changes))


def deployed(row: AnyQueue) -> Deployed:
    """Return what a deployment whose snapshot is loaded deployed."""
    return Deployed(row.deployment_uuid, row.configuration_snapshot or {}, row.image_digests)


async def last_deployed(session: AsyncSession, kind: Kind, of: object, before: After | None = None) -> AnyQueue | None:
    """Return the newest finished deployment of a resource that has a snapshot; raises Conflict for one that is unread."""
    try:
        row = await last_finished(session, kind, of, before)
    except DecryptionError as error:
        raise Conflict(f"The configuration of the last finished deployment cannot be read. {error}") from error
    return row if row is not None and row.configuration_snapshot else None


async def _other(
    session: AsyncSession, caller: Caller, kind: Kind, row: AnyQueue, against: str | None
) -> AnyQueue | None:
    if against is None:
        return await last_deployed(session, kind, row, After(row.created_at, row.id))
    _, other = await find_kept(session, caller.team_id, against, [kind])
    if any(getattr(other, name) != getattr(row, name) for name in kind.same_resource):
        raise ValidationFailed({"against": ["This is a deployment of another resource."]})
    return other


_add_route("", "", "either kind", *KINDS)
_add_route("/services/deployment", "service-", "a service", SERVICE)
_add_route("/databases/deployment", "database-", "a database", DATABASE)
