"""Who gets in, how, and for how long."""

from tests.desk import Desk
from tests.pages.browsing import Visit


async def test_a_token_signs_in_and_the_way_out_is_out(visit: Visit, desk: Desk, axe: None) -> None:
    await visit.go("/")
    assert visit.page.url == f"{visit.url}/sign-in?next=%2F"
    await visit.check_accessibility()
    await visit.check_width()
    await visit.sign_in(desk.tokens["root"].plain)
    await visit.page.get_by_role("heading", name="Overview", level=1).wait_for()
    (cookie,) = [one for one in await visit.context.cookies() if one["name"] == "shiplog_session"]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    await visit.page.locator("summary").first.click()
    await visit.page.get_by_role("button", name="Sign out").click()
    await visit.page.wait_for_url("**/sign-in")
    await visit.context.add_cookies([{"name": "shiplog_session", "value": cookie["value"], "url": visit.url}])
    await visit.go("/")
    assert visit.page.url.endswith("/sign-in?next=%2F&ended=1")
