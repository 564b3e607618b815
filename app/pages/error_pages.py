"""Errors as a person meets them: a page, the way to the sign-in, or a sentence on the page they came from."""

from urllib.parse import quote, urlsplit

from fastapi import Request, Response

from app.auth.web_sessions import COOKIE
from app.errors import AppError, Unauthenticated
from app.pages.notices import Notice
from app.pages.rendering import HEADERS, redirect, render

_NOT_PAGES = ("/api", "/docs", "/metrics", "/static")

_TITLES = {
    400: "That cannot be done",
    403: "Not allowed",
    404: "Nothing here",
    405: "Not allowed",
    409: "That cannot be done now",
    413: "Too much at once",
    422: "Something is missing",
    429: "Too many requests",
    500: "That went wrong here",
    503: "The database is away",
}


def is_for_people(request: Request) -> bool:
    """Return whether an error is to be a page: a browser asked, and not for a part of the API."""
    path = request.url.path.removeprefix(request.scope.get("root_path", "").rstrip("/"))
    if any(path == start or path.startswith(f"{start}/") for start in _NOT_PAGES):
        return False
    return "hx-request" in request.headers or "text/html" in request.headers.get("accept", "")


def error_page(request: Request, error: AppError) -> Response:
    """Return what a browser is answered for an error."""
    if isinstance(error, Unauthenticated):
        return _to_sign_in(request)
    is_fragment = "hx-request" in request.headers
    back = _came_from(request)
    if request.method == "POST" and not is_fragment and back is not None and error.status_code < 500:
        answer = redirect(request, back)
        Notice("bad", error.message).leave(request, answer)
        return answer
    page = render(
        request,
        "error_part.html" if is_fragment else "error.html",
        status_code=error.status_code,
        title=_TITLES.get(error.status_code, "Something went wrong"),
        message=error.message,
        remedy=type(error).remedy,
        code=error.status_code,
        request_id=request.state.request_id,
        is_signed_in=COOKIE in request.cookies,
    )
    page.headers.update(error.headers)
    return page


def _to_sign_in(request: Request) -> Response:
    wanted = request.headers.get("hx-current-url") or str(request.url)
    parts = urlsplit(wanted)
    path = _below_prefix(request, parts.path) or "/"
    wanted = path if request.method in {"GET", "HEAD"} or "hx-request" in request.headers else "/"
    if parts.query and wanted == path:
        wanted = f"{path}?{parts.query}"
    ended = "&ended=1" if COOKIE in request.cookies else ""
    answer = redirect(request, f"/sign-in?next={quote(wanted, safe='')}{ended}")
    if "hx-request" in request.headers:
        # A redirect would be followed inside the fragment; this takes the whole page there.
        return Response(status_code=401, headers={**HEADERS, "HX-Redirect": answer.headers["location"]})
    return answer


def _came_from(request: Request) -> str | None:
    parts = urlsplit(request.headers.get("referer", ""))
    if not parts.path or parts.netloc != request.headers.get("host"):
        return None
    path = _below_prefix(request, parts.path)
    return path and path + (f"?{parts.query}" if parts.query else "")


def _below_prefix(request: Request, path: str) -> str | None:
    prefix = request.scope.get("root_path", "").rstrip("/")
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else None
