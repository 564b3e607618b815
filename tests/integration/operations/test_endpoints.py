"""Stop and delete over the API: what is asked for, what is refused, and what a worker is told."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import select, text

from app.deployments.claim import claim_next
from app.deployments.kinds import KINDS, SERVICE, Kind
from app.models import ResourceOperation
from app.models.service import Service
from app.models.standalone.columns import StandaloneMixin
from app.operations.repository import RESOURCE_MODELS
from app.redis import QUEUE_NAME
from tests.deploying import create_deployment, create_resource
from tests.desk import UNKNOWN_UUID, Desk, error_of, row_counts

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


async def _resource(desk: Desk, kind: Kind, **columns: Any) -> Service | StandaloneMixin:
    async with desk.sessions.begin() as session:
        return await create_resource(session, desk.place, kind, **columns)


async def _operation(desk: Desk, uuid: str) -> dict[str, Any]:
    body: dict[str, Any] = (await desk.ask("GET", f"/operations/{uuid}", by="sensitive")).json()
    return body


@by_kind
async def test_a_stop_is_queued_and_can_be_read(desk: Desk, kind: Kind, redis_url: str) -> None:
    resource = await _resource(desk, kind, status="running:healthy")
    answer = await desk.ask("POST", f"/{kind.name}s/{resource.uuid}/stop", by="deploy")
    uuid = answer.json()["operation_uuid"]
    message = f"{kind.name.capitalize()} stopping request queued."
    assert (answer.status_code, answer.json()) == (200, {"message": message, "operation_uuid": uuid})

    operation = await _operation(desk, uuid)
    assert operation.pop("created_at").endswith("Z")
    assert operation.pop("updated_at").endswith("Z")
    assert operation == {
        "uuid": uuid,
        "kind": "stop",
        "status": "queued",
        "resource_type": resource.resource_type,
        "resource_uuid": resource.uuid,
        "resource_name": resource.name,
        "options": {"docker_cleanup": True},
        "requested_by": "Ada",
        "request_id": answer.headers["x-request-id"],
        "failure_reason": None,
        "logs": "[]",
        "retry_at": None,
        "started_at": None,
        "finished_at": None,
    }
    without_logs = (await desk.ask("GET", f"/operations/{uuid}", by="read")).json()
    assert "logs" not in without_logs
    redis = Redis.from_url(redis_url)
    assert await redis.zcard(QUEUE_NAME) == 1
    await redis.aclose()


@by_kind
async def test_a_delete_is_queued_and_hides_the_resource(desk: Desk, kind: Kind, redis_url: str) -> None:
    resource = await _resource(desk, kind)
    path = f"/{kind.name}s/{resource.uuid}"
    answer = await desk.ask("DELETE", path, params={"delete_volumes": "false", "docker_cleanup": "0"}, by="write")
    uuid = answer.json()["operation_uuid"]
    message = f"{kind.name.capitalize()} deletion request queued."
    assert (answer.status_code, answer.json()) == (200, {"message": message, "operation_uuid": uuid})

    operation = await _operation(desk, uuid)
    assert (operation["kind"], operation["status"]) == ("delete", "queued")
    assert operation["options"] == {
        "force": False,
        "delete_volumes": False,
        "delete_connected_networks": True,
        "delete_configurations": True,
        "docker_cleanup": False,
    }
    assert (await desk.ask("GET", path)).status_code == 404
    assert (await desk.ask("GET", f"/{kind.name}s")).json() == []
    assert (await desk.ask("DELETE", path)).status_code == 404
    assert (await desk.ask("POST", f"{path}/start")).status_code == 404
    redis = Redis.from_url(redis_url)
    assert await redis.zcard(QUEUE_NAME) == 1
    await redis.aclose()


@by_kind
@pytest.mark.parametrize("status", ["exited", "exited:unhealthy", "stopped"])
async def test_what_is_stopped_is_not_stopped_again(desk: Desk, kind: Kind, status: str) -> None:
    resource = await _resource(desk, kind, status=status)
    before = await row_counts(desk.sessions)
    answer = await desk.ask("POST", f"/{kind.name}s/{resource.uuid}/stop")
    message = f"{kind.name.capitalize()} is already stopped."
    assert (answer.status_code, error_of(answer)) == (400, {"message": message})
    assert await row_counts(desk.sessions) == before


@by_kind
async def test_what_runs_is_not_started_again(desk: Desk, kind: Kind) -> None:
    resource = await _resource(desk, kind, status="running:unhealthy")
    before = await row_counts(desk.sessions)
    answer = await desk.ask("POST", f"/{kind.name}s/{resource.uuid}/start")
    message = f"{kind.name.capitalize()} is already running."
    assert (answer.status_code, error_of(answer)) == (400, {"message": message})
    assert await row_counts(desk.sessions) == before


@by_kind
async def test_a_status_older_than_the_last_start_does_not_refuse_a_stop(desk: Desk, kind: Kind) -> None:
    resource = await _resource(desk, kind)
    async with desk.sessions.begin() as session:
        await create_deployment(session, desk.place, resource, status="failed")
        await session.execute(text(f"UPDATE {kind.table} SET started_at = now()"))
    assert (await desk.ask("POST", f"/{kind.name}s/{resource.uuid}/stop")).status_code == 200


@by_kind
async def test_a_status_younger_than_the_last_start_refuses_a_stop(desk: Desk, kind: Kind) -> None:
    resource = await _resource(desk, kind)
    async with desk.sessions.begin() as session:
        await create_deployment(session, desk.place, resource, status="finished")
        await session.execute(text(f"UPDATE {kind.table} SET started_at = now() - interval '1 second'"))
        await session.execute(
            text(f"UPDATE {RESOURCE_MODELS[resource.resource_type].__tablename__} SET status_at = now()")
        )
    assert (await desk.ask("POST", f"/{kind.name}s/{resource.uuid}/stop")).status_code == 400


@by_kind
async def test_a_second_stop_is_the_first_one(desk: Desk, kind: Kind) -> None:
    resource = await _resource(desk, kind, status="running:healthy")
    path = f"/{kind.name}s/{resource.uuid}/stop"
    answers = await asyncio.gather(*(desk.ask("POST", path) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.json()["operation_uuid"] for answer in answers}) == 1
    assert (await row_counts(desk.sessions))["resource_operations"] == 1


@by_kind
async def test_a_delete_waits_for_the_stop(desk: Desk, kind: Kind) -> None:
    resource = await _resource(desk, kind, status="running:healthy")
    path = f"/{kind.name}s/{resource.uuid}"
    stop = (await desk.ask("POST", f"{path}/stop")).json()["operation_uuid"]
    answer = await desk.ask("DELETE", path)
    noun = kind.name.capitalize()
    assert (answer.status_code, error_of(answer)) == (
        409,
        {"message": f"{noun} is being stopped. Ask again when operation {stop} has ended.", "operation_uuid": stop},
    )
    assert (await desk.ask("GET", path)).status_code == 200


@by_kind
@pytest.mark.parametrize("status", ["queued", "in_progress"])
@pytest.mark.parametrize(("method", "action"), [("POST", "/stop"), ("DELETE", "")])
async def test_what_is_being_deployed_is_neither_stopped_nor_deleted(
    desk: Desk, kind: Kind, status: str, method: str, action: str
) -> None:
    resource = await _resource(desk, kind, status="running:healthy")
    async with desk.sessions.begin() as session:
        row = await create_deployment(session, desk.place, resource, status=status)
    before = await row_counts(desk.sessions)
    answer = await desk.ask(method, f"/{kind.name}s/{resource.uuid}{action}")
    noun, uuid = kind.name.capitalize(), row.deployment_uuid
    message = f"{noun} is being deployed. Cancel deployment {uuid} or wait for its end, then ask again."
    assert (answer.status_code, error_of(answer)) == (409, {"message": message, "deployment_uuid": uuid})
    assert await row_counts(desk.sessions) == before
    assert (await desk.ask("GET", f"/{kind.name}s/{resource.uuid}")).status_code == 200


@by_kind
async def test_a_start_asked_for_during_a_stop_waits_for_it(desk: Desk, kind: Kind) -> None:
    resource = await _resource(desk, kind, status="running:healthy")
    path = f"/{kind.name}s/{resource.uuid}"
    await desk.ask("POST", f"{path}/stop")
    assert (await desk.ask("POST", f"{path}/restart")).status_code == 200
    server_id = desk.place.server.id
    assert await claim_next(desk.sessions, server_id, "worker", 30) is None
    async with desk.sessions.begin() as session:
        await session.execute(text("UPDATE resource_operations SET status = 'finished'"))
    claimed = await claim_next(desk.sessions, server_id, "worker", 30)
    assert claimed is not None
    assert claimed.kind is kind


@by_kind
async def test_of_a_start_and_a_delete_at_once_one_sees_the_other(desk: Desk, kind: Kind) -> None:
    for _ in range(5):
        resource = await _resource(desk, kind)
        path = f"/{kind.name}s/{resource.uuid}"
        start, delete = await asyncio.gather(desk.ask("POST", f"{path}/start"), desk.ask("DELETE", path))
        if delete.status_code == 409:
            assert start.status_code == 200
            assert error_of(delete)["deployment_uuid"] == start.json()["deployment_uuid"]
        else:
            # The start came later: refused, or waiting behind the delete, which takes its row along.
            assert (delete.status_code, start.status_code in {200, 404}) == (200, True)


@by_kind
async def test_a_delete_that_is_taken_back_leaves_the_resource(desk: Desk, kind: Kind) -> None:
    resource = await _resource(desk, kind, status="running:healthy")
    path = f"/{kind.name}s/{resource.uuid}"
    stop = (await desk.ask("POST", f"{path}/stop")).json()["operation_uuid"]
    await desk.ask("POST", f"/operations/{stop}/cancel")
    delete = (await desk.ask("DELETE", path)).json()["operation_uuid"]
    assert (await desk.ask("GET", path)).status_code == 404

    answer = await desk.ask("POST", f"/operations/{delete}/cancel", by="deploy")

    assert (answer.status_code, answer.json()) == (200, {"message": "Operation cancelled.", "operation_uuid": delete})
    assert (await desk.ask("GET", path)).status_code == 200
    listed = (await desk.ask("GET", "/operations", params={"resource_uuid": resource.uuid}, by="read")).json()
    assert [(one["uuid"], one["kind"], one["status"], one["failure_reason"]) for one in listed] == [
        (delete, "delete", "failed", "Cancelled by Ada."),
        (stop, "stop", "failed", "Cancelled by Ada."),
    ]
    assert all("logs" not in one for one in listed)
    page = await desk.ask("GET", "/operations", params={"resource_uuid": resource.uuid, "skip": 1, "take": 1})
    assert [one["uuid"] for one in page.json()] == [stop]
    again = await desk.ask("POST", f"/operations/{delete}/cancel")
    message = "Operation cannot be cancelled. Current status: failed"
    assert (again.status_code, error_of(again)) == (400, {"message": message})


ROUTES = [("POST", "/{kind}s/{uuid}/stop"), ("DELETE", "/{kind}s/{uuid}")]


@by_kind
@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_another_teams_resource_answers_like_an_unknown_one(
    desk: Desk, kind: Kind, method: str, path: str
) -> None:
    resource = await _resource(desk, kind, status="running:healthy")
    before = await row_counts(desk.sessions)
    body = {"message": f"{kind.name.capitalize()} not found."}
    theirs = await desk.ask(method, path.format(kind=kind.name, uuid=resource.uuid), by="other")
    unknown = await desk.ask(method, path.format(kind=kind.name, uuid=UNKNOWN_UUID))
    assert (theirs.status_code, error_of(theirs)) == (404, body)
    assert (unknown.status_code, error_of(unknown)) == (404, body)
    assert await row_counts(desk.sessions) == before
    assert (await desk.ask("GET", f"/{kind.name}s/{resource.uuid}")).status_code == 200


async def test_another_teams_operation_answers_like_an_unknown_one(desk: Desk) -> None:
    resource = await _resource(desk, SERVICE)
    uuid = (await desk.ask("DELETE", f"/services/{resource.uuid}")).json()["operation_uuid"]
    for answer in (
        await desk.ask("GET", f"/operations/{uuid}", by="other"),
        await desk.ask("GET", f"/operations/{UNKNOWN_UUID}"),
        await desk.ask("POST", f"/operations/{uuid}/cancel", by="other"),
        await desk.ask("POST", f"/operations/{UNKNOWN_UUID}/cancel"),
    ):
        assert (answer.status_code, error_of(answer)) == (404, {"message": "Operation not found."})
    theirs = await desk.ask("GET", "/operations", params={"resource_uuid": resource.uuid}, by="other")
    assert (theirs.status_code, theirs.json()) == (200, [])


@pytest.mark.parametrize(
    ("method", "path", "by", "needed"),
    [
        ("POST", "/services/{uuid}/stop", "write", "deploy"),
        ("POST", "/databases/{uuid}/stop", "read", "deploy"),
        ("DELETE", "/services/{uuid}", "deploy", "write"),
        ("DELETE", "/databases/{uuid}", "sensitive", "write"),
        ("GET", "/operations/{uuid}", "write", "read"),
        ("GET", "/operations?resource_uuid={uuid}", "deploy", "read"),
        ("POST", "/operations/{uuid}/cancel", "write", "deploy"),
    ],
)
async def test_a_token_without_the_ability_is_refused(desk: Desk, method: str, path: str, by: str, needed: str) -> None:
    answer = await desk.ask(method, path.format(uuid=UNKNOWN_UUID), by=by)
    assert (answer.status_code, error_of(answer)) == (403, {"message": f"Missing required permissions: {needed}"})
    answer = await desk.ask(method, path.format(uuid=UNKNOWN_UUID), by=None)
    assert (answer.status_code, error_of(answer)) == (401, {"message": "Unauthenticated."})


async def test_a_flag_that_is_none_is_refused(desk: Desk) -> None:
    resource = await _resource(desk, SERVICE)
    answer = await desk.ask("DELETE", f"/services/{resource.uuid}", params={"delete_volumes": "perhaps"})
    errors = {"delete_volumes": ["Input should be a valid boolean, unable to interpret input."]}
    assert (answer.status_code, error_of(answer)) == (422, {"message": "Validation failed.", "errors": errors})
    async with desk.sessions() as session:
        assert (await session.execute(select(ResourceOperation))).all() == []
