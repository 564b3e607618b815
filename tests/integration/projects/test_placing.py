"""Where a new resource goes, and every way in which it can go nowhere."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from app.errors import AppError
from app.kit.clock import utcnow
from app.models import Environment, Server, ServerSetting, StandaloneDocker
from app.postgres import Sessions
from app.projects.placing import place_resource
from app.servers.repository import ServerRepository
from tests.deploying import Place, create_place
from tests.desk import UNKNOWN_UUID


def _where(place: Place, **changes: str | None) -> dict[str, Any]:
    return {
        "project_uuid": place.project.uuid,
        "environment_name": "production",
        "environment_uuid": None,
        "server_uuid": place.server.uuid,
        "destination_uuid": None,
        **changes,
    }


@pytest.fixture
async def place(sessions: Sessions) -> Place:
    async with sessions.begin() as session:
        return await create_place(session)


@pytest.mark.parametrize("by", ["name", "uuid", "both"])
async def test_an_environment_is_named_or_told_by_uuid(sessions: Sessions, place: Place, by: str) -> None:
    given = {
        "environment_name": None if by == "uuid" else "production",
        "environment_uuid": None if by == "name" else place.environment.uuid,
    }
    async with sessions() as session:
        found = await place_resource(session, place.team.id, **_where(place, **given))
    assert (found.environment.id, found.server.id) == (place.environment.id, place.server.id)
    assert found.destination.id == place.destination.id


async def _refusal(sessions: Sessions, team_id: int, **where: Any) -> tuple[int, dict[str, Any]]:
    async with sessions() as session:
        with pytest.raises(AppError) as refused:
            await place_resource(session, team_id, **where)
    return refused.value.status_code, refused.value.body()


ONE_OF_THEM = ["You need to provide at least one of environment_name or environment_uuid."]


@pytest.mark.parametrize(
    ("changes", "status", "body"),
    [
        ({"project_uuid": UNKNOWN_UUID}, 404, {"message": "Project not found."}),
        ({"environment_name": "staging"}, 404, {"message": "Environment not found."}),
        ({"environment_uuid": UNKNOWN_UUID}, 404, {"message": "Environment not found."}),
        ({"server_uuid": UNKNOWN_UUID}, 404, {"message": "Server not found."}),
        (
            {"environment_name": None},
            422,
            {
                "message": "Validation failed.",
                "errors": {"environment_name": ONE_OF_THEM, "environment_uuid": ONE_OF_THEM},
            },
        ),
        (
            {"destination_uuid": UNKNOWN_UUID},
            422,
            {
                "message": "Validation failed.",
                "errors": {"destination_uuid": ["Provided destination_uuid does not belong to the specified server."]},
            },
        ),
    ],
)
async def test_what_is_not_there_is_refused(
    sessions: Sessions, place: Place, changes: dict[str, Any], status: int, body: dict[str, Any]
) -> None:
    assert await _refusal(sessions, place.team.id, **_where(place, **changes)) == (status, body)


async def test_what_another_team_has_is_not_there(sessions: Sessions, place: Place) -> None:
    async with sessions.begin() as session:
        other = await create_place(session)
    no_project = (404, {"message": "Project not found."})
    assert await _refusal(sessions, other.team.id, **_where(place)) == no_project
    no_server = (404, {"message": "Server not found."})
    assert await _refusal(sessions, place.team.id, **_where(place, server_uuid=other.server.uuid)) == no_server
    theirs = _where(place, environment_name=None, environment_uuid=other.environment.uuid)
    assert await _refusal(sessions, place.team.id, **theirs) == (404, {"message": "Environment not found."})
    status, _ = await _refusal(sessions, place.team.id, **_where(place, destination_uuid=other.destination.uuid))
    assert status == 422


async def test_a_destination_is_needed_where_there_are_several(sessions: Sessions, place: Place) -> None:
    async with sessions.begin() as session:
        second = StandaloneDocker(server_id=place.server.id, name="second", network="second")
        session.add(second)
    message = "Server has multiple destinations and you do not set destination_uuid."
    assert await _refusal(sessions, place.team.id, **_where(place)) == (400, {"message": message})
    async with sessions() as session:
        found = await place_resource(session, place.team.id, **_where(place, destination_uuid=second.uuid))
    assert found.destination.id == second.id


async def test_a_server_without_a_destination_takes_nothing(sessions: Sessions, place: Place) -> None:
    async with sessions.begin() as session:
        await session.delete(await session.get_one(StandaloneDocker, place.destination.id))
    assert await _refusal(sessions, place.team.id, **_where(place)) == (400, {"message": "Server has no destinations."})


async def test_a_build_server_hosts_nothing(sessions: Sessions, place: Place) -> None:
    async with sessions.begin() as session:
        settings = await session.get_one(ServerSetting, 1)
        settings.is_build_server = True
    status, body = await _refusal(sessions, place.team.id, **_where(place))
    assert (status, body["errors"].keys()) == (422, {"server_uuid"})


async def _until_one_waits(sessions: Sessions) -> None:
    """Return when a statement waits for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with sessions() as session, asyncio.timeout(30):
        while not (await session.execute(waiting)).scalar_one():
            await session.rollback()
            await asyncio.sleep(0.01)


async def test_a_server_that_is_being_deleted_takes_nothing(sessions: Sessions, place: Place) -> None:
    async with sessions() as deleting:
        server = await ServerRepository(deleting).get(place.team.id, place.server.uuid, for_update=True)
        assert server is not None
        server.deleted_at = utcnow()
        await deleting.flush()
        placing = asyncio.create_task(_refusal(sessions, place.team.id, **_where(place)))
        await _until_one_waits(sessions)
        await deleting.commit()
        assert await placing == (404, {"message": "Server not found."})


async def test_neither_server_nor_environment_can_go_meanwhile(sessions: Sessions, place: Place) -> None:
    async with sessions() as session:
        await place_resource(session, place.team.id, **_where(place))
        async with sessions() as other:
            for model, row in ((Server, place.server), (Environment, place.environment)):
                locked = await other.get(model, row.id, with_for_update={"skip_locked": True})
                assert locked is None
                await other.rollback()
