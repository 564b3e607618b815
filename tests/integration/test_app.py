"""What surrounds every endpoint: errors in one shape, the commit before the response, request ids, the docs page."""

import json
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
import pytest_asyncio
import structlog
from fastapi import APIRouter, Query, Request
from sqlalchemy import func, select, text
from starlette.types import Message, Receive, Scope, Send

from app.health import VERSION
from app.kit.schema import RequestSchema
from app.main import create_app
from app.middleware import MOST_BODY_BYTES
from app.models import Team, TeamMember
from app.postgres import Session, Sessions
from app.settings import Settings
from tests.fixtures.api import MakeToken, client_of

probes = APIRouter()


class Part(RequestSchema):
    size: int


class Body(RequestSchema):
    name: str
    parts: tuple[Part, ...] = ()
    more: dict[str, Any] | None = None


@probes.post("/probe")
async def _probe(body: Body, take: Annotated[int, Query(ge=1)] = 1) -> int:
    return len(body.name) * take


@probes.post("/teams/made")
async def _make_team(session: Session) -> None:
    session.add(Team(name="made"))


@probes.post("/teams/made/raise")
async def _make_team_and_raise(session: Session) -> None:
    session.add(Team(name="made"))
    await session.flush()
    raise RuntimeError("the-secret-of-the-house")


@probes.post("/commit/refused")
async def _commit_what_is_refused(session: Session) -> None:
    session.add(TeamMember(team_id=1, user_id=1, role="the-secret-of-the-house"[:16]))


@probes.post("/commit/away")
async def _lose_the_connection_before_the_commit(request: Request, session: Session) -> None:
    pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    async with request.app.state.sessions() as other:
        await other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


class AtStart:
    """Asks a question when the response begins, as a client that has got its status could."""

    def __init__(self, app: Any, sessions: Sessions) -> None:
        self._app, self._sessions = app, sessions
        self.seen: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_after_look(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.seen.append(await _teams(self._sessions))
            await send(message)

        await self._app(scope, receive, send_after_look)


@pytest_asyncio.fixture
async def probed(api_settings: Settings, sessions: Sessions) -> AsyncIterator[tuple[httpx.AsyncClient, AtStart]]:
    app = create_app(api_settings)
    app.include_router(probes, prefix="/api/v1")
    watched = AtStart(app, sessions)
    async with app.router.lifespan_context(app), client_of(watched) as client:
        yield client, watched


async def _teams(sessions: Sessions) -> int:
    async with sessions() as session:
        return (await session.execute(select(func.count()).select_from(Team))).scalar_one()


async def test_a_row_is_committed_before_its_response_leaves(
    probed: tuple[httpx.AsyncClient, AtStart], sessions: Sessions
) -> None:
    client, watched = probed
    assert (await client.post("/teams/made")).status_code == 200
    assert watched.seen == [1]


async def test_a_request_that_fails_leaves_nothing_and_tells_nothing(
    probed: tuple[httpx.AsyncClient, AtStart], sessions: Sessions
) -> None:
    client, _ = probed
    for path in ("/teams/made/raise", "/commit/refused"):
        with structlog.testing.capture_logs() as logged:
            answer = await client.post(path)
        request_id = answer.headers["x-request-id"]
        assert (answer.status_code, answer.json()) == (
            500,
            {"message": "Internal server error.", "request_id": request_id},
        )
        assert [one["event"] for one in logged] == ["request failed", "request"]
        assert logged[0]["exc_info"]
    assert await _teams(sessions) == 0


async def test_a_connection_lost_before_the_commit_is_no_success(probed: tuple[httpx.AsyncClient, AtStart]) -> None:
    client, _ = probed
    _is_away(await client.post("/commit/away"))
    assert (await client.post("/teams/made")).status_code == 200, "the pool has let the dead connection go"


async def test_without_postgres_health_stays_and_the_rest_asks_to_come_back(
    redis_url: str, tmp_path: Path, api_settings: Settings
) -> None:
    with socket.socket() as nobody:  # bound and never listening: connections are refused
        nobody.bind(("127.0.0.1", 0))
        url = f"postgresql://shiplog:secret@127.0.0.1:{nobody.getsockname()[1]}/shiplog"
        app = create_app(api_settings.model_copy(update={"database_url": Settings(database_url=url).database_url}))
        async with app.router.lifespan_context(app), client_of(app) as client:
            assert (await client.get("/health")).text == "OK"
            _is_away(await client.get("/teams", headers={"Authorization": f"Bearer 1|{'0' * 48}"}))


def _is_away(answer: httpx.Response) -> None:
    body = answer.json()
    assert body.pop("request_id") == answer.headers["x-request-id"]
    assert (answer.status_code, body) == (
        503,
        {"message": "The database is not reachable. Please try again shortly."},
    )
    assert answer.headers["retry-after"] == "5"


JSON = {"Content-Type": "application/json"}


def _invalid(error: str) -> dict[str, Any]:
    return {"message": "Invalid request.", "error": error}


def _failed(**errors: str) -> dict[str, Any]:
    return {"message": "Validation failed.", "errors": {name: [text] for name, text in errors.items()}}


NUL = "This field must not contain NUL characters."
BAD_BODIES: list[tuple[str, bytes, dict[str, str], int, dict[str, Any]]] = [
    ("no body", b"", {}, 400, _invalid("Empty JSON.")),
    ("null", b"null", JSON, 400, _invalid("The body must be a JSON object.")),
    ("not JSON", b"{name", JSON, 400, _invalid("Invalid JSON.")),
    ("not UTF-8", b'{"name": "\xff"}', JSON, 400, _invalid("Invalid JSON.")),
    ("nested too deep", b"[" * 100_000, JSON, 400, _invalid("Invalid JSON.")),
    ("a number of 5000 digits", b'{"name": ' + b"9" * 5000 + b"}", JSON, 400, _invalid("Invalid JSON.")),
    ("a list", b"[]", JSON, 400, _invalid("The body must be a JSON object.")),
    ("a text", b'"name"', JSON, 400, _invalid("The body must be a JSON object.")),
    ("no content type", b'{"name": "a"}', {}, 400, _invalid("Content-Type must be application/json.")),
    (
        "a form",
        b"name=a",
        {"Content-Type": "application/x-www-form-urlencoded"},
        400,
        _invalid("Content-Type must be application/json."),
    ),
    ("a field is missing", b"{}", JSON, 422, _failed(name="This field is required.")),
    (
        "an unknown field",
        b'{"name": "a", "nmae": "b"}',
        JSON,
        422,
        _failed(nmae="This field is not allowed."),
    ),
    ("a field named by half a character", b'{"name": "a", "\\ud800": 1}', JSON, 400, _invalid("Invalid JSON.")),
    ("half a character in a free field", b'{"name": "a", "more": {"\\ud800": 1}}', JSON, 422, {}),
    ("another type", b'{"name": 1}', JSON, 422, _failed(name="Input should be a valid string.")),
    (
        "nested",
        b'{"name": "a", "parts": [{"size": 1}, {"size": "x"}]}',
        JSON,
        422,
        _failed(
            **{"parts.1.size": "Input should be a valid integer."},
        ),
    ),
    ("a number no column holds", b'{"name": "a", "parts": [{"size": 9223372036854775808}]}', JSON, 422, {}),
    ("NUL", b'{"name": "a\\u0000"}', JSON, 422, _failed(name=NUL)),
    ("NUL in a free field", b'{"name": "a", "more": {"b": [{"\\u0000": 1}]}}', JSON, 422, _failed(more=NUL)),
    ("half a character", b'{"name": "\\ud800"}', JSON, 422, {}),
]


@pytest.mark.parametrize(("what", "content", "headers", "status", "expected"), BAD_BODIES)
async def test_a_bad_body_is_the_clients_error(
    probed: tuple[httpx.AsyncClient, AtStart],
    what: str,
    content: bytes,
    headers: dict[str, str],
    status: int,
    expected: dict[str, Any],
) -> None:
    answer = await probed[0].post("/probe", content=content, headers=headers)
    body = answer.json()
    assert body.pop("request_id") == answer.headers["x-request-id"]
    assert answer.status_code == status
    if expected:
        assert body == expected
    else:
        assert body["message"] == "Validation failed."
        assert len(body["errors"]) == 1


async def test_ten_thousand_errors_give_a_short_answer(probed: tuple[httpx.AsyncClient, AtStart]) -> None:
    content = {"name": "a"} | {f"{number}-{'x' * 60}": 1 for number in range(10_000)}
    answer = await probed[0].post("/probe", json=content)
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 100)


async def test_errors_in_the_query_are_named_like_those_in_the_body(
    probed: tuple[httpx.AsyncClient, AtStart],
) -> None:
    client, _ = probed
    answer = await client.post("/probe?take=0", json={"name": "a"})
    assert answer.json()["errors"] == {"take": ["Input should be greater than or equal to 1."]}
    answer = await client.post("/probe?take=1%00", json={"name": "a"})
    assert (answer.status_code, answer.json()["errors"]) == (422, {"take": [NUL]})
    assert (await client.post("/probe?take=2", json={"name": "abc"})).json() == 6


async def test_a_body_is_bounded_whether_or_not_its_length_is_told(
    probed: tuple[httpx.AsyncClient, AtStart],
) -> None:
    client, _ = probed
    frame = len(json.dumps({"name": ""}))
    fits = json.dumps({"name": "x" * (MOST_BODY_BYTES - frame)}).encode()
    assert (await client.post("/probe", content=fits, headers=JSON)).status_code == 200

    async def stream() -> AsyncIterator[bytes]:
        yield fits
        yield b" "

    for content in (fits + b" ", stream()):
        answer = await client.post("/probe", content=content, headers=JSON)
        body = answer.json()
        assert body.pop("request_id") == answer.headers["x-request-id"]
        assert (answer.status_code, body) == (413, {"message": "The request body may have at most 1 MiB."})


async def test_a_path_that_is_not_there(api: httpx.AsyncClient, make_token: MakeToken) -> None:
    headers = (await make_token()).headers
    for path in ("/applications", "/teams/", "/teams/current%00", "/deployments/%00", "/../../nowhere"):
        answer = await api.get(path, headers=headers)
        body = answer.json()
        assert body.pop("request_id") == answer.headers["x-request-id"]
        docs = {} if "%00" in path else {"docs": "/docs"}
        assert (answer.status_code, body) == (404, {"message": "Not found.", **docs}), path


@pytest.mark.parametrize(
    ("method", "path", "allow", "message"),
    [
        ("GET", "/deploy", "POST", "This endpoint has changed to a POST request."),
        ("GET", "/services/a/start", "POST", "This endpoint has changed to a POST request."),
        ("GET", "/services/a/restart", "POST", "This endpoint has changed to a POST request."),
        ("GET", "/databases/a/start", "POST", "This endpoint has changed to a POST request."),
        ("GET", "/databases/a/restart", "POST", "This endpoint has changed to a POST request."),
        ("GET", "/services/a/stop", "POST", "This endpoint has changed to a POST request."),
        ("GET", "/databases/a/stop", "POST", "This endpoint has changed to a POST request."),
        ("GET", "/servers/a/validate", "POST", "This endpoint has changed to a POST request."),
        ("PUT", "/deploy", "POST", "Method not allowed."),
        ("PUT", "/databases/redis", "POST", "Method not allowed."),
        ("PUT", "/projects/a/environments", "GET, POST", "Method not allowed."),
        ("PUT", "/services/a", "DELETE, GET, PATCH", "Method not allowed."),
        ("POST", "/teams", "GET", "Method not allowed."),
        ("DELETE", "/health", "GET", "Method not allowed."),
    ],
)
async def test_a_wrong_method_names_the_right_one(
    api: httpx.AsyncClient, method: str, path: str, allow: str, message: str
) -> None:
    answer = await api.request(method, path)
    assert (answer.status_code, answer.json()["message"], answer.headers["allow"]) == (405, message, allow)
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_the_plans_paths_answer_the_same(api: httpx.AsyncClient, make_token: MakeToken) -> None:
    headers = (await make_token(["read"])).headers
    for path in ("/teams", "/version", "/health"):
        documented = await api.get(path, headers=headers)
        plain = await api.get(f"http://api.test/api{path}", headers=headers)
        assert (documented.status_code, plain.status_code) == (200, 200)
        assert documented.text == plain.text


async def test_behind_a_prefix_links_and_routes_fit(
    api_settings: Settings, api: httpx.AsyncClient, make_token: MakeToken
) -> None:
    headers = (await make_token()).headers
    app = create_app(api_settings.model_copy(update={"root_path": "/ship"}))
    async with app.router.lifespan_context(app), client_of(app) as client:
        for path in ("http://api.test/ship/api/v1/teams", "http://api.test/api/v1/teams"):
            answer = await client.get(path, headers=headers)
            assert answer.status_code == 200
        document = (await client.get("http://api.test/ship/openapi.json")).json()
        assert document["servers"] == [{"url": "/ship/api/v1"}]
        for page in ("http://api.test/ship/docs", "http://api.test/docs"):
            assert (await client.get(page)).status_code == 200
        static = await client.get("http://api.test/docs/static/swagger-ui.css")
        assert static.status_code == 200


async def test_health_and_version_are_bare_words(api: httpx.AsyncClient, make_token: MakeToken) -> None:
    health = await api.get("/health")
    assert (health.text, health.headers["content-type"]) == ("OK", "text/html; charset=utf-8")
    assert (await api.get("/version")).status_code == 401
    version = await api.get("/version", headers=(await make_token(["read"])).headers)
    assert (version.text, version.headers["content-type"]) == (VERSION, "text/html; charset=utf-8")


async def test_the_log_names_the_request_and_no_secret(api: httpx.AsyncClient, make_token: MakeToken) -> None:
    token = await make_token()
    with structlog.testing.capture_logs() as logged:
        answer = await api.get("/teams?token=hunter2", headers=token.headers)
    (line,) = logged
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/teams", answer.status_code)
    assert line["token_id"] == token.id
    for secret in ("hunter2", token.plain, token.plain.partition("|")[2]):
        assert secret not in str(logged)


async def test_two_requests_have_two_ids(api: httpx.AsyncClient) -> None:
    ids = {(await api.get("/health")).headers["x-request-id"] for _ in range(2)}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [("mine-1.a_B", True), ("a" * 64, True), ("a" * 65, False), ("two words", False), ("<b>", False), ("", False)],
    ids=["word", "longest", "too long", "two words", "markup", "empty"],
)
async def test_a_request_keeps_the_id_of_its_caller_if_it_is_one_short_word(
    api: httpx.AsyncClient, given: str, is_kept: bool
) -> None:
    answer = await api.get("/health", headers={"X-Request-Id": given})
    assert (answer.headers["x-request-id"] == given) is is_kept


async def test_the_docs_are_served_by_us_alone(api: httpx.AsyncClient) -> None:
    page = await api.get("http://api.test/docs")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    linked = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    script = await api.get(page.url.join("docs/start.js"))
    linked += re.findall(r'url: "([^"]+)"', script.text)
    assert len(linked) == 5
    for link in linked:
        url = page.url.join(link)
        assert url.host == "api.test", link
        assert (await api.get(url)).status_code == 200, link
    assert "://" not in page.text + script.text
    assert "<script>" not in page.text, "the policy forbids scripts inside the page"


async def test_the_docs_document_is_one_that_swagger_ui_reads(api: httpx.AsyncClient) -> None:
    document = (await api.get("http://api.test/docs/openapi.json")).json()
    assert document["openapi"] == "3.0.3"
    assert '{"type": "null"}' not in json.dumps(document)
    assert document["paths"].keys() == (await api.get("http://api.test/openapi.json")).json()["paths"].keys()
