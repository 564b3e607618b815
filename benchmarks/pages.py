"""The page of a deployment in Chromium: first paint, scrolling over 100,000 lines, and from a print to its paint.

.venv/bin/python -m app.embedded sh -c '.venv/bin/python -m alembic upgrade head && .venv/bin/python -m benchmarks.pages'

Sizes are read from the environment: LINES of the long log, PRINTED live lines at RATE a second, LOADS of the page.
The API is a process of its own, the worker is here, the server is this machine over SSH.
"""

import asyncio
import os
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Page, async_playwright

from app.deployments.claim import claim_next
from app.deployments.kinds import AnyQueue
from app.deployments.runner import Runner
from app.kit.clock import utcnow
from app.models.log_entry import join_entries, log_entry
from app.postgres import create_engine, create_sessions
from app.redis import Waker
from app.settings import Settings
from benchmarks.measuring import configured, make_token, percentile, serving_api, size, spread
from tests.deploying import create_deployment
from tests.integration.deployments.running import LEASE, Bench, running_bench, with_scripts

LINES, PRINTED, RATE, LOADS = size("LINES", 100_000), size("PRINTED", 100), size("RATE", 20), size("LOADS", 5)
FRAMES = 400
SCRIPT = f"i=0; while [ $i -lt {PRINTED} ]; do date +%s%N; sleep {1 / RATE}; i=$((i + 1)); done"

# From the first line to the last one: the time between two frames, and the most elements that there were.
SCROLL = """async (frames) => {
  const scroller = document.querySelector('[data-log=scroller]');
  scroller.scrollTop = 0;
  await new Promise((done) => setTimeout(done, 500));
  const took = [];
  let [nodes, last] = [0, performance.now()];
  const end = scroller.scrollHeight - scroller.clientHeight;
  for (let frame = 1; frame <= frames; frame += 1) {
    scroller.scrollTop = end * frame / frames;
    const now = await new Promise(requestAnimationFrame);
    took.push(now - last);
    last = now;
    nodes = Math.max(nodes, document.querySelectorAll('*').length);
  }
  return [took.slice(1), nodes];
}"""
# When a line that is the time of its own print is in the document and the frame with it is done.
WATCH = """() => {
  window.delays = new Map();
  const look = () => {
    const printed = [...document.querySelectorAll('.log-text')].map((one) => one.textContent);
    requestAnimationFrame(() => setTimeout(() => {
      for (const text of printed) {
        if (/^\\d{19}$/.test(text) && !window.delays.has(text)) {
          window.delays.set(text, performance.timeOrigin + performance.now() - Number(text) / 1e6);
        }
      }
    }));
  };
  new MutationObserver(look).observe(document.querySelector('.log-rows'), {childList: true});
}"""
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


async def long_log(bench: Bench) -> AnyQueue:
    """Make a finished deployment with LINES lines, some of them coloured, some long."""
    began = utcnow() - timedelta(hours=1)
    async with bench.sessions.begin() as session:
        row = await create_deployment(session, bench.place, bench.service, status="finished", log_count=LINES)
        row.started_at, row.finished_at = began, utcnow()
        for first in range(1, LINES + 1, 500):
            orders = range(first, min(first + 500, LINES + 1))
            entries = [log_entry(text_of(order), timestamp=began, order=order) for order in orders]
            values = {"deployment_id": row.id, "first_order": first, "entry_count": len(entries)}
            session.add(row.log_slice(**values, entries=join_entries(entries)))
    return row


def text_of(order: int) -> str:
    """Return a line as builds print them."""
    if order % 1000 == 0:
        return "x" * 2000
    return (
        f"#{order % 40} [build {order % 17}/17] \x1b[36mRUN\x1b[0m npm run step-{order} -- --flag={'x' * (order % 60)}"
    )


async def open_page(page: Page, path: str) -> tuple[float, float]:
    """Open a page; return milliseconds to its first paint and to the whole log."""
    began = time.perf_counter()
    await page.goto(path)
    await page.locator("#log[data-ready]").wait_for()
    ready = (time.perf_counter() - began) * 1000
    return float(await page.evaluate(PAINT)), ready


async def watch_live(page: Page, bench: Bench, settings: Settings, waker: Waker) -> list[float]:
    """Return how long each line took from its print to its paint, in milliseconds."""
    row = await bench.ask()
    claimed = await claim_next(bench.sessions, bench.place.server.id, "benchmark", LEASE * 20)
    assert claimed is not None
    runner = Runner(bench.sessions, bench.hosts, settings, waker.publish_count)
    await page.goto(f"/deployments/{row.deployment_uuid}")
    await page.locator("#log[data-ready]").wait_for()
    await page.evaluate(WATCH)
    await runner.run(with_scripts(claimed, [SCRIPT]), asyncio.Event())
    await page.get_by_text("Deployment finished.", exact=True).wait_for()
    await page.wait_for_timeout(500)  # the last frame is done
    delays: dict[str, float] = await page.evaluate("() => Object.fromEntries(window.delays)")
    assert len(delays) > PRINTED / 2, "lines were not painted"  # of many at once only those in sight are
    return list(delays.values())


async def measure(settings: Settings, folder: Path) -> str:
    """Return the row's last line."""
    sessions = create_sessions(create_engine(settings.model_copy(update={"database_pool_size": 30})))
    waker = Waker(settings.redis())
    async with (
        serving_api(settings) as (port, _),
        running_bench(sessions, folder) as bench,
        async_playwright() as playwright,
    ):
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            await client.get("/api/v1/health")  # it serves
        token = await make_token(sessions, bench.place.team.id, "root")
        row = await long_log(bench)
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = await browser.new_page(base_url=url, viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        await page.goto("/sign-in")
        await page.get_by_label("API token").fill(token)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("heading", name="Overview", level=1).wait_for()
        loads = [await open_page(page, f"/deployments/{row.deployment_uuid}") for _ in range(LOADS)]
        found: Any = await page.evaluate(SCROLL, FRAMES)
        frames, nodes = found
        delays = await watch_live(page, bench, settings, waker)
        await browser.close()
    await waker.close()
    await sessions.kw["bind"].dispose()
    paints, readies = zip(*loads, strict=True)
    print(f"first paint {spread(paints, ' ms')}, {LINES:,} lines loaded after {spread(readies, ' ms')}")
    return (
        f"pages: first paint {statistics.median(paints):.0f} ms; {LINES:,} lines: p95 frame "
        f"{percentile(frames, 0.95):.1f} ms (p50 {percentile(frames, 0.5):.0f}), {nodes} elements; print to paint p50 "
        f"{percentile(delays, 0.5):.0f} ms, p95 {percentile(delays, 0.95):.0f} ms; load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    """Print the row."""
    with configured() as settings, tempfile.TemporaryDirectory() as folder:
        print(asyncio.run(measure(settings, Path(folder) / "server")))


if __name__ == "__main__":
    main()
