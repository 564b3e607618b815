"""The overview: what runs, what happened, found again, and by itself up to date."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest_asyncio
from playwright.async_api import expect

from app.kit import encryption
from app.kit.clock import utcnow
from app.postgres import Sessions, create_engine, create_sessions
from app.settings import Settings
from tests.deploying import create_deployment, create_service
from tests.desk import Desk
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.sessions import KEY
from tests.pages.browsing import Visit
from tests.pages.seeding import Seeded, seed


@dataclass(frozen=True)
class Month:
    """A database with a team in it that has a month behind it; each test gets a copy."""

    database: str
    seeded: Seeded


@pytest_asyncio.fixture(scope="module")
async def month(postgres_server: PostgresServer, postgres_template: str) -> Month:
    """The team, made once for all tests here."""
    encryption.install(encryption.Keyring([KEY]))
    database = await postgres_server.create_database(postgres_template)
    engine = create_engine(Settings(database_url=postgres_server.url_of(database)))
    seeded = await seed(create_sessions(engine))
    await engine.dispose()
    return Month(database, seeded)


@pytest_asyncio.fixture
async def postgres_url(postgres_server: PostgresServer, month: Month) -> AsyncIterator[str]:
    """The URL of this test's own copy."""
    name = await postgres_server.create_database(month.database)
    yield postgres_server.url_of(name)
    await postgres_server.drop_database(name)


@pytest_asyncio.fixture
async def seeded(visit: Visit, month: Month) -> Seeded:
    """The team, signed in to and its overview open."""
    await visit.sign_in(month.seeded.token)
    await visit.go("/")
    return month.seeded


async def test_every_page_can_be_read_by_everybody(visit: Visit, seeded: Seeded, axe: None) -> None:
    shop, store = seeded.resources["shop"], seeded.resources["shop-store"]
    server = shop.server_id
    assert server
    pages = [
        "/",
        f"/services/{shop.uuid}",
        f"/databases/{store.uuid}/connection",
        "/resources",
        "/servers",
        "/projects",
    ]
    for path in [*pages, "/statistics", f"/services/{shop.uuid}/stop", "/?text=nothing-of-this-name"]:
        assert await visit.go(path) == 200
        await visit.check_accessibility()
        await visit.check_width()
    visit.foresee("404")
    assert await visit.go("/no-such-page") == 404
    await visit.check_accessibility()


async def test_what_runs_stands_above_with_its_step_and_its_last_line(visit: Visit, seeded: Seeded) -> None:
    jobs = visit.page.locator("li.job")
    await expect(jobs).to_have_count(4)
    shop = jobs.filter(has_text="shop")
    await expect(shop).to_contain_text("Pull images · step 2 of 5 · hel-1")
    await expect(shop).to_contain_text("41.2MB / 58.7MB")
    await expect(jobs.filter(has_text="catalogue")).to_contain_text("Number 2 in the queue of hel-1")
    await expect(visit.page.locator("aside")).to_contain_text("Unreachable")


async def test_deployments_are_found_by_what_they_are(visit: Visit, seeded: Seeded) -> None:
    page = visit.page
    await page.get_by_label("Status").select_option("failed")
    await page.get_by_label("Find").fill("orders")
    await page.get_by_role("button", name="Filter").click()
    table = page.get_by_role("table", name="Deployments, newest first")
    await expect(table.get_by_role("row").nth(1)).to_contain_text("exited with code 1")
    assert set(await table.locator("td .status").all_inner_texts()) == {"Failed"}
    await page.get_by_label("Find").fill("")
    await page.get_by_label("Status").select_option("")
    await page.get_by_label("Kind").select_option("database")
    await page.get_by_role("button", name="Filter").click()
    names = set(await table.locator("td .name").all_inner_texts())
    assert names <= {"shop-store", "sessions", "events", "edge-cache"}
    await page.get_by_role("link", name="Clear").click()
    first = await table.locator("tbody tr a.plain").first.get_attribute("href")
    await page.get_by_role("link", name="Older ones").click()
    assert first not in [await one.get_attribute("href") for one in await table.locator("tbody tr a.plain").all()]


async def test_the_page_follows_what_happens_and_keeps_the_focus(
    signed_in: Visit, desk: Desk, sessions: Sessions
) -> None:
    async def begin(name: str) -> None:
        async with sessions.begin() as session:
            made = await create_service(session, desk.place, name=name)
            began = utcnow() - timedelta(seconds=3)
            await create_deployment(session, desk.place, made, status="in_progress", started_at=began)

    page = signed_in.page
    jobs = page.locator("li.job")
    await signed_in.go("/")
    await expect(page.get_by_text("Nothing is being deployed.")).to_be_visible()
    await begin("first")
    await expect(jobs).to_contain_text("first")
    link = jobs.filter(has_text="first").get_by_role("link")
    await page.get_by_role("button", name="Filter").focus()
    await page.keyboard.press("Tab")
    await expect(link).to_be_focused()
    await begin("second")
    await expect(jobs).to_have_count(2)
    await expect(link).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/deployment/*")


async def test_where_nothing_is_the_next_step_stands(visit: Visit, desk: Desk, axe: None) -> None:
    await visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await visit.sign_in(desk.tokens["other"].plain)
    await visit.go("/")
    await visit.page.get_by_role("heading", name="Nothing is deployed yet").wait_for()
    await visit.page.get_by_role("button", name="Copy the command").first.click()
    copied = await visit.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("shiplog key add ")
    for path in ("/", "/resources", "/servers", "/projects", "/statistics"):
        await visit.go(path)
        assert "shiplog " in await visit.page.locator("main .command code").first.inner_text()
        await visit.check_width()
