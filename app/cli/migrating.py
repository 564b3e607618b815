"""Bringing the schema to the newest revision, with a look first that costs milliseconds where nothing is to do."""

import asyncio
import re
from pathlib import Path

from app.cli.postgres_problems import postgres_problems
from app.cli.problem import Problem

_ROOT = Path(__file__).parents[2]
_REVISION = re.compile(r'^(revision|down_revision)\b.*=\s*"([^"]+)"', re.MULTILINE)


async def migrate_embedded(url: str) -> bool:
    """Bring the embedded PostgreSQL to the newest revision and tell whether anything was to do."""
    if await revisions(url) == newest_revisions():
        return False
    # Alembic's environment runs an event loop of its own, so it needs a thread of its own.
    await asyncio.to_thread(upgrade, url)
    return True


def upgrade(url: str) -> None:
    """Bring a database to the newest revision; raise Problem when that does not work. Needs a thread without a loop."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError
    from sqlalchemy.exc import DBAPIError

    config = Config(_ROOT / "alembic.ini")
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    with postgres_problems():
        try:
            command.upgrade(config, "head")
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != "55P03":
                raise
            raise Problem(
                "A table that is to be changed was in use for longer than 5 s, so the migration gave way; what had been "
                "done before it stays. Run this again, best while no long query or backup runs."
            ) from None
        except CommandError as error:  # the database is at a revision that these files do not know
            raise Problem(f"This version of Shiplog cannot migrate the database: {error}") from None


def newest_revisions() -> set[str]:
    """Return the revisions that no other one follows, read from the files: importing Alembic takes half a second."""
    names: dict[str, set[str]] = {"revision": set(), "down_revision": set()}
    for path in (_ROOT / "migrations" / "versions").glob("*.py"):
        for kind, name in _REVISION.findall(path.read_text()):
            names[kind].add(name)
    return names["revision"] - names["down_revision"]


async def revisions(url: str) -> set[str]:
    """Return the revision that a database is at; none for one without a schema."""
    import asyncpg

    connection = await asyncpg.connect(url.replace("+asyncpg", "", 1), statement_cache_size=0, timeout=10)
    try:
        return {row["version_num"] for row in await connection.fetch("SELECT version_num FROM alembic_version")}
    except asyncpg.UndefinedTableError:
        return set()
    finally:
        await connection.close()
