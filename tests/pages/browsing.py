"""A signed-in browser that complains: of errors in the console, of scripts that fail, of a request to another host."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, ViewportSize

ROOT = Path(__file__).parents[2]
AXE = ROOT / "build" / "pages" / "node_modules" / "axe-core" / "axe.min.js"
PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 860}

# What axe looks at: the rules of WCAG 2.2 A and AA, and its own of good practice; or only the rules that are named.
_LOOK = "async rules => (await axe.run({resultTypes: ['violations'], ...(rules && {runOnly: rules})})).violations" + (
    ".map(v => `${v.id}: ${v.nodes.map(n => n.html.slice(0, 200) + ' ' + n.failureSummary).join(' | ')}`)"
)


_SCHEMES: tuple[tuple[Literal["light", "dark"], list[str] | None], ...] = (
    ("light", None),
    ("dark", ["color-contrast"]),  # all that a theme changes
)


@dataclass
class Visit:
    """One browser's look at the pages; `complaints` must be empty at the end, but for what was foreseen."""

    context: BrowserContext
    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    _foreseen: list[str] = field(default_factory=list)

    def foresee(self, pattern: str) -> None:
        """Expect a complaint that a regular expression finds, as of a page that is not there."""
        self._foreseen.append(pattern)

    async def sign_in(self, token: str) -> None:
        """Sign in with a token, past the form."""
        headers = {"Origin": "{0.scheme}://{0.netloc}".format(urlsplit(self.url))}
        ask = self.context.request
        answer = await ask.post(f"{self.url}/sign-in", form={"token": token}, headers=headers, max_redirects=0)
        assert answer.status == 303, await answer.text()

    async def fill_sign_in(self, token: str) -> None:
        """Sign in with a token, in the form."""
        await self.go("/sign-in")
        await self.page.get_by_label("API token").fill(token)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url(lambda url: not urlsplit(url).path.endswith("/sign-in"))

    async def go(self, path: str) -> int:
        """Open a page and return the status of the answer."""
        answer = await self.page.goto(self.url + path)
        assert answer is not None
        return answer.status

    async def check_accessibility(self) -> None:
        """Fail if axe finds anything in light, or in dark of what a theme changes."""
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        for scheme, rules in _SCHEMES:
            await self.page.emulate_media(color_scheme=scheme)
            found: list[str] = await self.page.evaluate(_LOOK, rules)
            assert found == [], f"{scheme}: {found}"

    async def check_width(self) -> None:
        """Fail if the page has to be moved sideways on a phone."""
        await self.page.set_viewport_size(PHONE)
        wide = await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        await self.page.set_viewport_size(DESK)
        assert wide == 0

    def check_complaints(self) -> None:
        """Fail for what was not foreseen."""
        unforeseen = [one for one in self.complaints if not any(re.search(known, one) for known in self._foreseen)]
        assert unforeseen == []

    def _listen(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", self._failed)
        self.context.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text} {message.location.get('url')}")

    def _failed(self, error: Error) -> None:
        self.complaints.append(f"script: {error}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:")):
            self.complaints.append(f"foreign request: {request.url}")


@asynccontextmanager
async def visiting(browser: Browser, url: str, **options: Any) -> AsyncIterator[Visit]:
    """Yield a visit to `url` in a context of its own; what it complains of fails at the end."""
    context = await browser.new_context(**{"viewport": DESK, "reduced_motion": "reduce", **options})
    context.set_default_timeout(10_000)
    try:
        visit = Visit(context, await context.new_page(), url)
        visit._listen()
        yield visit
        visit.check_complaints()
    finally:
        await context.close()
