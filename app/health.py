"""Whether the process lives, and which version it is."""

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from app.auth.dependencies import Caller, require
from app.errors import answers

VERSION = version("shiplog")

router = APIRouter(tags=["Health"])


@router.get("/health", operation_id="healthcheck", summary="Health", response_class=HTMLResponse)
async def get_health() -> str:
    """Answer `OK` while the process lives, PostgreSQL or not: a restart would not bring it back."""
    return "OK"


@router.get(
    "/version",
    operation_id="version",
    summary="Version",
    response_class=HTMLResponse,
    responses=answers(401, 403),
)
async def get_version(caller: Annotated[Caller, Depends(require("read"))]) -> str:
    """Return the bare version, as in `0.1.0`."""
    del caller
    return VERSION
