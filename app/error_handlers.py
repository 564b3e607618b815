"""From exceptions to answers: `{"message": …, "request_id": …}`, and nothing internal in them."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import sqlalchemy.exc
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app.errors import (
    AppError,
    ContentTooLarge,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    Unavailable,
    ValidationFailed,
)
from app.middleware import is_action
from app.pages.error_pages import error_page, is_for_people
from app.postgres import is_away

log = structlog.get_logger(__name__)

_TEXTS = {"missing": "This field is required.", "extra_forbidden": "This field is not allowed."}
_FAILED = "Internal server error."
_MOST_FIELDS = 100
_LONGEST_NAME = 200


def install_error_handlers(app: FastAPI) -> None:
    """Make `app` answer every exception in the one shape; what is not listed is `AroundRequests`'s."""
    app.exception_handler(AppError)(_answer_app_error)
    app.exception_handler(RequestValidationError)(_answer_validation_error)
    app.exception_handler(HTTPException)(_answer_http_exception)
    for away in (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, sqlalchemy.exc.SQLAlchemyError):
        app.exception_handler(away)(_answer_away)


def answer_failure(request: Request) -> Response:
    """Return the answer to a request that a defect of ours has stopped."""
    return _answer(request, AppError(_FAILED))


def _answer(request: Request, error: AppError) -> Response:
    if is_for_people(request):
        return error_page(request, error)
    body = {**error.body(), "request_id": request.state.request_id}
    return JSONResponse(body, error.status_code, headers=error.headers)


async def _answer_app_error(request: Request, error: AppError) -> Response:
    return _answer(request, error)


async def _answer_away(request: Request, error: Exception) -> Response:
    if not is_away(error):
        raise error
    log.warning("postgres is away", error=type(error).__name__)
    return _answer(request, Unavailable())


async def _answer_http_exception(request: Request, error: HTTPException) -> Response:
    if error.status_code == 400:  # FastAPI's word for a body that json.loads refuses with anything but its own error
        return _answer(request, _invalid_body("Invalid JSON."))
    if error.status_code == 404:
        return _answer(request, NotFound("Not found.", docs=f"{request.scope.get('root_path', '')}/docs"))
    if error.status_code == 405:
        return _answer(request, _wrong_method(request))
    if error.status_code == 413:
        return _answer(request, ContentTooLarge())
    body = {"message": str(error.detail), "request_id": request.state.request_id}
    return JSONResponse(body, error.status_code, headers=error.headers)


def _wrong_method(request: Request) -> MethodNotAllowed:
    allowed = _allowed_methods(request)
    if request.method == "GET" and is_action(request.url.path):
        return MethodNotAllowed("This endpoint has changed to a POST request.", allowed)
    return MethodNotAllowed("Method not allowed.", allowed)


def _allowed_methods(request: Request) -> list[str]:
    """Return what the path can be asked with: the exception itself names the methods of one route only."""
    routes = [
        route
        for route in iter_route_contexts(request.app.router.routes)
        if route.methods and route.matches(request.scope)[0] is not Match.NONE
    ]
    # /databases/redis fits /databases/{uuid} too, where no database has that name.
    fewest = min((len(route.param_convertors) for route in routes), default=0)
    methods = {method for route in routes if len(route.param_convertors) == fewest for method in route.methods or ()}
    return sorted(methods & {"DELETE", "GET", "PATCH", "POST", "PUT"})


async def _answer_validation_error(request: Request, error: RequestValidationError) -> Response:
    details: Sequence[Mapping[str, Any]] = error.errors()
    return _answer(request, await _validation_error(request, details))


async def _validation_error(request: Request, details: Sequence[Mapping[str, Any]]) -> AppError:
    errors: dict[str, list[str]] = {}
    for detail in details[:_MOST_FIELDS]:
        place, *names = detail["loc"]
        if place == "path":
            return NotFound("Not found.")
        if detail["type"] == "json_invalid":
            return _invalid_body("Invalid JSON.")
        if place == "body" and not names:
            return await _whole_body_error(request, detail["type"])
        field = ".".join(map(str, names))[:_LONGEST_NAME]
        # A name out of the request may hold half a surrogate pair, which no answer could carry.
        field = field.encode("utf-8", "backslashreplace").decode()
        errors.setdefault(field, []).append(_text(detail))
    return ValidationFailed(errors)


async def _whole_body_error(request: Request, kind: str) -> AppError:
    if not await request.body():
        return _invalid_body("Empty JSON.")
    if "unicode" in kind:  # the name of a field is half a surrogate pair
        return _invalid_body("Invalid JSON.")
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json" and not content_type.endswith("+json"):
        return _invalid_body("Content-Type must be application/json.")
    return _invalid_body("The body must be a JSON object.")


def _invalid_body(error: str) -> InvalidRequest:
    return InvalidRequest("Invalid request.", error=error)


def _text(detail: Mapping[str, Any]) -> str:
    known = _TEXTS.get(detail["type"])
    if known is not None:
        return known
    text = str(detail["msg"]).removeprefix("Value error, ")
    return text if text.endswith((".", "!", "?")) else f"{text}."
