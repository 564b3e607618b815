"""The web application: `uvicorn --factory app.main:create_app`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from app.api import ROUTERS
from app.audit.recording import Recording
from app.auth.rate_limit import RateLimit
from app.deployments.deploying import queue_for
from app.deployments.endpoints import routes_in_front
from app.deployments.stream import Hub
from app.docs import install_docs
from app.error_handlers import answer_failure, install_error_handlers
from app.health import VERSION
from app.kit import encryption
from app.logs import configure_logging
from app.lookups import Lookups
from app.metrics.serving import PATH as METRICS_PATH
from app.metrics.serving import get_metrics, observe_process, on_own_port
from app.metrics.state import State
from app.middleware import AroundRequests, Compression, LegacyGetActions
from app.openapi import PREFIX, install_openapi
from app.pages.site import install_pages
from app.postgres import create_autocommit_sessions, create_engine, create_sessions
from app.redis import Waker
from app.remote.ssh import SshHostPool
from app.settings import Settings, get_settings
from app.shutdown import called_on_exit
from app.tracing import start_tracing, stop_tracing

_EXPOSED = [
    "ETag",
    "Link",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
    "X-Total-Count",
]
"""What a script of another origin may read of an answer besides its body."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application; nothing is connected to before its lifespan begins.

    Without `settings` it is the process's own: settings from the environment, and its log set up.
    """
    if settings is None:
        settings = get_settings()
        configure_logging(settings.log_level, settings.secrets())
    app = FastAPI(
        title="Shiplog",
        version=VERSION,
        lifespan=_lifespan,
        root_path_in_servers=False,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # Its own spans and logs would have bodies and errors that nobody has redacted: app/tracing.py has ours.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.settings = settings
    app.state.queue_deployment = queue_for
    for prefix in (PREFIX, "/api"):
        app.router.routes += routes_in_front(prefix)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
        app.include_router(router, prefix="/api", include_in_schema=False)
    app.add_route(METRICS_PATH, get_metrics, include_in_schema=False)
    install_docs(app)
    install_pages(app)
    install_openapi(app)
    install_error_handlers(app)
    app.add_middleware(Recording)
    if settings.legacy_get_actions:
        app.add_middleware(LegacyGetActions)
    app.add_middleware(Compression, minimum_size=1024, compresslevel=3)
    app.add_middleware(AroundRequests, prefix=settings.root_path.rstrip("/"), failed=answer_failure)
    if origins := [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["*"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "X-Request-Id"],
            expose_headers=_EXPOSED,
        )
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    encryption.install(encryption.Keyring(settings.encryption_keys()))
    if settings.tracing:
        start_tracing("api")
    engine = create_engine(settings)
    lookups = Lookups(engine, settings)
    waker = Waker(settings.redis())
    app.state.sessions = create_sessions(engine)
    app.state.readers = create_autocommit_sessions(engine, settings)
    app.state.waker = waker
    app.state.lookups = lookups
    app.state.rate_limit = RateLimit(settings.rate_limit, waker)
    app.state.hosts = SshHostPool()
    app.state.metrics = State(app.state.readers, waker)
    observe_process("api", engine, app.state.hosts)
    loop = asyncio.get_running_loop()
    try:
        async with Hub(app.state.sessions, settings.redis()) as hub, on_own_port(settings, app.state.metrics):
            app.state.hub = hub
            with called_on_exit(lambda: loop.call_soon_threadsafe(hub.close)):
                yield
    finally:
        await app.state.hosts.close()
        await waker.close()
        await lookups.close()
        await engine.dispose()
        await asyncio.to_thread(stop_tracing)
