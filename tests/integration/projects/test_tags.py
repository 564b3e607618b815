"""Tags, what deploys by them, everything a team has, and moving to another environment."""

import httpx
import pytest_asyncio

from app.models import Environment
from app.postgres import Sessions
from tests.deploying import COMPOSE, create_database, create_service
from tests.desk import UNKNOWN_UUID, Desk, error_of, in_base64, open_desk
from tests.fixtures.api import MakeToken


@pytest_asyncio.fixture
async def desk(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> Desk:
    return await open_desk(api, sessions, make_token)


async def _resources(desk: Desk) -> dict[str, str]:
    async with desk.sessions.begin() as session:
        service = await create_service(session, desk.place)
        database = await create_database(session, desk.place)
    return {"services": service.uuid, "databases": database.uuid}


async def test_tags_are_made_renamed_and_deleted(desk: Desk) -> None:
    made = await desk.ask("POST", "/tags", json={"name": "Nightly "})
    assert (made.status_code, made.json()["name"]) == (201, "nightly")
    again = await desk.ask("POST", "/tags", json={"name": "NIGHTLY"})
    assert (again.status_code, error_of(again)) == (409, {"message": "Tag with this name already exists."})
    uuid = made.json()["uuid"]
    assert (await desk.ask("PATCH", f"/tags/{uuid}", json={"name": "weekly"})).json()["name"] == "weekly"
    assert [tag["name"] for tag in (await desk.ask("GET", "/tags")).json()] == ["weekly"]
    assert (await desk.ask("GET", "/tags", by="other")).json() == []
    assert (await desk.ask("DELETE", f"/tags/{uuid}", by="other")).status_code == 404
    assert (await desk.ask("DELETE", f"/tags/{uuid}")).json() == {"message": "Tag deleted."}
    assert (await desk.ask("GET", "/tags")).json() == []


async def test_a_tag_deploys_all_that_has_it(desk: Desk) -> None:
    resources = await _resources(desk)
    for kind, uuid in resources.items():
        put = await desk.ask("POST", f"/{kind}/{uuid}/tags", json={"tag_names": ["b", "A"], "tag_name": "b"})
        assert (put.status_code, [tag["name"] for tag in put.json()]) == (201, ["a", "b"])
        shown = (await desk.ask("GET", f"/{kind}/{uuid}/tags")).json()
        assert shown == put.json()
    tag = shown[1]["uuid"]
    taken = await desk.ask("DELETE", f"/databases/{resources['databases']}/tags/{tag}")
    assert taken.json() == {"message": "Tag removed."}
    again = await desk.ask("DELETE", f"/databases/{resources['databases']}/tags/{tag}")
    assert (again.status_code, error_of(again)) == (404, {"message": "Tag not found."})
    alone = (await desk.ask("POST", "/deploy?tag=b", headers={"Idempotency-Key": "k"})).json()
    assert [one["resource_uuid"] for one in alone["deployments"]] == [resources["services"]]
    assert alone["message"] == ["Service shop started. It could take a while, be patient."]
    assert alone["details"] == [
        {"resource_uuid": resources["services"], "deployment_uuid": alone["deployments"][0]["deployment_uuid"]}
    ]
    assert (await desk.ask("POST", "/deploy?tag=b", headers={"Idempotency-Key": "k"})).json() == alone
    both = (await desk.ask("POST", "/deploy", json={"tag": "B, a"})).json()
    assert {one["resource_uuid"] for one in both["deployments"]} == set(resources.values())
    by_uuid = (await desk.ask("POST", f"/deploy?uuid={resources['services']}")).json()
    assert by_uuid.keys() == {"deployments"}
    for tags, status, text in ((" , ", 400, "No TAGs provided."), ("c", 404, "No resources found with this tag.")):
        refused = await desk.ask("POST", "/deploy", params={"tag": tags})
        assert (refused.status_code, error_of(refused)) == (status, {"message": text})
    assert (await desk.ask("POST", "/deploy?tag=a", by="other")).status_code == 404


async def test_a_resource_is_made_with_its_tags(desk: Desk) -> None:
    compose = {"docker_compose_raw": in_base64(COMPOSE)}
    for kind, path, fields in (("services", "/services", compose), ("databases", "/databases/redis", {})):
        made = await desk.ask("POST", path, json=desk.of_resource(**fields, tags=["Blue", "nightly", "blue"]))
        assert made.status_code == 201
        tags = (await desk.ask("GET", f"/{kind}/{made.json()['uuid']}/tags")).json()
        assert [tag["name"] for tag in tags] == ["blue", "nightly"]
        assert (await desk.ask("POST", path, json=desk.of_resource(**fields, tags=["a,b"]))).status_code == 422
    assert len((await desk.ask("GET", "/tags")).json()) == 2


async def test_a_resource_needs_a_tag_to_be_tagged(desk: Desk) -> None:
    uuid = (await _resources(desk))["services"]
    bodies: tuple[dict[str, object], ...] = ({}, {"tag_names": []}, {"tag_name": None})
    for body in bodies:
        assert (await desk.ask("POST", f"/services/{uuid}/tags", json=body)).status_code == 422
    assert (await desk.ask("POST", f"/services/{uuid}/tags", json={"tag_name": "a,b"})).status_code == 422


async def test_everything_a_team_has_is_listed(desk: Desk) -> None:
    resources = await _resources(desk)
    listed = (await desk.ask("GET", "/resources")).json()
    assert [(one["uuid"], one["type"]) for one in listed] == [
        (resources["services"], "service"),
        (resources["databases"], "standalone-postgresql"),
    ]
    assert (await desk.ask("GET", "/resources", by="other")).json() == []
    place = desk.place
    environment = (await desk.ask("GET", f"/projects/{place.project.uuid}/{place.environment.name}")).json()
    assert environment["resources"] == listed
    assert (environment["services"], environment["postgresqls"]) == (listed[:1], listed[1:])
    assert (environment["applications"], environment["redis"]) == ([], [])


async def test_a_resource_moves_to_another_environment_of_the_team(desk: Desk) -> None:
    resources = await _resources(desk)
    async with desk.sessions.begin() as session:
        other = Environment(project_id=desk.place.project.id, name="staging")
        session.add(other)
    for kind, uuid in resources.items():
        unknown = await desk.ask("POST", f"/{kind}/{uuid}/move", json={"environment_uuid": UNKNOWN_UUID})
        assert (unknown.status_code, error_of(unknown)) == (404, {"message": "Environment not found."})
        moved = await desk.ask("POST", f"/{kind}/{uuid}/move", json={"environment_uuid": other.uuid})
        assert moved.status_code == 200
        assert (await desk.ask("GET", f"/{kind}/{uuid}")).json()["environment_name"] == "staging"


async def test_the_tokens_team_by_both_names(desk: Desk) -> None:
    for path in ("/team", "/team/members"):
        assert (await desk.ask("GET", path)).json() == (
            await desk.ask("GET", path.replace("team", "teams/current"))
        ).json()
