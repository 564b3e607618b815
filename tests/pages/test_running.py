"""What a worker really runs, begun, watched, cancelled and rolled back from a browser."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest_asyncio
from playwright.async_api import expect

from app.deployments.claim import Claimed
from app.deployments.dispatcher import Dispatcher
from app.postgres import Sessions
from tests.fixtures.api import MakeToken
from tests.integration.deployments.running import Bench, running_bench, with_scripts
from tests.pages.browsing import Visit


@dataclass
class Work:
    """A server and the worker that deploys to it, with the scripts that the next deployments are."""

    bench: Bench
    dispatcher: Dispatcher
    scripts: list[str] = field(default_factory=list)

    async def take_up(self, script: str) -> None:
        """Have the worker begin what waits; it runs a script."""
        self.scripts.append(script)
        await self.look()

    async def look(self) -> None:
        """Have the worker look, as it does when somebody has deployed or cancelled."""
        await self.dispatcher.look(self.bench.place.server.id)


@pytest_asyncio.fixture
async def work(sessions: Sessions, tmp_path: Path) -> AsyncIterator[Work]:
    """A service on this machine, over SSH, and a worker."""
    async with running_bench(sessions, tmp_path) as bench:
        runner = bench.runner()

        async def run(claimed: Claimed, cancel: asyncio.Event) -> None:
            await runner.run(with_scripts(claimed, [made.scripts.pop(0)]), cancel)

        made = Work(bench, Dispatcher(sessions, bench.settings, "worker", run, _no_operations))
        yield made
        await made.dispatcher.stop()


async def _no_operations(server_id: int) -> None:
    del server_id


async def test_it_is_deployed_watched_rolled_back_and_cancelled(
    visit: Visit, work: Work, make_token: MakeToken, tmp_path: Path
) -> None:
    page, service, gate = visit.page, work.bench.service, tmp_path / "gate"
    facts, dialog = page.locator("#deployment-facts"), page.get_by_role("dialog")
    await visit.sign_in((await make_token(["root"], team_id=work.bench.place.team.id)).plain)

    await visit.go(f"/services/{service.uuid}")
    await page.get_by_role("button", name="Deploy", exact=True).click()
    await dialog.get_by_role("button", name="Deploy", exact=True).click()
    await expect(facts).to_contain_text("Queued")
    await work.take_up(f"echo it begins; until [ -e {gate} ]; do sleep 0.05; done; echo it ends")
    await expect(page.get_by_text("it begins", exact=True)).to_be_visible()
    await expect(facts).to_contain_text("Running")
    gate.touch()
    await expect(page.get_by_text("it ends", exact=True)).to_be_visible()
    await expect(facts).to_contain_text("Finished")
    await expect(page.locator("#deployment-steps li").first).to_contain_text("done: Step 1")

    await page.get_by_role("button", name="Roll back to this").click()
    await dialog.get_by_role("button", name="Roll back to this").click()
    await expect(facts).to_contain_text("rollback")
    await work.take_up("echo going back; exec sleep 600")
    await expect(page.get_by_text("going back", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Cancel").click()
    await dialog.get_by_role("button", name="Cancel", exact=True).click()
    await expect(page.locator(".notice")).to_be_visible()
    await work.look()
    await expect(facts).to_contain_text("Cancelled")
    await expect(page.get_by_role("button", name="Deploy again")).to_be_visible()


async def test_one_that_fails_says_why_as_soon_as_it_has(visit: Visit, work: Work, make_token: MakeToken) -> None:
    page, service = visit.page, work.bench.service
    row = await work.bench.ask()
    await visit.sign_in((await make_token(["root"], team_id=work.bench.place.team.id)).plain)
    await visit.go(f"/services/{service.uuid}/deployment/{row.deployment_uuid}")
    await work.take_up("echo no such image >&2; exit 7")
    await expect(page.locator(".failure-reason")).to_contain_text("Step 1 failed")
    await expect(page.locator(".failure-lines")).to_contain_text("no such image")
    await expect(page.locator("#deployment-facts")).to_contain_text("7")
