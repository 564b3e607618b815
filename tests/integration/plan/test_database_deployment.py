"""The plan's DatabaseDeploymentTest, for every type that can be deployed."""

import pytest

from app.databases.registry import DEFINITIONS
from app.deployments.queue import queue_database_deployment
from app.models import STANDALONE_MODELS
from app.postgres import Sessions
from tests.deploying import create_database, create_place


@pytest.mark.parametrize("type", sorted(DEFINITIONS))
async def test_creates_deployment_queue_when_starting_database(sessions: Sessions, type: str) -> None:
    async with sessions.begin() as session:
        database = await create_database(session, await create_place(session), type)
        queued = await queue_database_deployment(session, database)
    async with sessions() as session:
        stored = await session.get_one(STANDALONE_MODELS[type], database.id)
        deployment = await stored.latest_deployment()
    assert deployment is not None
    assert deployment.deployment_uuid == queued.deployment_uuid
    assert (deployment.database_name, deployment.database_type) == (database.name, type)
