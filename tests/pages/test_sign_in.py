"""Who gets in, how, and for how long."""

import asyncio
import re

import httpx
from sqlalchemy import delete, select

from app.auth.sign_in_limit import SIGN_INS
from app.auth.web_sessions import COOKIE
from app.models import ApiToken, AuditEvent, WebSession
from app.postgres import Sessions
from tests.desk import Desk
from tests.fixtures.api import MakeToken
from tests.pages.browsing import Visit

SITE = "http://api.test"
OURS = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}


async def test_a_token_signs_in_and_the_way_out_is_out(visit: Visit, desk: Desk, axe: None) -> None:
    await visit.go("/")
    assert visit.page.url == f"{visit.url}/sign-in?next=%2F"
    await visit.check_accessibility()
    await visit.check_width()
    await visit.fill_sign_in(desk.tokens["root"].plain)
    await visit.page.get_by_role("heading", name="Overview", level=1).wait_for()
    (cookie,) = [one for one in await visit.context.cookies() if one["name"] == COOKIE]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    await visit.page.locator("summary").first.click()
    await visit.page.get_by_role("button", name="Sign out").click()
    await visit.page.wait_for_url("**/sign-in")
    await visit.context.add_cookies([{"name": COOKIE, "value": cookie["value"], "url": visit.url}])
    await visit.go("/")
    assert visit.page.url.endswith("/sign-in?next=%2F&ended=1")


async def test_a_link_signs_in_once(visit: Visit, desk: Desk) -> None:
    made = (await desk.ask("POST", "/sign-in-links")).json()
    await visit.go(made["path"])
    await visit.page.get_by_role("button", name="Continue").click()
    await visit.page.get_by_role("heading", name="Overview", level=1).wait_for()
    await visit.context.clear_cookies()
    await visit.go(made["path"])
    visit.foresee("401")
    await visit.page.get_by_role("button", name="Continue").click()
    await visit.page.get_by_role("heading", name="This link is used up").wait_for()


async def signed_in_client(api: httpx.AsyncClient, plain: str) -> str:
    """Sign a client in and return what its forms carry."""
    answer = await api.post(f"{SITE}/sign-in", data={"token": plain}, headers=OURS)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    page = await api.get(f"{SITE}/servers")
    found = re.search('name="csrf" value="([0-9a-f]{64})"', page.text)
    assert found is not None
    return found[1]


async def test_of_two_that_use_a_link_at_once_one_gets_in(api: httpx.AsyncClient, desk: Desk) -> None:
    code = (await desk.ask("POST", "/sign-in-links")).json()["path"].partition("=")[2]
    used = [api.post(f"{SITE}/sign-in/link", data={"code": code}, headers=OURS) for _ in range(2)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*used)) == [303, 401]


async def test_a_session_ends_with_its_token(api: httpx.AsyncClient, sessions: Sessions, desk: Desk) -> None:
    token = desk.tokens["read"]
    await signed_in_client(api, token.plain)
    assert (await api.get(f"{SITE}/")).status_code == 200
    async with sessions.begin() as session:
        assert token.plain not in str((await session.execute(select(WebSession.secret_hash))).all())
        await session.execute(delete(ApiToken).where(ApiToken.id == token.id))
    answer = await api.get(f"{SITE}/", headers=OURS)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2F&ended=1")


async def test_a_form_of_somebody_else_does_nothing(api: httpx.AsyncClient, sessions: Sessions, desk: Desk) -> None:
    csrf = await signed_in_client(api, desk.tokens["root"].plain)
    forms = {
        "another site": ({"Sec-Fetch-Site": "cross-site"}, csrf),
        "a neighbour": ({"Sec-Fetch-Site": "same-site"}, csrf),
        "another origin": ({"Origin": "http://evil.test"}, csrf),
        "no origin": ({}, csrf),
        "no secret of the form": ({"Sec-Fetch-Site": "same-origin"}, "0" * 64),
    }
    for name, (headers, given) in forms.items():
        answer = await api.post(f"{SITE}/sign-out", data={"csrf": given}, headers={"Accept": "text/html", **headers})
        assert answer.status_code == 403, name
    async with sessions() as session:
        assert len((await session.execute(select(WebSession.token_id))).all()) == 1


async def test_a_cookie_reads_the_api_and_changes_nothing_there(api: httpx.AsyncClient, desk: Desk) -> None:
    await signed_in_client(api, desk.tokens["root"].plain)
    assert (await api.get("/teams/current")).status_code == 200
    assert (await api.post("/deploy", json={"uuid": "x"})).status_code == 401
    assert (await api.post("/projects", json={"name": "x"})).status_code == 401


async def test_nobody_is_led_to_another_site(api: httpx.AsyncClient, desk: Desk) -> None:
    for wanted in ("//evil.test", "/\\evil.test", "https://evil.test", "/sign-out", "/\tx"):
        data = {"token": desk.tokens["read"].plain, "next": wanted}
        answer = await api.post(f"{SITE}/sign-in", data=data, headers=OURS)
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), wanted


async def test_tokens_are_not_tried_out(api: httpx.AsyncClient, desk: Desk) -> None:
    codes = []
    for _ in range(SIGN_INS + 1):
        answer = await api.post(f"{SITE}/sign-in", data={"token": "1|wrong"}, headers=OURS)
        codes.append(answer.status_code)
    # A minute may begin in between.
    assert set(codes[: SIGN_INS // 2]) == {401}
    assert 429 in codes or len(set(codes)) == 1
    assert "wrong" not in answer.text


async def test_a_token_that_may_not_read_gets_nowhere(api: httpx.AsyncClient, make_token: MakeToken) -> None:
    token = await make_token(["deploy"])
    answer = await api.post(f"{SITE}/sign-in", data={"token": token.plain}, headers=OURS)
    assert answer.status_code == 403
    assert COOKIE not in answer.cookies


async def test_signing_in_is_written_down(api: httpx.AsyncClient, sessions: Sessions, desk: Desk) -> None:
    await signed_in_client(api, desk.tokens["read"].plain)
    async with sessions() as session:
        (event,) = (await session.execute(select(AuditEvent))).scalars()
    assert (event.token_id, event.path, event.status_code) == (desk.tokens["read"].id, "/sign-in", 303)
