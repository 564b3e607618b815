"""One deployment by uuid comes past the ORM and past the schema: it is what both would have answered."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

from app.deployments.kinds import KINDS, Kind
from app.deployments.lookup import SHORT_LOG_BYTES
from app.deployments.schemas import columns_of, deployment_answer, model_of
from app.models import ApiToken
from app.postgres import Sessions
from tests.deploying import create_deployment, create_place, create_resource
from tests.fixtures.api import MakeToken

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
_BEGAN = datetime(2025, 10, 30, 15, 29, 39, tzinfo=UTC)
_STEP = {"name": "Pull images", "batch": 1, "exit_code": 0, "of_a_later_version": True}
_STATES: dict[str, dict[str, Any]] = {
    "queued": {"status": "queued"},
    "finished": {
        "status": "finished",
        "started_at": _BEGAN,
        "finished_at": _BEGAN + timedelta(seconds=1.5),
        "steps": [_STEP],
        "options": {"deadline_seconds": 7, "of_a_later_version": 1},
        "image_digests": {"web": {"image": "web:1", "id": "sha256:1", "digest": None}},
        "logs": '[{"output":"a \\"quoted\\" ü\\n"}]',
        "log_bytes": 40,
    },
    "long": {"status": "failed", "logs": f'["{"x" * SHORT_LOG_BYTES}"]', "log_bytes": SHORT_LOG_BYTES + 4},
}


@by_kind
@pytest.mark.parametrize("state", _STATES)
async def test_every_way_to_it_has_the_same_answer(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind, state: str
) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        row = await create_deployment(session, place, await create_resource(session, place, kind), **_STATES[state])
    position = 1 if state == "queued" else None
    logs = _STATES[state].get("logs", "[]")
    expected = json.loads(
        model_of(deployment_answer(kind.name, columns_of(row), logs=logs, queue_position=position)).model_dump_json()
    )
    headers = (await make_token(["read:sensitive"], team_id=place.team.id)).headers
    for path in (f"/deployments/{kind.name}s/deployment/{row.deployment_uuid}", f"/deployments/{row.deployment_uuid}"):
        answer = await api.get(path, headers=headers)
        assert answer.json() == expected
        assert list(answer.json()) == list(expected)
    listed = await api.get(f"/deployments/{kind.name}s/{row.resource_uuid}?include=logs", headers=headers)
    assert listed.json() == [expected]
    without = (await make_token(["read"], team_id=place.team.id)).headers
    answer = await api.get(f"/deployments/{kind.name}s/deployment/{row.deployment_uuid}", headers=without)
    assert answer.json() == {**expected, "logs": None}


@by_kind
async def test_a_revoked_token_finds_nothing_from_then_on(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind
) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        row = await create_deployment(session, place, await create_resource(session, place, kind))
    token = await make_token(["read"], team_id=place.team.id)
    path = f"/deployments/{kind.name}s/deployment/{row.deployment_uuid}"
    assert (await api.get(path, headers=token.headers)).status_code == 200
    other = await make_token(["read"])
    assert (await api.get(path, headers=other.headers)).status_code == 404
    assert (await api.head(path, headers=token.headers)).status_code == 405
    async with sessions.begin() as session:
        await session.execute(delete(ApiToken).where(ApiToken.id == token.id))
    assert (await api.get(path, headers=token.headers)).status_code == 401
    assert (await api.get(path)).status_code == 401
