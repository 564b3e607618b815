"""The log on its page: watched live, searched, linked to, and once each line whatever the link does."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest_asyncio
from playwright.async_api import Browser, expect

from app.models.deployment_status import DeploymentStatus
from tests.desk import Desk
from tests.pages.browsing import Visit, visiting
from tests.pages.logs import Line, logged, numbers, open_log, step
from tests.wire import Wire, wire_to

OFFLINE = r"ERR_INTERNET_DISCONNECTED|ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED"
DONE = {"status": DeploymentStatus.FINISHED}


async def test_lines_come_live_and_following_stops_when_one_scrolls_up(signed_in: Visit, desk: Desk, axe: None) -> None:
    page = signed_in.page
    made = await logged(desk, [step(1, "Check Docker", "docker version"), *(f"line {n}" for n in range(2, 201))])
    await open_log(signed_in, made)
    await made.print([Line("a warning", type="stderr"), "\x1b[32mgreen\x1b[0m"])
    await expect(page.get_by_text("green", exact=True)).to_have_class(re.compile("ansi-fg-2"))
    await expect(page.locator(".log-stderr", has_text="a warning")).to_be_in_viewport()
    follow = page.locator("[data-log=follow]")
    await expect(follow).to_be_hidden()
    await page.locator("[data-log=scroller]").evaluate("one => { one.scrollTop = 400; }")
    await expect(follow).to_be_visible()
    await made.print([f"more {n}" for n in range(5)])
    await expect(follow).to_have_text("↓ 5 new lines")
    await page.get_by_label("Search the log").fill("line 2")
    await expect(page.locator("[data-log=hits]")).to_have_text("2 of 12")
    await signed_in.check_accessibility()
    await follow.click()
    await expect(page.get_by_text("more 4", exact=True)).to_be_in_viewport()
    await made.settle(DeploymentStatus.FINISHED, "Deployment finished.", exit_code=0)
    await expect(page.get_by_text("Deployment finished.", exact=True)).to_be_in_viewport()
    await expect(page.locator("#deployment-facts")).to_contain_text("Finished")
    await expect(page.locator("[data-log=live]")).to_be_hidden()


@pytest_asyncio.fixture
async def wire(site: str) -> AsyncIterator[Wire]:
    """What is between the browser and the site."""
    port = urlsplit(site).port
    assert port is not None
    async with wire_to(port) as wire:
        yield wire


async def test_a_lost_connection_shows_and_each_line_comes_once(browser: Browser, wire: Wire, desk: Desk) -> None:
    async with visiting(browser, f"http://127.0.0.1:{wire.port}") as visit:
        visit.foresee(OFFLINE)
        await visit.sign_in(desk.tokens["root"].plain)
        made = await logged(desk, [f"line {n}" for n in range(1, 11)])
        await open_log(visit, made)
        await made.print(["line 11"])
        lost = visit.page.locator("[data-log=lost]")
        await expect(visit.page.get_by_text("line 11", exact=True)).to_be_visible()
        await expect(lost).to_be_hidden()
        wire.take_down()
        await expect(lost).to_be_visible()
        await made.print(["line 12", "line 13"])
        wire.bring_up()
        await expect(visit.page.get_by_text("line 13", exact=True)).to_be_visible()
        await expect(lost).to_be_hidden()
        await visit.context.set_offline(True)
        await expect(lost).to_be_visible()
        await made.print(["line 14"])
        await visit.context.set_offline(False)
        await expect(visit.page.get_by_text("line 14", exact=True)).to_be_visible()
        assert await numbers(visit) == list(range(1, 15))


async def test_a_hundred_thousand_lines_are_searched_and_few_of_them_in_the_document(
    signed_in: Visit, desk: Desk
) -> None:
    page = signed_in.page
    lines = [f"line {n}{' with a needle' if n % 25_000 == 0 else ''}" for n in range(1, 100_001)]
    made = await logged(desk, lines, **DONE)
    await open_log(signed_in, made)
    await expect(page.get_by_text("line 100000 with a needle", exact=True)).to_be_in_viewport()
    await page.keyboard.press("/")
    await page.keyboard.type("NEEDLE")
    hits = page.locator("[data-log=hits]")
    await expect(hits).to_have_text("4 of 4")
    await page.keyboard.press("Enter")
    await expect(hits).to_have_text("1 of 4")
    await expect(page.locator(".log-current mark", has_text="needle")).to_be_in_viewport()
    assert 25_000 in await numbers(signed_in)
    await page.locator("[data-log=scroller]").focus()
    await page.keyboard.press("n")
    await expect(hits).to_have_text("2 of 4")
    await page.keyboard.press("g")
    await expect(page.get_by_text("line 1", exact=True)).to_be_in_viewport()
    await page.get_by_role("log").evaluate("one => { one.scrollTop = 20 * 60_000; }")
    await expect(page.get_by_text("line 60010", exact=True)).to_be_in_viewport()
    await page.locator("[data-log=hidden]").click()
    await page.locator("[data-log=wrap]").click()
    await expect(page.get_by_text("line 60010", exact=True)).to_be_in_viewport()
    await page.keyboard.press("G")
    await expect(page.get_by_text("line 100000 with a needle")).to_be_in_viewport()
    assert await page.evaluate("document.querySelectorAll('*').length") < 2000


async def test_a_settled_log_is_never_streamed_and_looks_as_one_wants(signed_in: Visit, desk: Desk, axe: None) -> None:
    page = signed_in.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    lines: list[Line | str] = [
        step(1, "Pull images", "docker compose pull"),
        Line("\x1b[31mred\x1b[0m \x1b[1;38;5;208mcube\x1b[0m \x1b[48;2;0;0;60mnight\x1b[0m", type="stderr"),
        Line("lease renewed", hidden=True),
        "<script>alert(1)</script><img src=x onerror=alert(2)>",
        "Deployment finished.",
    ]
    await open_log(signed_in, await logged(desk, lines, **DONE))
    await expect(page.get_by_text("cube", exact=True)).to_have_css("color", "rgb(255, 135, 0)")
    await expect(page.locator(".log-row", has_text="<script>alert(1)</script><img")).to_have_count(1)
    await expect(page.locator(".log-gutter[title=stderr]")).to_have_count(1)
    assert await numbers(signed_in) == [1, 2, 4, 5]
    await page.locator("[data-log=hidden]").click()
    await expect(page.get_by_text("lease renewed")).to_be_visible()
    assert await numbers(signed_in) == [1, 2, 3, 4, 5]
    await page.locator("[data-log=times]").select_option("utc")
    await expect(page.locator(".log-time").first).to_have_text("22:30:00.124")
    await signed_in.check_accessibility()
    await signed_in.check_width()
    assert not any("/logs/stream" in url for url in asked)


async def test_lines_are_linked_to_and_copied(browser: Browser, site: str, desk: Desk) -> None:
    options: dict[str, Any] = {"timezone_id": "Asia/Tokyo", "permissions": ["clipboard-read", "clipboard-write"]}
    async with visiting(browser, site, **options) as visit:
        await visit.sign_in(desk.tokens["sensitive"].plain)
        made = await logged(desk, [f"line {n}" for n in range(1, 1001)], **DONE)
        await open_log(visit, made, "#L400-L401")
        await expect(visit.page.get_by_text("line 401", exact=True)).to_be_in_viewport()
        await expect(visit.page.locator(".log-selected")).to_have_text([re.compile("line 400"), re.compile("line 401")])
        await visit.page.locator("[data-order='398']").click()
        await visit.page.locator("[data-order='400']").click(modifiers=["Shift"])
        assert visit.page.url.endswith("#L398-L400")
        await visit.page.locator("[data-log=times]").select_option("local")
        await visit.page.get_by_role("button", name="Copy lines 398–400").click()
        await expect(visit.page.get_by_role("button", name="Copied")).to_be_visible()
        copied = await visit.page.evaluate("navigator.clipboard.readText()")
        assert copied == "\n".join(f"07:30:00.{123 + n} line {n}" for n in (398, 399, 400))


async def test_without_scripts_there_is_the_end_of_the_log_and_the_download(
    browser: Browser, site: str, desk: Desk
) -> None:
    async with visiting(browser, site, java_script_enabled=False, accept_downloads=True) as visit:
        await visit.sign_in(desk.tokens["sensitive"].plain)
        made = await logged(desk, [f"\x1b[1mline {n}\x1b[0m" for n in range(1, 301)], **DONE)
        await visit.go(made.path)
        text = await visit.page.locator("[data-log=static]").inner_text()
        assert text.split("\n")[:200] == [f"line {n}" for n in range(101, 301)]
        async with visit.page.expect_download() as download:
            await visit.page.get_by_role("link", name="Download").click()
        path = await (await download.value).path()
        whole = await asyncio.to_thread(path.read_text)
        assert whole.count("\n") == 300
        assert whole.startswith("2026-03-01T22:30:00.124000Z line 1\n")
