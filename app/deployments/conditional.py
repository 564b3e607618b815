"""Conditional GET: a settled deployment does not change any more, so who has it need not read it again."""

import hashlib
from collections.abc import Mapping
from typing import Any

from fastapi import Request

from app.auth.dependencies import Caller
from app.health import VERSION
from app.models.deployment_status import DeploymentStatus

_TELLING = ("deployment_uuid", "status", "updated_at", "log_count")

# Whoever asks with the same token gets the same answer for ever; a shared cache must not hand it to another.
_CACHING = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


def tag_of(caller: Caller, columns: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers with the `ETag` of a settled deployment; none for one that may still change."""
    if not DeploymentStatus(columns["status"]).is_final:
        return {}
    facts = (VERSION, *(columns[name] for name in _TELLING), caller.can_read_sensitive)
    # Weak, because the same answer may leave compressed or not.
    return {"ETag": f'W/"{hashlib.sha256(repr(facts).encode()).hexdigest()[:32]}"', **_CACHING}


def is_known(request: Request, tag: str | None) -> bool:
    """Return whether the client says that it has the answer with this tag already."""
    given = request.headers.get("if-none-match")
    if given is None or tag is None:
        return False
    known = [one.strip() for one in given.split(",")]
    return "*" in known or tag in known or tag.removeprefix("W/") in known
