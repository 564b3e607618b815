"""The web application: `uvicorn --factory app.main:create_app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import ROUTERS
from app.auth.dependencies import Caller
from app.deployments.deploying import StartOptions, queue_for
from app.docs import install_docs
from app.error_handlers import install_error_handlers
from app.errors import QueueFull
from app.health import VERSION
from app.kit import encryption
from app.middleware import RequestBounds, RequestLog
from app.models.resource import DeployableMixin
from app.openapi import PREFIX, install_openapi
from app.postgres import create_engine, create_sessions
from app.redis import Waker
from app.settings import Settings, get_settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application; nothing is connected to before its lifespan begins."""
    settings = settings or get_settings()
    app = FastAPI(
        title="Shiplog",
        version=VERSION,
        lifespan=_lifespan,
        root_path=settings.root_path,
        root_path_in_servers=False,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.queue_deployment = _queue_deployment
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
        app.include_router(router, prefix="/api", include_in_schema=False)
    install_docs(app)
    install_openapi(app)
    install_error_handlers(app)
    app.add_middleware(RequestBounds)
    app.add_middleware(RequestLog)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    encryption.install(encryption.Keyring(settings.encryption_keys()))
    engine = create_engine(settings)
    waker = Waker(settings.redis())
    app.state.sessions = create_sessions(engine)
    app.state.waker = waker
    try:
        yield
    finally:
        await waker.close()
        await engine.dispose()


async def _queue_deployment(request: Request, session: AsyncSession, caller: Caller, resource: DeployableMixin) -> None:
    """Deploy what a request has just made; a full queue refuses the whole request, so that it can be sent again."""
    queued = await queue_for(request, session, caller, resource, StartOptions())
    if queued.deployment_uuid is None:
        raise QueueFull
