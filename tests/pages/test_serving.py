"""How pages are served: with a policy, below a prefix, files kept for ever, errors as pages."""

import json
import re

import httpx
import pytest
from playwright.async_api import Browser, expect

from app.main import create_app
from app.models.deployment_status import DeploymentStatus
from app.pages.assets import FOLDER, FOR_EVER, assets
from app.pages.rendering import POLICY
from app.settings import Settings
from tests.desk import Desk
from tests.fixtures.api import client_of
from tests.pages.browsing import ROOT, visiting
from tests.pages.logs import QUICK, logged, open_log
from tests.pages.test_sign_in import OURS, SITE, signed_in_client
from tests.serving import serving

PAGES = ("/", "/resources", "/servers", "/projects", "/statistics", "/sign-in", "/no-such-page")


async def test_every_page_has_the_policy_and_is_kept_by_nobody(api: httpx.AsyncClient, desk: Desk) -> None:
    await signed_in_client(api, desk.tokens["root"].plain)
    for path in PAGES:
        answer = await api.get(SITE + path, headers=OURS)
        assert answer.headers["content-type"] == "text/html; charset=utf-8", path
        assert answer.headers["content-security-policy"] == POLICY, path
        assert answer.headers["cache-control"] == "no-store", path
        assert not re.search(r"<script(?! src| type=\"module\" src)|\sstyle=|\son[a-z]+=", answer.text), path
        assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", answer.text), path
    assert "unsafe" not in POLICY


async def test_behind_a_prefix_every_link_has_it(api: httpx.AsyncClient, api_settings: Settings, desk: Desk) -> None:
    app = create_app(api_settings.model_copy(update={"root_path": "/ship"}))
    async with app.router.lifespan_context(app), client_of(app) as client:
        answer = await client.get(f"{SITE}/ship/", headers=OURS)
        assert answer.headers["location"] == "/ship/sign-in?next=%2F"
        answer = await client.post(f"{SITE}/ship/sign-in", data={"token": desk.tokens["root"].plain}, headers=OURS)
        assert answer.headers["location"] == "/ship/"
        assert "Path=/ship/" in answer.headers["set-cookie"]
        for path in PAGES:
            page = await client.get(f"{SITE}/ship{path}", headers=OURS)
            links = re.findall(r"(?:src|href|action|hx-get|hx-post)=\"([^\"#][^\"]*)\"", page.text)
            assert [link for link in links if not link.startswith("/ship/")] == [], path
        style = next(link for link in links if link.endswith(".css"))
        assert (await client.get(SITE + style)).status_code == 200


async def test_behind_a_prefix_a_browser_finds_its_way(
    browser: Browser, api_settings: Settings, desk: Desk, api: httpx.AsyncClient
) -> None:
    app = create_app(api_settings.model_copy(update={"root_path": "/ship"}))
    async with app.router.lifespan_context(app), serving(app) as url, visiting(browser, f"{url}/ship") as visit:
        app.state.hub.pace = QUICK
        await visit.fill_sign_in(desk.tokens["root"].plain)
        made = await logged(desk, ["line 1"])
        await open_log(visit, made)
        await made.settle(DeploymentStatus.FINISHED, "line 2")
        await expect(visit.page.get_by_text("line 2", exact=True)).to_be_visible()
        await expect(visit.page.locator("#deployment-facts")).to_contain_text("Finished")
        await visit.page.get_by_role("link", name="shop").click()
        await visit.page.get_by_role("button", name="Deploy", exact=True).click()
        await visit.page.get_by_role("dialog").get_by_role("button", name="Deploy", exact=True).click()
        await visit.page.wait_for_url(f"{url}/ship/services/*/deployment/*")


async def test_a_defect_is_a_page_for_people_and_json_for_programs(
    api: httpx.AsyncClient, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("with a secret in it")

    await signed_in_client(api, desk.tokens["root"].plain)
    monkeypatch.setattr("app.pages.overview.find_deployments", break_down)
    page = await api.get(f"{SITE}/", headers=OURS)
    assert (page.status_code, page.headers["content-security-policy"]) == (500, POLICY)
    assert f"Request <code>{page.headers['x-request-id']}</code>" in page.text
    assert "secret" not in page.text
    plain = await api.get(f"{SITE}/", headers={"Accept": "*/*"})
    assert plain.json() == {"message": "Internal server error.", "request_id": plain.headers["x-request-id"]}


async def test_files_are_kept_for_ever_under_their_digest_alone(api: httpx.AsyncClient) -> None:
    answer = await api.get(f"{SITE}/static/{assets().digest}/shiplog.css")
    assert answer.headers["cache-control"] == FOR_EVER
    answer = await api.get(f"{SITE}/static/0000000000000000/shiplog.js")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    for name in ("missing.css", "../rendering.py", "%2e%2e/rendering.py"):
        assert (await api.get(f"{SITE}/static/{assets().digest}/{name}")).status_code == 404


async def test_the_api_stays_in_json_in_a_browser(api: httpx.AsyncClient) -> None:
    for path in ("/api/v1/services", "/api/nothing", "/docs/nothing"):
        answer = await api.get(SITE + path, headers=OURS)
        assert answer.headers["content-type"] == "application/json", path


async def test_a_fragment_of_who_is_signed_out_takes_the_page_to_the_sign_in(api: httpx.AsyncClient) -> None:
    headers = {"HX-Request": "true", "HX-Target": "live", "HX-Current-URL": f"{SITE}/?kind=service"}
    answer = await api.get(f"{SITE}/", headers=headers)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in?next=%2F%3Fkind%3Dservice")


def test_what_is_vendored_is_what_the_lock_has() -> None:
    locked = json.loads((ROOT / "app/pages/package-lock.json").read_text())["packages"]["node_modules/htmx.org"]
    (file,) = (FOLDER / "vendor").glob("htmx-*.min.js")
    assert file.name == f"htmx-{locked['version']}.min.js"
    assert f'version:"{locked["version"]}"' in file.read_text()
    assert "Zero-Clause BSD" in (FOLDER / "vendor" / "htmx-LICENSE.txt").read_text()
