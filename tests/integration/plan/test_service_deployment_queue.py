"""The plan's ServiceDeploymentQueueTest, for both kinds where it says «repeat for»."""

import pytest

from app.deployments.kinds import SERVICE, Kind
from app.kit.redaction import REDACTED
from app.models.deployment_status import IllegalTransition
from app.postgres import Sessions
from tests.deploying import (
    KINDS,
    create_deployment,
    create_place,
    create_resource,
    create_service,
    fresh,
    lock_variable,
    row_of,
)

ENTRY_KEYS = {"command", "output", "type", "timestamp", "hidden", "batch", "order"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_can_add_log_entries_with_proper_structure(sessions: Sessions, kind: Kind) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        row = await create_deployment(session, place, await create_resource(session, place, kind))
        await row.add_log_entry("Test message", "stdout", False)
    async with fresh(sessions, row) as stored:
        (entry,) = await stored.log_entries()
    assert set(entry) == ENTRY_KEYS
    assert (entry["output"], entry["type"], entry["order"]) == ("Test message", "stdout", 1)
    assert entry["timestamp"].endswith("Z")


async def test_redacts_sensitive_environment_variables_in_logs(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        service = await create_service(session, place)
        await lock_variable(session, place, service, "super-secret-value")
        row = await create_deployment(session, place, service)
        await row.add_log_entry("Deploying with super-secret-value in logs", "stdout")
    async with fresh(sessions, row) as stored:
        (entry,) = await stored.log_entries()
    assert entry["output"] == f"Deploying with {REDACTED} in logs"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_sets_status_correctly(sessions: Sessions, kind: Kind) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        row = await create_deployment(session, place, await create_resource(session, place, kind), status="queued")
    async with sessions.begin() as session:
        row = await row_of(session, kind, row.id)
        await row.set_status("in_progress")
    async with fresh(sessions, row) as stored:
        assert (stored.status, stored.finished_at) == ("in_progress", None)
    async with sessions.begin() as session:
        row = await row_of(session, kind, row.id)
        await row.set_status("finished")
    async with fresh(sessions, row) as stored:
        assert stored.status == "finished"
        assert stored.finished_at is not None


async def test_a_finished_deployment_never_changes_its_status(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        row = await create_deployment(session, place, await create_resource(session, place, SERVICE), status="finished")
        with pytest.raises(IllegalTransition, match=r"finished cannot become failed"):
            await row.set_status("failed")
