"""Every migration goes up and down, and the models say nothing that the migrations do not."""

import asyncio

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.fixtures.postgres import alembic_config

REVISIONS = [script.revision for script in ScriptDirectory.from_config(alembic_config("")).walk_revisions()][::-1]

# Everything a schema consists of: columns, constraints and indexes by name and definition.
_SHAPE = """
SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' '
       || coalesce(column_default, '') FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'storage ' || attrelid::regclass || '.' || attname || ' ' || attstorage::text FROM pg_attribute
JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND attnum > 0 AND NOT attisdropped
UNION ALL SELECT 'options ' || oid::regclass || ' ' || reloptions::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL
UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
ORDER BY 1
"""


async def shape_of(url: str) -> list[str]:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            return list((await connection.execute(text(_SHAPE))).scalars())
    finally:
        await engine.dispose()


async def test_every_migration_goes_down_to_what_was_there_before_and_up_again(empty_postgres_url: str) -> None:
    config = alembic_config(empty_postgres_url)
    shapes = {"base": await shape_of(empty_postgres_url)}
    for revision in REVISIONS:
        await asyncio.to_thread(command.upgrade, config, revision)
        shapes[revision] = await shape_of(empty_postgres_url)
    assert len(set(map(tuple, shapes.values()))) == len(REVISIONS) + 1
    for below, revision in zip(["base", *REVISIONS[:-1]], REVISIONS, strict=True):
        await asyncio.to_thread(command.downgrade, config, below)
        left = [line for line in await shape_of(empty_postgres_url) if "alembic_version" not in line]
        assert left == [line for line in shapes[below] if "alembic_version" not in line], f"{revision} leaves something"
        await asyncio.to_thread(command.upgrade, config, "head")
        assert await shape_of(empty_postgres_url) == shapes[REVISIONS[-1]]


async def test_the_models_and_the_migrations_agree(empty_postgres_url: str) -> None:
    config = alembic_config(empty_postgres_url)
    await asyncio.to_thread(command.upgrade, config, "head")
    await asyncio.to_thread(command.check, config)


@pytest.mark.parametrize(
    "name",
    [
        "create_service_deployment_queues_table",
        "create_database_deployment_queues_table",
        "add_deployment_queue_indexes",
    ],
)
def test_the_plans_migrations_are_recognisable_by_name(name: str) -> None:
    files = [script.path for script in ScriptDirectory.from_config(alembic_config("")).walk_revisions()]
    assert sum(path.endswith(f"_{name}.py") for path in files) == 1
