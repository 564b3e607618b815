"""What a start of a service can carry, in the query or in the body, and what of it reaches the deployment."""

from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select

from app.models import ServiceDeploymentQueue
from app.postgres import Sessions
from tests.deploying import create_service
from tests.desk import Desk, open_desk
from tests.fixtures.api import MakeToken

CASES: list[tuple[str, dict[str, Any], dict[str, Any] | None, bool, bool]] = [
    ("/deploy", {}, None, False, False),
    ("/deploy", {"force": "true"}, None, True, False),
    ("/deploy", {"pull_latest_images": "1", "stop_before_start": "1"}, None, True, True),
    ("/deploy", {}, {"pull_latest_images": True, "stop_before_start": True}, True, True),
    ("/services/{uuid}/start", {}, None, False, False),
    ("/services/{uuid}/start", {"latest": "true"}, None, True, False),
    ("/services/{uuid}/start", {"stop_before_start": "true"}, {"pull_latest_images": True}, True, True),
    ("/services/{uuid}/start", {"pull_latest_images": "true"}, {"pull_latest_images": False}, False, False),
    ("/services/{uuid}/restart", {}, None, False, True),
    ("/services/{uuid}/restart", {"latest": "true"}, None, True, False),
    ("/services/{uuid}/restart", {"latest": "true"}, {"stop_before_start": True}, True, True),
    ("/services/{uuid}/restart", {"stop_before_start": "false"}, None, False, False),
]


@pytest_asyncio.fixture
async def desk(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> Desk:
    return await open_desk(api, sessions, make_token)


async def test_what_is_asked_for_is_what_is_queued(desk: Desk) -> None:
    async with desk.sessions.begin() as session:
        service = await create_service(session, desk.place)
    expected = {}
    for path, query, body, pull, stop in CASES:
        named = {"uuid": service.uuid, **query} if path == "/deploy" else query
        answer = await desk.ask("POST", path.format(uuid=service.uuid), params=named, json=body)
        assert answer.status_code == 200, answer.text
        queued = answer.json()["deployments"][0] if path == "/deploy" else answer.json()
        expected[queued["deployment_uuid"]] = (pull, stop, pull, stop)
    queue = ServiceDeploymentQueue
    columns = (queue.deployment_uuid, queue.pull_latest_images, queue.stop_before_start, queue.configuration_snapshot)
    async with desk.sessions() as session:
        rows = (await session.execute(select(*columns))).all()
    assert {
        uuid: (pull, stop, snapshot["pull_latest_images"], snapshot["stop_before_start"])
        for uuid, pull, stop, snapshot in rows
        if snapshot is not None
    } == expected


@pytest.mark.parametrize("path", ["/deploy", "/services/{uuid}/start", "/services/{uuid}/restart"])
async def test_what_is_no_answer_to_yes_or_no_is_refused(desk: Desk, path: str) -> None:
    async with desk.sessions.begin() as session:
        service = await create_service(session, desk.place)
    named = {"uuid": service.uuid} if path == "/deploy" else {}
    answer = await desk.ask("POST", path.format(uuid=service.uuid), params={**named, "stop_before_start": "perhaps"})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["stop_before_start"])
