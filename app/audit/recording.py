"""Around every route: writes down who did what, before the caller hears that it was done.

Neither body nor query nor headers are kept, so no secret can get in. What failed is there as well, with its status; a
request without a good token is only in the log of the API, where anybody can cause a line and nobody a row.
"""

import json
from collections.abc import Iterable
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.audit.repository import Deed, add_event

log = structlog.get_logger(__name__)

SECRET_READS = frozenset(
    {
        "get-database-by-uuid",
        "get-notification-channel-by-uuid",
        "get-private-key-by-uuid",
        "get-registry-by-uuid",
        "get-service-by-uuid",
        "list-databases",
        "list-environment-shared-envs",
        "list-envs-by-database-uuid",
        "list-envs-by-service-uuid",
        "list-notification-channels",
        "list-private-keys",
        "list-project-shared-envs",
        "list-registries",
        "list-server-shared-envs",
        "list-services",
        "list-team-shared-envs",
    }
)
"""Reads whose answer holds stored secrets for a caller with `read:sensitive`. Logs are redacted: reading one is none."""

_SAFE = {"GET", "HEAD", "OPTIONS"}
_MOST_READ = 64 * 1024
"""Of an answer; one that names what was made is much shorter."""


class Recording:
    """The middleware; stands inside of all others, where the route is known and answers are plain."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        held: Message | None = None

        async def send_recorded(message: Message) -> None:
            # The beginning of an answer to a change waits for its body, which says what was made.
            nonlocal held
            if message["type"] == "http.response.start":
                if scope["method"] not in _SAFE:
                    held = message
                    return
                await _record(scope, message["status"], b"")
            elif held is not None:
                start, held = held, None
                await _record(scope, start["status"], message.get("body", b""))
                await send(start)
            await send(message)

        try:
            await self._app(scope, receive, send_recorded)
        except Exception:
            await _record(scope, 500, b"")
            raise


async def _record(scope: Scope, status_code: int, body: bytes) -> None:
    state, route = scope.get("state", {}), scope.get("route")
    is_read = scope["method"] in _SAFE
    if route is None or "token_id" not in state:
        return
    operation_id = getattr(route, "operation_id", None) or route.name
    if is_read and (operation_id not in SECRET_READS or status_code != 200):
        return
    path_params = scope.get("path_params", {}).values()
    client = scope.get("client")
    deed = Deed(
        token_id=state["token_id"],
        operation_id=operation_id,
        method=scope["method"],
        path=scope["path"],
        resource_uuids=list(dict.fromkeys([*map(str, path_params), *([] if is_read else _named(status_code, body))])),
        status_code=status_code,
        client=client[0] if client else None,
        request_id=state.get("request_id"),
        is_secret_read=is_read,
    )
    try:
        async with scope["app"].state.sessions.begin() as session:
            await add_event(session, deed)
    except Exception:
        # What was done is done: the caller gets the answer, and the log of the API the row.
        log.exception("an audit event could not be stored", **deed.facts())


def _named(status_code: int, body: bytes) -> Iterable[str]:
    """Return the uuids of what an answer says was made or started."""
    if status_code >= 300 or len(body) > _MOST_READ:
        return []
    try:
        answer: Any = json.loads(body)
    except ValueError:
        return []
    if not isinstance(answer, dict):
        return []
    started = answer.get("deployments")
    items = [answer, *(item for item in (started if isinstance(started, list) else []) if isinstance(item, dict))]
    named = [item.get(name) for item in items for name in ("uuid", "resource_uuid", "deployment_uuid")]
    return [uuid for uuid in named if isinstance(uuid, str)]
