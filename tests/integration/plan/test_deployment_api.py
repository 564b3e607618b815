"""The plan's DeploymentApiTest, for both kinds."""

import httpx
import pytest

from app.deployments.kinds import KINDS, Kind
from app.postgres import Sessions
from tests.deploying import create_deployment, create_place, create_resource
from tests.fixtures.api import MakeToken

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@by_kind
@pytest.mark.parametrize("base", ["/api", "/api/v1"])
async def test_lists_deployments_via_api(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, kind: Kind, base: str
) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        resource = await create_resource(session, place, kind)
        made = [await create_deployment(session, place, resource) for _ in range(3)]
    token = await make_token(["read"], team_id=place.team.id)
    url = f"http://api.test{base}/deployments/{kind.name}s/{resource.uuid}"
    answer = await api.get(url, headers=token.headers)
    assert answer.status_code == 200
    assert [row["deployment_uuid"] for row in answer.json()] == [row.deployment_uuid for row in reversed(made)]


@by_kind
async def test_requires_authentication_for_deployments(api: httpx.AsyncClient, sessions: Sessions, kind: Kind) -> None:
    async with sessions.begin() as session:
        resource = await create_resource(session, await create_place(session), kind)
    answer = await api.get(f"/deployments/{kind.name}s/{resource.uuid}")
    assert answer.status_code == 401
    assert answer.json()["message"] == "Unauthenticated."
