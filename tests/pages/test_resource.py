"""One service or database: what it shows to whom, and its buttons."""

from datetime import timedelta

import httpx
from playwright.async_api import Browser, expect
from sqlalchemy import select

from app.kit.clock import utcnow
from app.models import AuditEvent, EnvironmentVariable, ResourceOperation, ServiceDeploymentQueue
from app.postgres import Sessions
from tests.deploying import create_database, create_deployment, create_service
from tests.desk import Desk
from tests.pages.browsing import Visit, visiting
from tests.pages.test_sign_in import OURS, SITE, signed_in_client


async def test_a_button_asks_and_then_deploys_as_the_api_does(signed_in: Visit, desk: Desk, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        shop = await create_service(session, desk.place)
    page = signed_in.page
    await signed_in.go(f"/services/{shop.uuid}")
    await page.get_by_role("button", name="Deploy", exact=True).first.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Deploy shop?")
    await dialog.get_by_role("button", name="Leave it").click()
    await expect(dialog).to_be_hidden()
    await page.get_by_role("button", name="Deploy", exact=True).press(" ")
    await expect(dialog.get_by_role("button", name="Leave it")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Deploy", exact=True)).to_be_focused()
    await page.get_by_role("button", name="Deploy", exact=True).first.click()
    await dialog.get_by_role("button", name="Deploy", exact=True).click()
    await page.wait_for_url("**/deployment/*")
    async with sessions() as session:
        (row,) = (await session.execute(select(ServiceDeploymentQueue))).scalars()
    assert page.url == f"{signed_in.url}{row.deployment_url}"
    assert (row.is_api, row.requested_by, row.status) == (False, "Ada", "queued")
    await expect(page.locator(".notice")).to_contain_text("started")

    await signed_in.go(f"/services/{shop.uuid}")
    await page.get_by_role("button", name="Stop", exact=True).first.click()
    await dialog.get_by_role("button", name="Stop", exact=True).click()
    await expect(page.locator(".notice.bad")).to_contain_text("is being deployed")


async def test_the_history_says_what_each_one_changed(signed_in: Visit, desk: Desk, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        shop = await create_service(session, desk.place)
        first = {"columns": {}, "env": [], "compose": "services: {web: {image: a}}"}
        variables = [{"key": key, "value": "1"} for key in ("ONE", "TWO")]
        for number, snapshot in enumerate((first, {**first, "env": variables}, {**first, "env": variables})):
            of_day = {"created_at": utcnow() - timedelta(days=3 - number), "configuration_snapshot": snapshot}
            await create_deployment(session, desk.place, shop, status="finished", **of_day)
    await signed_in.go(f"/services/{shop.uuid}")
    changes = signed_in.page.locator(".row-actions a.quiet")
    await expect(changes).to_contain_text(["nothing", "2 variables", "first one"])
    await changes.nth(1).click()
    await expect(signed_in.page.get_by_role("heading", level=1)).to_be_visible()
    assert signed_in.page.url.endswith("/diff")


async def test_values_are_shown_on_request_and_that_is_written_down(
    api: httpx.AsyncClient, desk: Desk, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        store = await create_database(session, desk.place)
        for key, is_locked in (("OPEN", False), ("LOCKED", True)):
            of_store = {"resource_type": store.resource_type, "resource_id": store.id, "team_id": desk.place.team.id}
            session.add(EnvironmentVariable(**of_store, key=key, value=f"value-{key}", is_shown_once=is_locked))
    path = f"{SITE}/databases/{store.uuid}"
    await signed_in_client(api, desk.tokens["sensitive"].plain)
    plain = (await api.get(path)).text
    assert "OPEN" in plain
    assert "value-" not in plain
    assert "secret-of-" not in plain
    assert "secret-of-postgres_password" in (await api.get(f"{path}/connection")).text
    shown = (await api.get(f"{path}/variables")).text
    assert "value-OPEN" in shown
    assert "value-LOCKED" not in shown
    async with sessions() as session:
        looks = (await session.execute(select(AuditEvent).where(AuditEvent.method == "GET"))).scalars().all()
    assert [event.path for event in looks] == [
        f"/databases/{store.uuid}/{name}" for name in ("connection", "variables")
    ]

    await signed_in_client(api, desk.tokens["read"].plain)
    page = (await api.get(path)).text
    assert "may not see it" in page
    assert f"{store.uuid}/stop" not in page
    for name in ("connection", "variables"):
        assert (await api.get(f"{path}/{name}", headers=OURS)).status_code == 403


async def test_who_may_only_read_changes_nothing(api: httpx.AsyncClient, desk: Desk, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        shop = await create_service(session, desk.place, status="running:healthy")
    csrf = await signed_in_client(api, desk.tokens["read"].plain)
    for action in ("deploy", "restart", "stop"):
        answer = await api.post(f"{SITE}/services/{shop.uuid}/{action}", data={"csrf": csrf}, headers=OURS)
        assert answer.status_code == 403
    async with sessions() as session:
        assert (await session.execute(select(ServiceDeploymentQueue.id))).all() == []


async def test_another_teams_things_are_not_there(visit: Visit, desk: Desk, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        shop, store = await create_service(session, desk.place), await create_database(session, desk.place)
        row = await create_deployment(session, desk.place, shop, status="failed")
    await visit.sign_in(desk.tokens["other"].plain)
    visit.foresee("404")
    paths = [f"/services/{shop.uuid}", f"/databases/{store.uuid}", f"/databases/{store.uuid}/connection"]
    paths += [f"/deployments/{row.deployment_uuid}", f"/services/{shop.uuid}/deployment/{row.deployment_uuid}"]
    for path in [*paths, f"/servers/{desk.place.server.uuid}", f"/services/{shop.uuid}/stop"]:
        assert await visit.go(path) == 404
        await expect(visit.page.get_by_role("heading", name="Nothing here")).to_be_visible()
    await visit.go(f"/?project={desk.place.project.uuid}")
    assert await visit.page.locator("main .name").all_inner_texts() == []


async def test_without_javascript_everything_is_there(
    browser: Browser, site: str, desk: Desk, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        shop = await create_service(session, desk.place, status="running:healthy")
    async with visiting(browser, site, java_script_enabled=False) as visit:
        await visit.sign_in(desk.tokens["root"].plain)
        await visit.go(f"/services/{shop.uuid}")
        await visit.page.get_by_role("button", name="Stop").click()
        await visit.page.get_by_role("heading", name="Stop shop?").wait_for()
        await visit.page.get_by_role("button", name="Stop").click()
        await expect(visit.page.locator(".notice.good")).to_contain_text("stopping request queued")
        await expect(visit.page.get_by_text("Being stopped, asked for by Ada")).to_be_visible()
    async with sessions() as session:
        (operation,) = (await session.execute(select(ResourceOperation))).scalars()
    assert (operation.kind, operation.options) == ("stop", {"docker_cleanup": False})
