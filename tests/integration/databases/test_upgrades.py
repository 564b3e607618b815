"""An image that cannot read what the last one wrote: refused by the worker, unless the start's body says otherwise."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.deployments.claim import claim_next
from app.deployments.kinds import DATABASE
from app.deployments.queue import queue_database_deployment
from app.deployments.repository import load_snapshot, previous_snapshot
from app.models import DatabaseDeploymentQueue
from app.postgres import Sessions
from tests.deploying import create_database, create_deployment, create_place, row_of
from tests.desk import Desk, error_of
from tests.integration.deployments.running import LEASE, running_bench


async def test_the_last_finished_deployment_says_which_image_ran(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        database = await create_database(session, place)
        other = await create_database(session, place, "standalone-mysql", image="mysql:8")
        rows = [
            await create_deployment(session, place, resource, status=status, configuration_snapshot=_snapshot(image))
            for resource, status, image in (
                (database, "finished", "postgres:15"),
                (database, "finished", "postgres:16"),
                (database, "failed", "postgres:18"),
                (other, "finished", "mysql:8"),
                (database, "queued", "postgres:18"),
            )
        ]
    async with sessions() as session:
        assert await previous_snapshot(session, DATABASE, rows[-1]) == _snapshot("postgres:16")


async def test_a_first_deployment_has_no_image_before_it(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        row = await create_deployment(session, place, await create_database(session, place))
    async with sessions() as session:
        assert await previous_snapshot(session, DATABASE, row) == {}


async def test_a_worker_refuses_it_before_anything_is_stopped(sessions: Sessions, tmp_path: Path) -> None:
    async with running_bench(sessions, tmp_path) as bench:
        async with sessions.begin() as session:
            database = await create_database(session, bench.place, image="postgres:18")
            before = _snapshot("postgres:16")
            await create_deployment(session, bench.place, database, status="finished", configuration_snapshot=before)
            queued = await queue_database_deployment(session, database)
        claimed = await claim_next(sessions, bench.place.server.id, "worker", LEASE)
        assert claimed is not None
        await bench.runner().run(claimed, asyncio.Event())
        assert queued.deployment is not None
        async with sessions() as session:
            row = await row_of(session, DATABASE, queued.deployment.id)
    assert row.status == "failed"
    reason = "The data of this database were written by postgres:16, and postgres:18 may not be able to use them."
    assert (row.failure_reason or "").startswith(reason)
    assert not row.steps


@pytest.mark.parametrize(("body", "is_allowed"), [(None, False), ({"allow_major_upgrade": True}, True)], ids=str)
async def test_only_the_body_of_a_start_allows_it(desk: Desk, body: dict[str, Any] | None, is_allowed: bool) -> None:
    created = await desk.ask("POST", "/databases/postgresql", json=desk.of_resource(), by="write")
    uuid = created.json()["uuid"]
    answer = await desk.ask("POST", f"/databases/{uuid}/start", json=body, by="deploy")
    assert answer.status_code == 200, answer.text
    async with desk.sessions() as session:
        deployment = DatabaseDeploymentQueue.resource_uuid == uuid
        id_ = (await session.execute(select(DatabaseDeploymentQueue.id).where(deployment))).scalar_one()
        loaded = await load_snapshot(session, DATABASE, id_)
    assert loaded is not None
    assert (loaded.configuration_snapshot or {})["allow_major_upgrade"] is is_allowed
    refused = await desk.ask("POST", f"/databases/{uuid}/restart", json={"allow_major_upgrade": True}, by="deploy")
    errors = {"allow_major_upgrade": ["This field is not allowed."]}
    assert error_of(refused) == {"message": "Validation failed.", "errors": errors}


def _snapshot(image: str) -> dict[str, Any]:
    return {"columns": {"image": image}}
