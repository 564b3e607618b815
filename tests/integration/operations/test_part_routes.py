"""Parts of a service over the API: what is asked for, what is refused, and what they are called."""

import pytest

from app.compose_services.parts import uuid_of
from tests.deploying import create_service
from tests.desk import Desk, error_of, row_counts

_COMPOSE = "services:\n  web:\n    image: shop:1\n  db:\n    image: postgres:17\n"


async def _paths(desk: Desk) -> tuple[str, str]:
    """Return the paths of an application and of a database of a service that runs."""
    async with desk.sessions.begin() as session:
        service = await create_service(session, desk.place, docker_compose_raw=_COMPOSE, status="running:healthy")
    path = f"/services/{service.uuid}"
    return f"{path}/applications/{uuid_of(service.uuid, 'web')}", f"{path}/databases/{uuid_of(service.uuid, 'db')}"


async def test_an_operation_on_a_part_is_queued_and_another_one_is_refused_meanwhile(desk: Desk) -> None:
    application, database = await _paths(desk)
    asked = await desk.ask("POST", f"{application}/restart", by="deploy")
    uuid = asked.json()["operation_uuid"]
    message = "Service application restart request queued."
    assert (asked.status_code, asked.json()) == (200, {"message": message, "operation_uuid": uuid})
    operation = (await desk.ask("GET", f"/operations/{uuid}", by="read")).json()
    assert (operation["kind"], operation["status"], operation["options"]) == (
        "restart-part",
        "queued",
        {"part": "web"},
    )
    assert (await desk.ask("POST", f"{application}/restart")).json() == asked.json()
    service = application.partition("/applications")[0]
    for method, path in [
        ("POST", f"{application}/stop"),
        ("POST", f"{database}/restart"),
        ("POST", f"{service}/stop"),
        ("DELETE", service),
    ]:
        refused = await desk.ask(method, path)
        assert (refused.status_code, refused.json()["operation_uuid"]) == (409, uuid)
    await desk.ask("POST", f"/operations/{uuid}/cancel")
    for verb, word in {"stop": "stop", "start": "deploy", "restart": "restart"}.items():
        answer = await desk.ask("POST", f"{database}/{verb}")
        assert (answer.status_code, answer.json()["message"]) == (200, f"Service database {word} request queued.")
        await desk.ask("POST", f"/operations/{answer.json()['operation_uuid']}/cancel")


@pytest.mark.parametrize("option", ["latest", "force"])
async def test_a_start_of_a_part_pulls_and_builds_nothing(desk: Desk, option: str) -> None:
    before = await row_counts(desk.sessions)
    for path in await _paths(desk):
        answer = await desk.ask("POST", f"{path}/start", params={option: "true"})
        assert (answer.status_code, "POST /deploy with force=true" in answer.json()["message"]) == (400, True)
    assert (await row_counts(desk.sessions))["resource_operations"] == before["resource_operations"]


async def test_parts_are_called_what_people_call_them_and_everything_else_stands_in_the_compose_file(
    desk: Desk,
) -> None:
    for path in await _paths(desk):
        changed = (await desk.ask("PATCH", path, json={"human_name": "Window", "description": "sells"})).json()
        assert (changed["human_name"], changed["description"]) == ("Window", "sells")
        changed = (await desk.ask("PATCH", path, json={"description": None}, by="write")).json()
        assert (changed["human_name"], changed["description"]) == ("Window", None)
        assert (await desk.ask("GET", path)).json() == changed
        refused = await desk.ask("PATCH", path, json={"image": "shop:2"})
        errors = {"image": ["This field is not allowed."]}
        assert (refused.status_code, error_of(refused)) == (422, {"message": "Validation failed.", "errors": errors})
