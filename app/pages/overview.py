"""The first page: what runs and waits, what happened last, and how the servers are."""

from fastapi import APIRouter, Request, Response

from app.pages.rendering import render
from app.pages.signed_in import Looking

router = APIRouter()


@router.get("/")
async def show_overview(request: Request, visitor: Looking) -> Response:
    """Show the overview."""
    return render(request, "overview.html", visitor)
