"""All pages in one place: what `main` puts into the application."""

from fastapi import APIRouter, FastAPI

from app.pages import assets, deployment, deployment_actions, deployment_log, overview, sign_in

ROUTERS: tuple[APIRouter, ...] = (
    sign_in.router,
    overview.router,
    deployment.router,
    deployment_log.router,
    deployment_actions.router,
    assets.router,
)


def install_pages(app: FastAPI) -> None:
    """Serve the pages beside the API; they are no part of its description."""
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
