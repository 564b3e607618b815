"""The `/envs` routes of teams, projects, environments and servers: what they answer, whose variables they touch."""

from typing import Any

import pytest

from tests.desk import UNKNOWN_UUID, Desk, error_of, in_base64

SCOPES = {
    "team": "/team/envs",
    "project": "/projects/{project}/envs",
    "environment": "/projects/{project}/environments/production/envs",
    "server": "/servers/{server}/envs",
}
by_scope = pytest.mark.parametrize("scope", SCOPES)


def path_of(desk: Desk, scope: str) -> str:
    return SCOPES[scope].format(project=desk.place.project.uuid, server=desk.place.server.uuid)


async def _create(desk: Desk, scope: str, **fields: Any) -> dict[str, Any]:
    answer = await desk.ask("POST", path_of(desk, scope), json={"key": "X", "value": f"{scope}-x", **fields})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


@by_scope
async def test_a_variable_is_created_listed_changed_and_deleted(desk: Desk, scope: str) -> None:
    path = path_of(desk, scope)
    created = await _create(desk, scope, comment="why")
    assert (created["key"], created["value"], created["comment"]) == ("X", f"{scope}-x", "why")
    assert (await desk.ask("GET", path, by="sensitive")).json() == [created]
    assert "value" not in (await desk.ask("GET", path, by="read")).json()[0]

    one = f"{path}/{created['uuid']}"
    changed = await desk.ask("PATCH", one, json={"value": "new", "is_shown_once": True}, by="write")
    assert (changed.status_code, changed.json()["is_shown_once"]) == (200, True)
    refused = await desk.ask("PATCH", one, json={"is_shown_once": False})
    text = "A locked variable can only be unlocked together with a new value."
    assert (refused.status_code, error_of(refused)["errors"]) == (422, {"is_shown_once": [text]})

    deleted = await desk.ask("DELETE", one, by="write")
    assert (deleted.status_code, deleted.json()) == (200, {"message": "Environment variable deleted."})
    for method in ("PATCH", "DELETE"):
        gone = await desk.ask(method, one, json={} if method == "PATCH" else None)
        assert (gone.status_code, error_of(gone)) == (404, {"message": "Environment variable not found."})


async def test_each_scope_has_keys_of_its_own(desk: Desk) -> None:
    uuids = {scope: (await _create(desk, scope))["uuid"] for scope in SCOPES}
    message = "Environment variable already exists. Use PATCH request to update it."
    for scope, uuid in uuids.items():
        again = await desk.ask("POST", path_of(desk, scope), json={"key": "X"})
        assert (again.status_code, error_of(again)) == (409, {"message": message})
        assert [one["uuid"] for one in (await desk.ask("GET", path_of(desk, scope))).json()] == [uuid]
        elsewhere = await desk.ask("DELETE", f"{path_of(desk, next(o for o in SCOPES if o != scope))}/{uuid}")
        assert elsewhere.status_code == 404
    await _create(desk, "team", key="Y")
    renamed = await desk.ask("PATCH", f"{SCOPES['team']}/{uuids['team']}", json={"key": "Y"})
    assert (renamed.status_code, error_of(renamed)) == (409, {"message": message})


@by_scope
async def test_another_team_sees_nothing(desk: Desk, scope: str) -> None:
    await _create(desk, scope)
    for method, body in (("GET", None), ("POST", {"key": "Z"})):
        answer = await desk.ask(method, path_of(desk, scope), json=body, by="other")
        if scope == "team":
            assert answer.status_code == (200 if method == "GET" else 201)
            assert "team-x" not in answer.text
        else:
            noun = "Project" if scope == "environment" else scope.capitalize()
            assert (answer.status_code, error_of(answer)) == (404, {"message": f"{noun} not found."})
    assert len((await desk.ask("GET", path_of(desk, scope))).json()) == 1


@by_scope
async def test_a_token_without_the_ability_is_refused(desk: Desk, scope: str) -> None:
    path = path_of(desk, scope)
    for method, where, by, needed in (
        ("GET", path, "deploy", "read"),
        ("POST", path, "read", "write"),
        ("PATCH", f"{path}/{UNKNOWN_UUID}", "read", "write"),
        ("DELETE", f"{path}/{UNKNOWN_UUID}", "sensitive", "write"),
    ):
        answer = await desk.ask(method, where, json={"key": "A"} if method in {"POST", "PATCH"} else None, by=by)
        assert (answer.status_code, error_of(answer)) == (403, {"message": f"Missing required permissions: {needed}"})


async def test_an_undefined_reference_is_refused_at_the_start_by_its_name(desk: Desk) -> None:
    body = desk.of_resource(docker_compose_raw=in_base64("services: {web: {image: a}}"))
    service = f"/services/{(await desk.ask('POST', '/services', json=body)).json()['uuid']}"
    await desk.ask("POST", f"{service}/envs", json={"key": "URL", "value": "{{team.X}}/{{server.Y}}"})
    await _create(desk, "team")
    for path in (f"{service}/start", f"/deploy?uuid={service.removeprefix('/services/')}"):
        refused = await desk.ask("POST", path)
        errors = {"URL": ["The shared variable {{server.Y}} is not defined."]}
        assert (refused.status_code, error_of(refused)["errors"]) == (422, errors)
    await _create(desk, "server", key="Y")
    assert (await desk.ask("POST", f"{service}/start")).status_code == 200
