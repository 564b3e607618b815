"""A browser for all tests of the pages, and the API behind a real socket."""

import asyncio
import sys
from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from fastapi import FastAPI
from playwright.async_api import Browser, async_playwright

from app.postgres import Sessions
from tests.desk import Desk, open_desk
from tests.fixtures.api import MakeToken
from tests.pages.browsing import AXE, ROOT, Visit, visiting
from tests.pages.logs import QUICK
from tests.programs import program
from tests.serving import serving


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of this process."""
    chromium = program("chromium")
    async with async_playwright() as playwright:
        # As root it starts only without its sandbox; it opens nothing but our own pages.
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session")
async def axe() -> None:
    """axe-core from the lock, for `Visit.check_accessibility`."""
    if AXE.exists():
        return
    command = ["make", "--silent", "build/pages/installed", f"PYTHON={sys.executable}"]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    assert await process.wait() == 0


@pytest_asyncio.fixture
async def desk(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> Desk:
    """A place with tokens of its team and of another one."""
    return await open_desk(api, sessions, make_token)


@pytest_asyncio.fixture
async def site(_application: FastAPI, api: httpx.AsyncClient) -> AsyncIterator[str]:
    """The URL of the API, and so of the pages, with the test's own database."""
    _application.state.hub.pace = QUICK
    async with serving(_application) as url:
        yield url


@pytest_asyncio.fixture
async def visit(browser: Browser, site: str) -> AsyncIterator[Visit]:
    """A browser on the site that is not signed in; it fails the test for what it complains of."""
    async with visiting(browser, site) as visit:
        yield visit


@pytest_asyncio.fixture
async def signed_in(visit: Visit, desk: Desk) -> Visit:
    """The same, signed in with the desk's root token."""
    await visit.sign_in(desk.tokens["root"].plain)
    return visit
