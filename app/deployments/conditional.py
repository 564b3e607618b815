"""Conditional GET: a settled deployment does not change any more, so who has it need not read it again."""

import hashlib

from fastapi import Request, Response

from app.auth.dependencies import Caller
from app.deployments.kinds import AnyQueue
from app.health import VERSION
from app.models.deployment_status import DeploymentStatus

# Whoever asks with the same token gets the same answer for ever; a shared cache must not hand it to another.
_CACHING = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


def not_modified(request: Request, response: Response, caller: Caller, row: AnyQueue) -> Response | None:
    """Set the `ETag` of a settled deployment; return 304 when the client has it already, None otherwise."""
    if not DeploymentStatus(row.status).is_final:
        return None
    facts = (VERSION, row.deployment_uuid, row.status, row.updated_at, row.log_count, caller.can_read_sensitive)
    # Weak, because the same answer may leave compressed or not.
    tag = f'W/"{hashlib.sha256(repr(facts).encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, **_CACHING}
    response.headers.update(headers)
    known = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
    if "*" in known or tag in known or tag.removeprefix("W/") in known:
        return Response(status_code=304, headers=headers)
    return None
