"""What a client may count on around every endpoint: rate limit, compression, conditional GET, other origins, old actions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI

from app.main import create_app
from app.models import ServiceDeploymentQueue
from app.postgres import Sessions
from app.settings import Settings
from tests.deploying import create_deployment, create_service
from tests.desk import Desk, error_of, open_desk
from tests.fixtures.api import MakeToken, client_of

ORIGIN = "https://board.example"


@asynccontextmanager
async def _app(settings: Settings, **changes: Any) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    app = create_app(settings.model_copy(update=changes))
    async with app.router.lifespan_context(app), client_of(app) as client:
        yield app, client


async def _settled(desk: Desk, **columns: Any) -> str:
    async with desk.sessions.begin() as session:
        service = await create_service(session, desk.place)
        row = await create_deployment(session, desk.place, service, status="finished", **columns)
    return row.deployment_uuid


async def test_a_token_has_its_own_number_of_requests_a_minute(
    api_settings: Settings, make_token: MakeToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.redis.CALL_SECONDS", 30.0)
    monkeypatch.setattr("app.auth.rate_limit.time.time", lambda: 1_800_000_010.5)
    one, other = await make_token(), await make_token()
    async with _app(api_settings, rate_limit=2) as (_, client):
        answers = [await client.get("/teams", headers=one.headers) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
        assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {"2"}
        assert {answer.headers["x-ratelimit-reset"] for answer in answers} == {"1800000060"}
        assert error_of(answers[2]) == {"message": "Too Many Attempts."}
        assert answers[2].headers["retry-after"] == "50"
        assert (await client.get("/teams", headers=other.headers)).status_code == 200
        monkeypatch.setattr("app.auth.rate_limit.time.time", lambda: 1_800_000_060.0)
        assert (await client.get("/teams", headers=one.headers)).status_code == 200


async def test_nobody_is_limited_while_redis_is_away(api_settings: Settings, make_token: MakeToken) -> None:
    token = await make_token()
    away = Settings(redis_url="redis://127.0.0.1:1").redis_url
    async with _app(api_settings, rate_limit=1, redis_url=away) as (_, client):
        answers = [await client.get("/teams", headers=token.headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert not [answer for answer in answers if "x-ratelimit-limit" in answer.headers]


async def test_a_long_answer_is_compressed_for_who_can_read_it(api: httpx.AsyncClient) -> None:
    packed = await api.get("http://api.test/openapi.json", headers={"Accept-Encoding": "gzip"})
    plain = await api.get("http://api.test/openapi.json", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(packed.headers["content-length"]) * 5 < int(plain.headers["content-length"])
    assert packed.json() == plain.json()


@pytest.mark.parametrize("path", ["/deployments/{}", "/deployments/services/deployment/{}"], ids=["either", "service"])
async def test_a_settled_deployment_is_not_sent_twice(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, path: str
) -> None:
    desk = await open_desk(api, sessions, make_token)
    uuid = await _settled(desk)
    first = await desk.ask("GET", path.format(uuid))
    tag = first.headers["etag"]
    for known in (tag, f'"other", {tag}', "*"):
        again = await desk.ask("GET", path.format(uuid), headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await desk.ask("GET", path.format(uuid), headers={"If-None-Match": '"other"'})).json() == first.json()
    # Another view of it, without the log, is another answer.
    seen = await desk.ask("GET", path.format(uuid), by="read", headers={"If-None-Match": tag})
    assert seen.status_code == 200
    assert (await desk.ask("GET", path.format(uuid), by="other", headers={"If-None-Match": tag})).status_code == 404


async def test_a_deployment_that_may_change_has_no_tag(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken
) -> None:
    desk = await open_desk(api, sessions, make_token)
    async with desk.sessions.begin() as session:
        row = await create_deployment(session, desk.place, await create_service(session, desk.place))
    answer = await desk.ask("GET", f"/deployments/{row.deployment_uuid}", headers={"If-None-Match": "*"})
    assert (answer.status_code, answer.headers.get("etag")) == (200, None)


async def test_pages_of_other_origins_only_when_configured(
    api: httpx.AsyncClient, api_settings: Settings, make_token: MakeToken
) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    assert (await api.options("/deploy", headers=asked)).status_code == 405
    headers = {**(await make_token()).headers, "Origin": ORIGIN}
    assert "access-control-allow-origin" not in (await api.get("/teams", headers=headers)).headers
    async with _app(api_settings, cors_origins=f" {ORIGIN} , https://other.example") as (_, client):
        preflight = await client.options(
            "/deploy", headers={**asked, "Access-Control-Request-Headers": "authorization, idempotency-key"}
        )
        assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, ORIGIN)
        answer = await client.get("/teams", headers=headers)
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "ETag" in answer.headers["access-control-expose-headers"]
        refused = await client.options("/deploy", headers={**asked, "Origin": "https://evil.example"})
        assert refused.status_code == 400


async def test_actions_by_get_only_when_configured(
    api: httpx.AsyncClient, api_settings: Settings, sessions: Sessions, make_token: MakeToken
) -> None:
    desk = await open_desk(api, sessions, make_token)
    async with sessions.begin() as session:
        service = await create_service(session, desk.place)
    refused = await desk.ask("GET", f"/services/{service.uuid}/start")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert error_of(refused) == {"message": "This endpoint has changed to a POST request."}
    async with _app(api_settings, legacy_get_actions=True) as (_, client):
        headers = desk.tokens["deploy"].headers
        started = await client.get(f"/services/{service.uuid}/start", headers=headers)
        assert (started.status_code, started.json()["message"]) == (200, "Service starting request queued.")
        deployed = await client.get(f"/deploy?uuid={service.uuid}", headers=headers)
        assert deployed.json()["deployments"][0]["deployment_uuid"]
        assert (await client.get("/deployments", headers=desk.tokens["read"].headers)).status_code == 200


async def test_a_deployment_says_which_request_asked_for_it(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken
) -> None:
    desk = await open_desk(api, sessions, make_token)
    async with sessions.begin() as session:
        service = await create_service(session, desk.place)
    with structlog.testing.capture_logs():
        asked = await desk.ask("POST", f"/services/{service.uuid}/start", headers={"X-Request-Id": "from-the-proxy"})
    shown = (await desk.ask("GET", f"/deployments/{asked.json()['deployment_uuid']}")).json()
    assert shown["request_id"] == asked.headers["x-request-id"] == "from-the-proxy"
    async with sessions() as session:
        row = await session.get_one(ServiceDeploymentQueue, shown["id"])
    assert row.request_id == "from-the-proxy"
