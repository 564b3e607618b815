"""Migrations while the version before works: by several at once, never waiting for ever, and nothing it needs is gone."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.script import ScriptDirectory

from tests.fixtures.postgres import alembic_config
from tests.integration.cli.conftest import files
from tests.integration.cli.running import environment, shiplog

RELEASED = "0010"
"""The newest revision of the release before this one."""

TABLE = "service_deployment_queues"


def _env(folder: Path, url: str) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    return environment(**files(folder, DATABASE_URL=url))


async def test_several_may_migrate_at_once(empty_postgres_url: str, tmp_path: Path) -> None:
    env = _env(tmp_path, empty_postgres_url)
    answers = await asyncio.gather(*(shiplog("migrate", env=env) for _ in range(3)))
    newest = ScriptDirectory.from_config(alembic_config("")).get_current_head()
    assert answers == [(0, f"The schema is at revision {newest}.\n", "")] * 3


async def test_a_migration_gives_way_to_whoever_holds_a_table_and_is_run_again(
    empty_postgres_url: str, tmp_path: Path
) -> None:
    await asyncio.to_thread(command.upgrade, alembic_config(empty_postgres_url), RELEASED)
    env = _env(tmp_path, empty_postgres_url)
    reader = await asyncpg.connect(empty_postgres_url.replace("+asyncpg", ""))
    try:
        async with reader.transaction():  # a backup, say
            await reader.execute(f"LOCK TABLE {TABLE} IN ACCESS SHARE MODE")
            code, out, err = await shiplog("migrate", env=env)
    finally:
        await reader.close()

    assert (code, out) == (1, "")
    assert err.startswith("shiplog: A table that is to be changed was in use for longer than 5 s")
    assert (await shiplog("migrate", env=env))[0] == 0


async def test_every_migration_limits_its_waiting(empty_postgres_url: str) -> None:
    # Whatever the transaction: the first one had the limit once, and the others none.
    config = alembic_config(empty_postgres_url)
    for script in reversed(list(ScriptDirectory.from_config(config).walk_revisions())):
        text = Path(script.path).read_text()
        assert "lock_timeout" not in text, f"{script.revision} sets its own limit"
    probe = await asyncpg.connect(empty_postgres_url.replace("+asyncpg", ""))
    try:
        await probe.execute("CREATE TABLE seen (setting text)")
        await probe.execute(
            "CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS "
            "$$ BEGIN INSERT INTO public.seen VALUES (current_setting('lock_timeout')); END $$"
        )
        await probe.execute("CREATE EVENT TRIGGER noting ON ddl_command_end EXECUTE FUNCTION note()")
        await asyncio.to_thread(command.upgrade, config, "head")
        await probe.execute("DROP EVENT TRIGGER noting")
        seen = await probe.fetch("SELECT setting, count(*) FROM seen GROUP BY setting")
    finally:
        await probe.close()
    assert {row["setting"] for row in seen} <= {"5s", "0"}
    assert sum(row["count"] for row in seen if row["setting"] == "0") <= _concurrent_indexes(config)


def _concurrent_indexes(config: object) -> int:
    # CREATE INDEX CONCURRENTLY is outside any transaction and blocks nobody while it waits.
    del config
    folder = Path(__file__).parents[2] / "migrations" / "versions"
    return sum(path.read_text().count("concurrently") for path in folder.glob("*.py"))


async def test_what_the_release_before_writes_still_fits(empty_postgres_url: str) -> None:
    """Expand, then contract: no column or table that it knows is gone, none that it does not know has to be given."""
    config = alembic_config(empty_postgres_url)
    await asyncio.to_thread(command.upgrade, config, RELEASED)
    connection = await asyncpg.connect(empty_postgres_url.replace("+asyncpg", ""))
    try:
        before = await _columns(connection)
        await asyncio.to_thread(command.upgrade, config, "head")
        after = await _columns(connection)
    finally:
        await connection.close()

    assert before.keys() - after.keys() == set()
    changed = {name for name in before.keys() & after.keys() if before[name][0] != after[name][0]}
    assert changed == set(), "of another type now"
    tables = {name.partition(".")[0] for name in before}
    needed = {name for name, (_, must) in after.items() if must and name.partition(".")[0] in tables}
    assert needed - {name for name, (_, must) in before.items() if must} == set()


async def _columns(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, tuple[str, bool]]:
    """Return each column's type, and whether an INSERT has to give it."""
    rows = await connection.fetch(
        "SELECT table_name || '.' || column_name AS name, data_type, "
        "is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' AS must "
        "FROM information_schema.columns WHERE table_schema = 'public'"
    )
    return {row["name"]: (row["data_type"], row["must"]) for row in rows}


@pytest.mark.parametrize("command_", ["version", "--version"])
async def test_the_version_can_be_asked_for(command_: str) -> None:
    code, out, _ = await shiplog(command_)
    assert code == 0
    assert out.strip().count(".") == 2
