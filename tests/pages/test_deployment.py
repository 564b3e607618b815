"""The page of a deployment: what stands on it, what its buttons do, and what others do not see."""

from datetime import timedelta

import pytest
from playwright.async_api import expect

from app.deployments.schemas import ServiceDeployment
from app.models.deployment_status import DeploymentStatus
from app.pages.deployment_diff import diff_lines
from app.pages.deployment_failure import explain, remedy_for
from app.pages.deployment_steps import step_bars
from tests.desk import Desk
from tests.pages.browsing import Visit
from tests.pages.logs import START, Line, logged, open_log, step, step_row

REASON = "Container shop-web-1 (service web) exited with code 3."
FAILED = [
    step(1, "Pull images", "docker compose pull"),
    Line("web Pulled", type="stderr"),
    step(2, "Wait for containers", "sh verify.sh shop 1780"),
    Line("The last 50 lines of shop-db-1:", type="stderr", step=2),
    Line("the database's own line", type="stderr", step=2),
    Line("The last 50 lines of shop-web-1:", type="stderr", step=2),
    Line("\x1b[31mno such table: carts\x1b[0m", type="stderr", step=2),
    Line(REASON, type="stderr", step=2),
    Line(f"Deployment failed: {REASON}", type="stderr", step=2),
]
STEPS = [
    step_row(1, "Pull images", first=1, seconds=(0, 60), code=0),
    step_row(2, "Wait for containers", first=3, seconds=(60, 120), code=3),
    {**step_row(3, "Clean up", first=9, seconds=(0, 0), code=None), "started_at": None, "finished_at": None},
]


async def test_a_failed_one_explains_itself(signed_in: Visit, desk: Desk, axe: None) -> None:
    page = signed_in.page
    made = await logged(desk, FAILED, steps=STEPS)
    await made.settle(DeploymentStatus.FAILED, failure_reason=REASON, exit_code=3)
    assert await signed_in.go(f"/deployments/{made.row.deployment_uuid}") == 200
    assert page.url == signed_in.url + made.path
    failure = page.locator("#deployment-failure")
    await expect(failure.locator(".failure-reason")).to_have_text(REASON)
    await expect(failure.locator(".failure-remedy")).to_contain_text("The program ended by itself.")
    await expect(failure.get_by_role("heading", level=3)).to_contain_text("shop-web-1")
    await expect(failure.locator("pre")).to_have_text("no such table: carts")
    steps = page.locator("#deployment-steps li")
    await expect(steps).to_contain_text(["done: Pull images", "failed: Wait for containers", "not begun: Clean up"])
    await expect(steps.nth(1)).to_contain_text("exit code 3")
    await expect(steps.nth(0)).to_contain_text("1 min 00 s")
    await page.get_by_role("link", name="see them in the log").click()
    await expect(page.locator(".log-selected")).to_contain_text("no such table: carts")
    await signed_in.check_accessibility()
    await signed_in.check_width()


async def test_one_that_waits_is_cancelled_and_one_that_ended_deployed_again(
    signed_in: Visit, desk: Desk, axe: None
) -> None:
    page = signed_in.page
    made = await logged(desk, status="queued", started_at=None)
    await open_log(signed_in, made)
    await expect(page.locator("#deployment-facts")).to_contain_text("Queued · place 1")
    await expect(page.locator("[data-log=empty]")).to_contain_text("It waits for its turn on server.")
    await signed_in.check_accessibility()
    await page.get_by_role("button", name="Cancel").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel", exact=True).click()
    await expect(page.locator("#deployment-facts")).to_contain_text("Cancelled")
    await expect(page.get_by_text("Deployment cancelled by Ada before it started.").first).to_be_visible()
    await page.get_by_role("button", name="Deploy again").click()
    await page.get_by_role("dialog").get_by_role("button", name="Deploy again").click()
    await expect(page.locator("#deployment-facts")).to_contain_text("Queued")
    assert made.row.deployment_uuid not in page.url
    await page.get_by_role("link", name="Changes").click()
    await expect(page.locator(".diff-line.added", has_text="image: registry.example/web:1")).to_have_count(1)
    await signed_in.check_accessibility()
    await signed_in.check_width()


async def test_pulls_and_steps_go_on_by_themselves(signed_in: Visit, desk: Desk) -> None:
    page = signed_in.page
    made = await logged(desk, FAILED[:1], steps=[step_row(1, "Pull images", first=1, seconds=(0, None), code=None)])
    await open_log(signed_in, made)
    await made.print(f"{layer * 12} {state}" for layer, state in (("a", "Pulling fs layer"), ("b", "Already exists")))
    await expect(page.locator("[data-pulls]")).to_have_text("1 of 2 layers pulled")
    await made.print(["done"], steps=STEPS[:1])
    await expect(page.locator("#deployment-steps li")).to_contain_text("done: Pull images")
    await made.settle(DeploymentStatus.CANCELLED_BY_USER)
    await expect(page.locator("#deployment-facts")).to_contain_text("Cancelled")


async def test_nobody_sees_what_the_api_would_not_show(desk: Desk) -> None:
    made = await logged(desk, FAILED)
    root = str(desk.api.base_url).removesuffix("/api/v1/")
    found = {}
    for token in ("other", "read"):
        form = {"token": desk.tokens[token].plain}
        signed = await desk.api.post(f"{root}/sign-in", data=form, headers={"Origin": root})
        assert signed.status_code == 303, signed.text
        for path in ("", "/state", "/log", "/log.txt", "/diff", "/changes", "/cancel"):
            url = f"{root}/deployments/{made.row.deployment_uuid}{path}"
            found[token, path] = (await desk.api.get(url, headers={"Accept": "text/html"})).status_code
    refused = {("read", path): 403 for path in ("/log", "/log.txt", "/diff", "/changes")}
    shown = {("read", ""): 303, ("read", "/state"): 200, ("read", "/cancel"): 200}
    assert found == dict.fromkeys([key for key in found if key[0] == "other"], 404) | refused | shown


async def test_without_the_ability_there_is_no_line_and_no_button(visit: Visit, desk: Desk) -> None:
    await visit.sign_in(desk.tokens["read"].plain)
    made = await logged(desk, FAILED, steps=STEPS)
    await made.settle(DeploymentStatus.FAILED, failure_reason=REASON, exit_code=3)
    await visit.go(made.path)
    await expect(visit.page.locator(".failure-reason")).to_have_text(REASON)
    assert "no such table" not in await visit.page.content()
    await expect(visit.page.get_by_text("Your token may not read logs")).to_be_visible()
    await expect(visit.page.get_by_role("button", name="Deploy again")).to_have_count(0)


def test_the_lines_of_the_container_that_is_named_are_shown() -> None:
    entries = [line.entry(order) for order, line in enumerate(FAILED, start=1)]
    failure = explain(REASON, entries)
    assert (failure.container, failure.lines, failure.order) == ("shop-web-1", ["no such table: carts"], 7)


def test_without_a_container_the_last_lines_of_the_step_are_shown() -> None:
    lines = [
        Line("before"),
        *(Line(f"line {number}", step=2) for number in range(30)),
        Line("Deployment failed: x", step=2),
    ]
    failure = explain("Validate configuration failed: x", [line.entry(at) for at, line in enumerate(lines, start=1)])
    assert failure.container is None
    assert failure.lines == [f"line {number}" for number in range(10, 30)]
    assert explain("The server is gone.", []).lines == []


@pytest.mark.parametrize(
    ("reason", "wanted"),
    [
        ("Container a-1 (service a) exited with code 137 (out of memory).", "more memory than it may"),
        ("Container a-1 (service a) is unhealthy: refused", "health check fails"),
        ("Container a-1 (service a) was not ready in time: running, health check starting. ", "longer start period"),
        ("Pull images failed: pull access denied for registry.example/x", "team's login"),
        ("Pull images failed: manifest for registry.example/x:2 not found: manifest unknown", "no such image or tag"),
        ("Start containers failed: Bind for 0.0.0.0:80 failed: port is already allocated", "has the port"),
        ("Deadline of 3600 s exceeded; what still ran was killed.", "deployment_timeout"),
        ("The server cannot be reached: check its address, port, firewall and that sshd runs.", "SSH to it works"),
        ("The server's host key has changed: expected a, got b.", "accept the new key"),
        ("The Docker daemon does not answer on this server: start it, then deploy again.", "Put Docker"),
        ("The server fra-1 was rebooted during the deployment.", "deploy again"),
        ("Something nobody has met", "last lines of the step"),
    ],
    ids=lambda text: text[:30],
)
def test_a_reason_has_a_remedy(reason: str, wanted: str) -> None:
    assert wanted in remedy_for(reason)


async def test_a_step_has_its_share_of_the_time(desk: Desk) -> None:
    made = await logged(desk, steps=STEPS, status="failed", finished_at=START + timedelta(seconds=120))
    answer = await desk.ask("GET", f"/deployments/{made.row.deployment_uuid}")
    bars = step_bars(ServiceDeployment.model_validate(answer.json()))
    assert [(bar.state, bar.begin, bar.width, bar.milliseconds) for bar in bars] == [
        ("done", 0, 50, 60_000),
        ("failed", 50, 50, 60_000),
        ("waiting", 0, 0, None),
    ]


def test_the_lines_of_a_diff_are_told_apart() -> None:
    text = "--- a\n+++ b\n@@ -1 +1 @@\n same\n-old\n+new\n"
    assert [look for look, _ in diff_lines(text)] == ["head", "head", "place", "same", "removed", "added"]
