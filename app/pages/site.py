"""All pages in one place: what `main` puts into the application."""

from fastapi import APIRouter, FastAPI

from app.pages import (
    assets,
    deployment,
    deployment_actions,
    deployment_diff,
    deployment_log,
    inventory,
    overview,
    resource_actions,
    resources,
    sign_in,
    statistics,
)

ROUTERS: tuple[APIRouter, ...] = (
    sign_in.router,
    overview.router,
    deployment.router,
    deployment_log.router,
    deployment_diff.router,
    deployment_actions.router,
    resources.router,
    inventory.router,
    statistics.router,
    resource_actions.router,
    assets.router,
)


def install_pages(app: FastAPI) -> None:
    """Serve the pages beside the API; they are no part of its description."""
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
