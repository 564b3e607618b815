"""A body that may be left out, and then is not null: clients that are generated tell the one from the other."""

from fastapi import Depends, Request

from app.errors import InvalidRequest


async def _refuse_null(request: Request) -> None:
    # FastAPI takes null for a body that was left out.
    if (await request.body()).strip() == b"null":
        raise InvalidRequest("Invalid request.", error="The body must be a JSON object.")


OPTIONAL_BODY = Depends(_refuse_null)
"""Goes into the `dependencies` of a route whose body has a default of None."""
