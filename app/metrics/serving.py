"""Where Prometheus reads: `/metrics` of the API, for who has the token, and a port of each process's own."""

import asyncio
import hmac
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import cast

import structlog
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from sqlalchemy import QueuePool
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.metrics.instruments import POSTGRES_CONNECTIONS, POSTGRES_UP, PROCESS, SSH_CONNECTIONS, STATE
from app.metrics.state import State
from app.remote.ssh import SshHostPool
from app.settings import Settings

log = structlog.get_logger(__name__)

PATH = "/metrics"
MOST_PROCESSES = 64
"""As many as `shiplog api --workers` takes: each has the next port that is free."""


def observe_process(process: str, engine: AsyncEngine, hosts: SshHostPool) -> None:
    """Tell which process this is, `api` or `worker`, and what it holds open."""
    PROCESS.labels(process, version("shiplog")).set(1)
    pool = cast("QueuePool", engine.pool)
    POSTGRES_CONNECTIONS.set_function(pool.checkedout)
    SSH_CONNECTIONS.set_function(lambda: hosts.open_connections)


async def exposition(state: State | None) -> Response:
    """Return the counts of this process and, if it has it, the state of all."""
    parts = [generate_latest(REGISTRY)]
    if state is not None:
        is_up = await state.refresh()
        parts.append(generate_latest(STATE if is_up else STATE.restricted_registry([POSTGRES_UP._name])))
    return Response(b"".join(parts), media_type=CONTENT_TYPE_PLAIN_0_0_4)


async def get_metrics(request: Request) -> Response:
    """Answer on the API's own port: without a token in the settings there is nothing here."""
    token = request.app.state.settings.metrics_secret()
    if token is None:
        return PlainTextResponse("Not found.", 404)
    if not _has_token(request.scope, token):
        return _refused()
    return await exposition(request.app.state.metrics)


class MetricsApp:
    """The application on the port that has nothing else; open unless there is a token."""

    def __init__(self, state: State | None, token: str | None) -> None:
        self._state = state
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        await (await self._answer(scope))(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response:
        if scope["path"] != PATH or scope["method"] not in {"GET", "HEAD"}:
            return PlainTextResponse(f"Not found: the metrics are at {PATH}.", 404)
        if self._token is not None and not _has_token(scope, self._token):
            return _refused()
        return await exposition(self._state)


@asynccontextmanager
async def on_own_port(settings: Settings, state: State | None = None) -> AsyncIterator[int | None]:
    """Serve metrics on `SHIPLOG_METRICS_PORT` while the block lasts, and yield the port; None when none is set."""
    if settings.metrics_port is None:
        yield None
        return
    import uvicorn  # the worker does without it otherwise

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield  # they are the process's

    listener = _listen(settings.metrics_host, settings.metrics_port)
    port: int = listener.getsockname()[1]
    app: ASGIApp = MetricsApp(state, settings.metrics_secret())
    server = Server(
        uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", server_header=False, timeout_graceful_shutdown=1
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="metrics")
    log.info("metrics are served", host=settings.metrics_host, port=port)
    try:
        yield port
    finally:
        server.should_exit = True
        await serving
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for one in range(port, port + MOST_PROCESSES):
        try:
            return socket.create_server((host, one), family=family)
        except OSError as error:
            problem = error
    raise ValueError(f"SHIPLOG_METRICS_PORT: no port from {port} on is free on {host}: {problem}.")


def _has_token(scope: Scope, token: str) -> bool:
    given = dict(scope["headers"]).get(b"authorization", b"")
    return hmac.compare_digest(given, b"Bearer " + token.encode())


def _refused() -> Response:
    return PlainTextResponse(
        "Send the token of SHIPLOG_METRICS_TOKEN as `Authorization: Bearer …`.", 401, {"WWW-Authenticate": "Bearer"}
    )
