"""From a template to an answer: the environment of all pages, and the headers that keep them to themselves."""

from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.health import VERSION
from app.kit.clock import to_text, utcnow
from app.pages.assets import assets
from app.pages.notices import taken_notice
from app.pages.signed_in import Visitor
from app.pages.wording import ago, bytes_text, clock, duration, moment, short

TEMPLATES = Path(__file__).parent / "templates"

# Nothing from another host, no inline script or style, in nobody's frame: what a log says stays text.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: a form would then say that it comes from nowhere, and its origin is checked.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
THEMES = ("light", "dark")


def render(
    request: Request, template: str, visitor: Visitor | None = None, *, status_code: int = 200, **facts: Any
) -> HTMLResponse:
    """Return the answer that a template makes of `facts`; `visitor` is who is signed in."""
    theme = request.cookies.get("shiplog_theme")
    notice = taken_notice(request)
    html = (
        environment()
        .get_template(template)
        .render(
            url=partial(url, request),
            static=partial(_static, request),
            path=request.url.path.removeprefix(_prefix(request)),
            theme=theme if theme in THEMES else None,
            visitor=visitor,
            notice=notice,
            now=utcnow(),
            version=VERSION,
            **facts,
        )
    )
    answer = HTMLResponse(html, status_code, headers=HEADERS)
    if notice is not None:
        notice.forget(request, answer)
    return answer


def url(request: Request, path: str) -> str:
    """Return where a page is, below the prefix under which a proxy serves us. The only way to write a link."""
    return _prefix(request) + path


def redirect(request: Request, path: str) -> RedirectResponse:
    """Return the answer that leads to another page."""
    return RedirectResponse(url(request, path), 303, headers=HEADERS)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the environment of the templates: everything escaped, and a name that is not there is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"ago": ago, "duration": duration, "moment": moment, "clock": clock, "bytes": bytes_text}
    made.filters |= {"iso": to_text, "short": short}
    return made


def _static(request: Request, name: str) -> str:
    return url(request, f"/static/{assets().digest}/{name}")


def _prefix(request: Request) -> str:
    prefix: str = request.scope.get("root_path", "")
    return prefix.rstrip("/")
