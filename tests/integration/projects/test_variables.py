"""Shared variables put into a resource's own."""

from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from app.deployments.kinds import Kind
from app.deployments.snapshots import placement_of, snapshot_of_service
from app.errors import ValidationFailed
from app.models import EnvironmentVariable, Service, SharedEnvironmentVariable
from app.models.standalone import StandaloneMixin
from app.postgres import Sessions
from app.projects.variables import resolved_variables
from tests.deploying import KINDS, Place, create_place, create_resource, create_service


async def _share(session: AsyncSession, place: Place, scope: str, key: str, value: str | None, **columns: Any) -> None:
    owner = {
        "team": {},
        "project": {"project_id": place.project.id},
        "environment": {"environment_id": place.environment.id},
        "server": {"server_id": place.server.id},
    }[scope]
    session.add(SharedEnvironmentVariable(team_id=place.team.id, type=scope, key=key, value=value, **owner, **columns))
    await session.flush()


async def _set(
    session: AsyncSession,
    place: Place,
    resource: Service | StandaloneMixin,
    key: str,
    value: str | None,
    **columns: Any,
) -> None:
    session.add(
        EnvironmentVariable(
            team_id=place.team.id,
            resource_type=resource.resource_type,
            resource_id=resource.id,
            key=key,
            value=value,
            **columns,
        )
    )
    await session.flush()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_every_scope_is_resolved_in_the_order_of_making(sessions: Sessions, kind: Kind) -> None:
    async with sessions() as session:
        place = await create_place(session)
        resource = await create_resource(session, place, kind)
        for scope in ("team", "project", "environment", "server"):
            await _share(session, place, scope, "X", f"{scope}-x")
        await _set(
            session, place, resource, "Z", "{{team.X}} {{ project.X }}|{{environment.X}}|{{server.X}}|{{team.X}}"
        )
        await _set(session, place, resource, "EMPTY", None)
        await _set(session, place, resource, "A", "{{other.X}} {{team}} {team.X} $X", is_literal=True)
        resolved = await resolved_variables(session, resource)
    assert [(one.key, one.value, one.is_literal, one.is_shown_once) for one in resolved] == [
        ("Z", "team-x project-x|environment-x|server-x|team-x", False, False),
        ("EMPTY", "", False, False),
        ("A", "{{other.X}} {{team}} {team.X} $X", True, False),
    ]


async def test_variables_of_others_are_not_seen(sessions: Sessions) -> None:
    async with sessions() as session:
        place, other = await create_place(session), await create_place(session)
        service = await create_service(session, place)
        for scope in ("team", "project", "environment", "server"):
            await _share(session, other, scope, "X", "theirs")
        await _set(session, place, service, "A", "{{team.X}}{{project.X}}{{team.X}}")
        await _set(session, place, service, "B", "{{environment.X}}{{server.X}}")
        await _set(session, place, service, "C", "plain")
        with pytest.raises(ValidationFailed) as refused:
            await resolved_variables(session, service)
    assert refused.value.fields["errors"] == {
        "A": [
            "The shared variable {{team.X}} is not defined.",
            "The shared variable {{project.X}} is not defined.",
        ],
        "B": [
            "The shared variable {{environment.X}} is not defined.",
            "The shared variable {{server.X}} is not defined.",
        ],
    }


async def test_a_locked_shared_value_locks_what_holds_it(sessions: Sessions) -> None:
    async with sessions() as session:
        place = await create_place(session)
        service = await create_service(session, place)
        await _share(session, place, "team", "PASSWORD", "hunter22", is_shown_once=True)
        await _share(session, place, "team", "HOST", "db", is_multiline=True)
        await _set(session, place, service, "URL", "postgres://u:{{team.PASSWORD}}@{{team.HOST}}/x")
        await _set(session, place, service, "HOST", "{{team.HOST}}")
        url, host = await resolved_variables(session, service)
        placement = await placement_of(session, service)
        snapshot = await snapshot_of_service(
            session, service, placement, pull_latest_images=False, stop_before_start=False
        )
    assert (url.value, url.is_shown_once, url.is_multiline) == ("postgres://u:hunter22@db/x", True, True)
    assert (host.value, host.is_shown_once) == ("db", False)
    assert "hunter22" not in repr(url)
    assert snapshot["secrets"] == ["hunter22", "postgres://u:hunter22@db/x"]


async def test_a_reference_inside_a_shared_value_is_text(sessions: Sessions) -> None:
    async with sessions() as session:
        place = await create_place(session)
        service = await create_service(session, place)
        await _share(session, place, "team", "A", "{{team.B}}\\1")
        await _set(session, place, service, "A", "{{team.A}}")
        (variable,) = await resolved_variables(session, service)
    assert variable.value == "{{team.B}}\\1"


async def test_any_number_of_references_is_one_statement_more(sessions: Sessions) -> None:
    async with sessions() as session:
        place = await create_place(session)
        service = await create_service(session, place)
        for number in range(20):
            await _share(session, place, "team", f"X{number}", str(number))
            await _set(session, place, service, f"Y{number}", f"{{{{team.X{number}}}}}")
        connection = (await session.connection()).sync_connection
        statements: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda *given: statements.append(given[2]))
        resolved = await resolved_variables(session, service)
    assert [variable.value for variable in resolved] == [str(number) for number in range(20)]
    assert len(statements) == 2
