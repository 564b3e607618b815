"""The log as JSON pages and as a download, sealed or in slices."""

from typing import Any

import httpx
import pytest

from app.deployments.kinds import KINDS, Kind
from app.kit.clock import utcnow
from app.models.log_entry import join_entries, log_entry
from app.postgres import Sessions
from tests.deploying import create_deployment, create_place, create_resource
from tests.fixtures.api import MakeToken

COUNT = 1234
EACH = 100


def _entries() -> list[dict[str, Any]]:
    return [
        log_entry(
            f"\x1b[3{order % 8}mline\x1b[0m {order}",
            timestamp=utcnow(),
            order=order,
            type="stderr" if order % 100 == 0 else "stdout",
            hidden=order % 500 == 0,
        )
        for order in range(1, COUNT + 1)
    ]


@pytest.mark.parametrize("is_sealed", [False, True], ids=["slices", "sealed"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_pages_tails_filters_and_downloads(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind, is_sealed: bool
) -> None:
    entries = _entries()
    async with sessions.begin() as session:
        place = await create_place(session)
        logs = f"[{join_entries(entries)}]" if is_sealed else None
        row = await create_deployment(
            session, place, await create_resource(session, place, kind), log_count=COUNT, logs=logs
        )
        for begin in range(0, 0 if is_sealed else COUNT, EACH):
            part = entries[begin : begin + EACH]
            key = {"deployment_id": row.id, "first_order": begin + 1, "entry_count": len(part)}
            session.add(kind.slices(**key, entries=join_entries(part)))
    token = await make_token(["read:sensitive"], team_id=place.team.id)
    path = f"/deployments/{kind.name}s/deployment/{row.deployment_uuid}/logs"

    async def page(query: str) -> tuple[list[int], int]:
        answer = await api.get(f"{path}?{query}", headers=token.headers)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["log_count"] == COUNT
        return [entry["order"] for entry in body["entries"]], body["next_after"]

    async def text(query: str, accept: str = "text/plain") -> list[str]:
        answer = await api.get(f"{path}?{query}", headers={**token.headers, "Accept": accept})
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["content-disposition"] == f'attachment; filename="{row.deployment_uuid}.log"'
        return answer.text.splitlines()

    shown = [order for order in range(1, COUNT + 1) if order % 500]
    assert await page("") == (shown[:500], 501)
    assert await page("include_hidden=true") == (list(range(1, 501)), 500)
    assert await page("after=1230") == ([1231, 1232, 1233, 1234], COUNT)
    assert await page(f"after={COUNT}") == ([], COUNT)
    assert await page("tail=3") == ([1232, 1233, 1234], COUNT)
    assert await page("type=stderr&limit=2") == ([100, 200], 200)
    assert await page("type=stderr&tail=2") == ([1100, 1200], COUNT)
    assert await page("q=LINE%2099") == ([99, *range(990, 1000)], COUNT)
    assert await page("q=LINE%2099&tail=2&after=99") == ([998, 999], COUNT)

    assert await text("ansi=strip") == [f"line {order}" for order in shown]
    assert await text("ansi=strip&include_hidden=true&tail=2&timestamps=true") == [
        f"{entry['timestamp']} line {entry['order']}" for entry in entries[-2:]
    ]
    kept = await text("limit=2&after=7", accept="text/plain, application/json;q=0.5")
    assert kept == ["\x1b[30mline\x1b[0m 8", "\x1b[31mline\x1b[0m 9"]
    for accept in ("*/*", "text/html, */*", "text/plain;q=0.1, application/json"):
        answer = await api.get(path, headers={**token.headers, "Accept": accept})
        assert answer.headers["content-type"] == "application/json"
    for query in ("tail=0", "tail=10001", "limit=1001", "type=stdin", "ansi=maybe"):
        assert (await api.get(f"{path}?{query}", headers=token.headers)).status_code == 422
