"""Projects and environments over the API: whole bodies, teams, and everything that is refused."""

from typing import Any
from urllib.parse import quote

import pytest

from app.models import Environment, Project
from tests.deploying import create_database, create_service
from tests.desk import UNKNOWN_UUID, Desk, error_of, row_counts

QUOTED = 'it\'s a "shop"; $(rm -rf /) `id` 🚢'
ODD = 'it\'s "staging"; $(id) `id` a\\b?c#d%20 .. 🚢'
LISTS = ("postgresqls", "redis", "mongodbs", "mysqls", "mariadbs", "keydbs", "dragonflies", "clickhouses", "valkeys")
NO_PROJECT = {"message": "Project not found."}
NO_ENVIRONMENT = {"message": "Environment not found."}


async def _create(desk: Desk, **fields: Any) -> str:
    answer = await desk.ask("POST", "/projects", json={"name": "shop", **fields}, by="write")
    assert answer.status_code == 201, answer.text
    body: dict[str, str] = answer.json()
    assert body.keys() == {"uuid"}
    return body["uuid"]


async def _add(desk: Desk, project: str, name: str) -> str:
    answer = await desk.ask("POST", f"/projects/{project}/environments", json={"name": name}, by="write")
    assert answer.status_code == 201, answer.text
    body: dict[str, str] = answer.json()
    assert body.keys() == {"uuid"}
    return body["uuid"]


async def _read(desk: Desk, path: str) -> Any:
    answer = await desk.ask("GET", f"/projects/{path}", by="read")
    assert answer.status_code == 200, answer.text
    return answer.json()


def _without_times(body: dict[str, Any]) -> dict[str, Any]:
    assert body.pop("created_at").endswith("Z")
    assert body.pop("updated_at").endswith("Z")
    return body


async def test_a_project_begins_with_production(desk: Desk) -> None:
    uuid = await _create(desk, name=QUOTED, description="a\nb")
    async with desk.sessions() as session:
        project = await session.get(Project, desk.place.project.id + 1)
        environment = await session.get(Environment, desk.place.environment.id + 1)
    assert project is not None
    assert environment is not None
    production = {"id": environment.id, "uuid": environment.uuid, "name": "production", "description": None}
    assert _without_times(await _read(desk, uuid)) == {
        "id": project.id,
        "uuid": uuid,
        "name": QUOTED,
        "description": "a\nb",
        "environments": [production],
    }
    assert await _read(desk, f"{uuid}/environments") == [production]


async def test_the_list_has_the_projects_of_the_team_oldest_first(desk: Desk) -> None:
    uuid = await _create(desk)
    listed = (await desk.ask("GET", "/projects", by="read")).json()
    mine = desk.place.project
    assert listed == [
        {"id": mine.id, "uuid": mine.uuid, "name": "project", "description": None},
        {"id": mine.id + 1, "uuid": uuid, "name": "shop", "description": None},
    ]
    assert (await desk.ask("GET", "/projects", by="other")).json() == []


async def test_only_what_is_named_changes(desk: Desk) -> None:
    uuid = await _create(desk, description="text")
    answer = await desk.ask("PATCH", f"/projects/{uuid}", json={"name": "new"}, by="write")
    assert (answer.status_code, answer.json()) == (201, {"uuid": uuid, "name": "new", "description": "text"})
    answer = await desk.ask("PATCH", f"/projects/{uuid}", json={"name": None, "description": None})
    assert (answer.status_code, answer.json()) == (201, {"uuid": uuid, "name": "new", "description": None})
    body = await _read(desk, uuid)
    assert (body["name"], body["description"]) == ("new", None)


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"name": ["This field is required."]}),
        ({"name": None}, {"name": ["Input should be a valid string."]}),
        ({"name": ""}, {"name": ["The name must have 1 to 255 characters, not only blanks."]}),
        ({"name": "x" * 10_000}, {"name": ["The name must have 1 to 255 characters, not only blanks."]}),
        ({"name": "a\nb"}, {"name": ["The name may not have line breaks or other control characters."]}),
        ({"name": "a", "team_id": 1}, {"team_id": ["This field is not allowed."]}),
    ],
)
@pytest.mark.parametrize("path", ["", "/{project}/environments"], ids=["project", "environment"])
async def test_bad_input_is_refused_and_leaves_nothing(
    desk: Desk, path: str, body: dict[str, Any], errors: dict[str, Any]
) -> None:
    before = await row_counts(desk.sessions)
    answer = await desk.ask("POST", f"/projects{path.format(project=desk.place.project.uuid)}", json=body)
    assert (answer.status_code, error_of(answer)) == (422, {"message": "Validation failed.", "errors": errors})
    assert await row_counts(desk.sessions) == before


@pytest.mark.parametrize("is_deleted", [False, True], ids=["alive", "being-deleted"])
async def test_what_has_resources_is_not_deleted(desk: Desk, is_deleted: bool) -> None:
    async with desk.sessions.begin() as session:
        service = await create_service(session, desk.place)
        service.deleted_at = service.created_at if is_deleted else None
    project = desk.place.project.uuid
    answer = await desk.ask("DELETE", f"/projects/{project}/environments/production", by="write")
    assert answer.status_code == 400
    assert error_of(answer) == {"message": "Environment has resources, so it cannot be deleted."}
    answer = await desk.ask("DELETE", f"/projects/{project}", by="write")
    assert answer.status_code == 400
    assert error_of(answer) == {"message": "Project has resources, so it cannot be deleted."}
    assert [one["name"] for one in await _read(desk, f"{project}/environments")] == ["production"]


async def test_an_empty_project_goes_with_its_environments(desk: Desk) -> None:
    uuid = await _create(desk)
    before = await row_counts(desk.sessions)
    await _add(desk, uuid, "staging")
    answer = await desk.ask("DELETE", f"/projects/{uuid}", by="write")
    assert (answer.status_code, answer.json()) == (200, {"message": "Project deleted."})
    assert error_of(await desk.ask("GET", f"/projects/{uuid}")) == NO_PROJECT
    after = await row_counts(desk.sessions)
    assert (after["projects"], after["environments"]) == (before["projects"] - 1, before["environments"] - 1)


async def test_an_environment_is_found_by_name_and_by_uuid(desk: Desk) -> None:
    project = desk.place.project.uuid
    uuid = await _add(desk, project, ODD)
    async with desk.sessions.begin() as session:
        service = await create_service(session, desk.place)
        database = await create_database(session, desk.place)
    by_uuid = await _read(desk, f"{project}/{uuid}")
    assert _without_times(dict(by_uuid)) == {
        "id": desk.place.environment.id + 1,
        "uuid": uuid,
        "name": ODD,
        "description": None,
        "project_uuid": project,
        **{name: [] for name in ("resources", "applications", "services", *LISTS)},
    }
    assert await _read(desk, f"{project}/{quote(ODD, safe='')}") == by_uuid
    production = await _read(desk, f"{project}/production")
    assert [production["services"], production["postgresqls"]] == [[row] for row in production["resources"]]
    assert [_without_times(row) for row in production["resources"]] == [
        {"uuid": service.uuid, "name": "shop", "type": "service", "status": "exited"},
        {"uuid": database.uuid, "name": "store", "type": "standalone-postgresql", "status": "exited"},
    ]


@pytest.mark.parametrize("name", ["stag/ing", "/", ".", "..", "environments", "envs"])
async def test_an_environment_that_no_address_would_lead_to_is_refused(desk: Desk, name: str) -> None:
    path = f"/projects/{desk.place.project.uuid}/environments"
    before = await row_counts(desk.sessions)
    for method, place in (("POST", path), ("PATCH", f"{path}/production")):
        answer = await desk.ask(method, place, json={"name": name})
        text = (
            "The name of an environment is part of its address: it may not have a slash, nor be `.`, `..`, "
            "`environments` or `envs`."
        )
        assert (answer.status_code, error_of(answer)) == (
            422,
            {"message": "Validation failed.", "errors": {"name": [text]}},
        )
    assert await row_counts(desk.sessions) == before
    assert (await _read(desk, f"{desk.place.project.uuid}/production"))["name"] == "production"


async def test_a_uuid_wins_over_an_environment_that_is_named_like_it(desk: Desk) -> None:
    project = desk.place.project.uuid
    named = await _add(desk, project, desk.place.environment.uuid)
    assert (await _read(desk, f"{project}/{desk.place.environment.uuid}"))["name"] == "production"
    assert (await _read(desk, f"{project}/{named}"))["name"] == desk.place.environment.uuid


async def test_names_are_unique_in_a_project(desk: Desk) -> None:
    project = desk.place.project.uuid
    taken = {"message": "Environment with this name already exists."}
    uuid = await _add(desk, project, "staging")
    answer = await desk.ask("POST", f"/projects/{project}/environments", json={"name": "production"})
    assert (answer.status_code, error_of(answer)) == (409, taken)
    answer = await desk.ask("PATCH", f"/projects/{project}/environments/{uuid}", json={"name": "production"})
    assert (answer.status_code, error_of(answer)) == (409, taken)
    assert await _add(desk, await _create(desk), "staging") != uuid


async def test_an_environment_is_changed_and_deleted(desk: Desk) -> None:
    project = desk.place.project.uuid
    uuid = await _add(desk, project, "staging")
    path = f"/projects/{project}/environments"
    answer = await desk.ask("PATCH", f"{path}/staging", json={"name": "test", "description": "x"}, by="write")
    assert (answer.status_code, answer.json()) == (200, {"uuid": uuid, "name": "test", "description": "x"})
    answer = await desk.ask("DELETE", f"{path}/{uuid}", by="write")
    assert (answer.status_code, answer.json()) == (200, {"message": "Environment deleted."})
    answer = await desk.ask("DELETE", f"{path}/test")
    assert (answer.status_code, error_of(answer)) == (404, NO_ENVIRONMENT)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"name": "mine"}),
        ("DELETE", "", None),
        ("GET", "/environments", None),
        ("POST", "/environments", {"name": "mine"}),
        ("GET", "/production", None),
        ("PATCH", "/environments/production", {"name": "mine"}),
        ("DELETE", "/environments/production", None),
    ],
)
async def test_another_teams_project_is_an_unknown_one(desk: Desk, method: str, path: str, body: Any) -> None:
    before = await row_counts(desk.sessions)
    for caller, uuid in (("other", desk.place.project.uuid), ("root", UNKNOWN_UUID)):
        answer = await desk.ask(method, f"/projects/{uuid}{path}", by=caller, json=body)
        assert (answer.status_code, error_of(answer)) == (404, NO_PROJECT)
    assert await row_counts(desk.sessions) == before
    assert (await _read(desk, desk.place.project.uuid))["name"] == "project"


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("PATCH", "/environments"), ("DELETE", "/environments")])
async def test_an_environment_of_another_project_is_an_unknown_one(desk: Desk, method: str, path: str) -> None:
    other = await _create(desk)
    for asked in (desk.place.environment.uuid, "staging", UNKNOWN_UUID):
        answer = await desk.ask(method, f"/projects/{other}{path}/{asked}", json={"name": "x"})
        assert (answer.status_code, error_of(answer)) == (404, NO_ENVIRONMENT)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ""),
        ("PATCH", "/x"),
        ("DELETE", "/x"),
        ("POST", "/x/environments"),
        ("PATCH", "/x/environments/y"),
        ("DELETE", "/x/environments/y"),
    ],
)
async def test_changes_need_write(desk: Desk, method: str, path: str) -> None:
    answer = await desk.ask(method, f"/projects{path}", by="read", json={"name": "x"})
    assert (answer.status_code, error_of(answer)) == (403, {"message": "Missing required permissions: write"})
