"""The plan's DatabaseDeploymentQueueTest, for every type there is."""

import pytest

from app.kit.redaction import REDACTED
from app.models import STANDALONE_MODELS
from app.models.resource import secret_columns
from app.postgres import Sessions
from tests.deploying import DATABASE_TYPES, create_database, create_deployment, create_place, fresh


@pytest.mark.parametrize("type", DATABASE_TYPES)
async def test_can_add_log_entries(sessions: Sessions, type: str) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        row = await create_deployment(session, place, await create_database(session, place, type))
        await row.add_log_entry("Starting database", "stdout", False)
    async with fresh(sessions, row) as stored:
        entries = await stored.log_entries()
    assert [entry["output"] for entry in entries] == ["Starting database"]


@pytest.mark.parametrize("type", DATABASE_TYPES)
async def test_redacts_database_credentials_in_logs(sessions: Sessions, type: str) -> None:
    columns = secret_columns(STANDALONE_MODELS[type])
    assert columns
    async with sessions.begin() as session:
        place = await create_place(session)
        row = await create_deployment(session, place, await create_database(session, place, type))
        for column in columns:
            await row.add_log_entry(f"Connecting with password secret-of-{column}", "stdout")
    async with fresh(sessions, row) as stored:
        outputs = [entry["output"] for entry in await stored.log_entries()]
    assert outputs == [f"Connecting with password {REDACTED}"] * len(columns)
