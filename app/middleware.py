"""Around every request: its id, a line in our log, a bound on its body, and an answer whatever happens."""

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import structlog
from fastapi import HTTPException, Request, Response
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import AppError, ContentTooLarge, NotFound, ValidationFailed
from app.kit.request_id import HEADER, accepted_or_new
from app.metrics.instruments import HTTP_SECONDS
from app.tracing import begin_request, end_request

log = structlog.get_logger(__name__)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MOST_BODY_BYTES = 1024 * 1024


class AroundRequests:
    """Names each request, refuses what no endpoint could use, answers 500 for what nobody handled, and logs the request.

    One for all of it: what each of these needs of the request is read once. The log has method, path, status and
    duration, neither query nor headers: they may hold secrets. A caller's own `X-Request-Id` is kept if it is one short
    word. `prefix` is where a proxy serves the application, whether or not it cuts that off; a server's own option would
    say so too, FastAPI's parameter of that name is deprecated.
    """

    def __init__(self, app: ASGIApp, prefix: str, failed: Callable[[Request], Response]) -> None:
        self._app = app
        self._prefix = prefix
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        request_id = accepted_or_new(headers.get(HEADER))
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        status: int | None = None
        answered = started

        async def send_with_id(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = time.perf_counter()
                more = [
                    (name.lower().encode(), value.encode()) for name, value in state.get("answer_headers", {}).items()
                ]
                message["headers"] = [*message.get("headers", ()), *more, (HEADER, request_id.encode())]
            await send(message)

        traced = begin_request(scope["method"], scope["path"], request_id, headers.get(b"traceparent"))
        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._serve(scope, headers, receive, send_with_id)
        except Exception:
            log.exception("request failed")
            if status is not None:
                raise  # half an answer is out: the server must break the connection, or it would look whole
            answer = self._failed(Request({**scope, "root_path": self._prefix}))
            await answer(scope, receive, send_with_id)
        finally:
            if status is not None:
                method = scope["method"] if scope["method"] in METHODS else "other"
                HTTP_SECONDS.labels(method, status).observe(answered - started)
            if traced is not None:
                route = getattr(scope.get("route"), "path", None)
                end_request(traced, scope["method"] if route is None else f"{scope['method']} {route}", status)
            self._log(scope, status, time.perf_counter() - started)
            structlog.contextvars.reset_contextvars(**bound)

    async def _serve(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        refusal = _refusal(scope, headers)
        if refusal is not None:
            body = {**refusal.body(), "request_id": scope["state"]["request_id"]}
            await JSONResponse(body, refusal.status_code)(scope, receive, send)
            return
        received = 0

        async def receive_bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MOST_BODY_BYTES:
                raise HTTPException(ContentTooLarge.status_code)  # the one kind that FastAPI lets through here
            return message

        if self._prefix:
            path = scope["path"]
            is_whole = path == self._prefix or path.startswith(f"{self._prefix}/")
            scope = {**scope, "root_path": self._prefix, "path": path if is_whole else self._prefix + path}
        await self._app(scope, receive_bounded, send)

    @staticmethod
    def _log(scope: Scope, status: int | None, seconds: float) -> None:
        facts: dict[str, Any] = {"method": scope["method"], "path": scope["path"], "status": status}
        if "token_id" in scope["state"]:
            facts["token_id"] = scope["state"]["token_id"]
        log.info("request", **facts, ms=round(seconds * 1000, 1))


class Compression(GZipMiddleware):
    """Compresses a long answer for who can read that; for others there is nothing to hold back and look at."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or b"gzip" in dict(scope["headers"]).get(b"accept-encoding", b""):
            await super().__call__(scope, receive, send)
            return

        async def send_varying(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                is_long = int(headers.get("content-length", self.minimum_size)) >= self.minimum_size
                if is_long and not headers.get("content-type", "").startswith("text/event-stream"):
                    headers.add_vary_header("Accept-Encoding")
            await send(message)

        await self.app(scope, receive, send_varying)


class LegacyGetActions:
    """Takes GET for POST where an action is asked for, as older clients of Coolify do.

    Off unless configured: a link that a browser or a crawler follows would stop a service.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["method"] == "GET" and is_action(scope["path"]):
            scope = {**scope, "method": "POST"}
        await self._app(scope, receive, send)


_ACTION = re.compile(
    r"/api(/v1)?/(deploy|enable|disable|(services|databases)/[^/]+/(start|stop|restart)|servers/[^/]+/validate)$"
)


def is_action(path: str) -> bool:
    """Return whether a path is one of those that could be asked with GET in older versions of the reference."""
    return _ACTION.search(path) is not None


def _refusal(scope: Scope, headers: dict[bytes, bytes]) -> AppError | None:
    # PostgreSQL stores no NUL: asyncpg raises an error for it that is the request's fault, not ours.
    if "\0" in scope["path"]:
        return NotFound("Not found.")
    if b"%00" in scope["query_string"]:
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        names = {name.replace("\0", "") for name, value in pairs if "\0" in name + value}
        return ValidationFailed({name: ["This field must not contain NUL characters."] for name in sorted(names)})
    # A server has checked the header before; a length of more digits than that is too large in any case.
    length = headers.get(b"content-length", b"")
    if length.isdigit() and (len(length) > 18 or int(length) > MOST_BODY_BYTES):
        return ContentTooLarge()
    return None
