"""The statements that run all day use the indexes that were made for them, whatever the number of rows."""

from typing import Any

import pytest
from sqlalchemy import Dialect, select, text
from sqlalchemy.dialects import postgresql

from app.deployments import claim
from app.deployments.kinds import KINDS, Kind
from app.models.deployment_queue import DeploymentQueueMixin
from app.postgres import Sessions
from tests.deploying import create_deployment, create_place, create_resource

ROWS = 20_000


async def fill(sessions: Sessions, kind: Kind) -> Any:
    """Make a history of many rows in which one resource, server and team have a few hundred."""
    async with sessions.begin() as session:
        place = await create_place(session)
        row = await create_deployment(session, place, await create_resource(session, place, kind), status="finished")
        columns = [
            column.name for column in kind.queue.__table__.columns if column.name not in {"id", "deployment_uuid"}
        ]
        spread = {"created_at": "now() - make_interval(secs => n)", "server_id": "(n % 100 + 1000)::text"}
        own = {"service_id": "service_id", "database_id": "(n % 100 + 1000)::text"}
        values = ", ".join({**spread, **own}.get(name, name) for name in columns)
        await session.execute(
            text(
                f"""INSERT INTO {kind.table} ({", ".join(columns)}, deployment_uuid)
                SELECT {values}, 'd' || n FROM {kind.table}, generate_series(1, {ROWS}) AS n"""
            )
        )
    async with sessions() as session:
        connection = await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        await connection.execute(text(f"ANALYZE {kind.table}"))
    return row


def rendered(statement: Any) -> str:
    dialect: Dialect = postgresql.asyncpg.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_a_deployment_its_history_and_the_queue_are_found_by_index(sessions: Sessions, kind: Kind) -> None:
    row = await fill(sessions, kind)
    model: Any = kind.queue
    of_resource = [getattr(model, column) == getattr(row, column) for column in kind.same_resource]
    history = select(model.id).where(model.team_id == row.team_id, *of_resource)
    statements: dict[str, tuple[str, dict[str, Any]]] = {
        "one": (rendered(select(model.id).where(model.deployment_uuid == row.deployment_uuid)), {}),
        "history": (rendered(history.order_by(model.created_at.desc(), model.id.desc()).limit(10)), {}),
        "failed": (
            rendered(
                history.where(model.status == "failed").order_by(model.created_at.desc(), model.id.desc()).limit(10)
            ),
            {},
        ),
        "claim": (claim._OLDEST_ELIGIBLE.text, {"server_id": "1005"}),
        "running": (claim._COUNT_RUNNING.text, {"server_id": "1005"}),
        "expired": (claim._EXPIRED[kind.name].text, {"count": 50}),
        "renew": (claim._RENEW[kind.name].text, {"owner": "worker", "lease_seconds": 30, "ids": [1, 2, 3]}),
        "cancelled": (claim._CANCELLED[kind.name].text, {"owner": "worker"}),
        "waiting": (claim._SERVERS_WITH_QUEUE.text, {}),
    }
    for name, (statement, values) in statements.items():
        async with sessions() as session:
            plan = "\n".join((await session.execute(text(f"EXPLAIN {statement}"), values)).scalars())
        assert f"Seq Scan on {kind.table}" not in plan, f"{name}: {plan}"
        assert "Index" in plan, f"{name}: {plan}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_nothing_that_an_append_changes_is_indexed(kind: Kind) -> None:
    """One index on such a column took the share of HOT updates from 100 % to 0."""
    changing = {
        "lease_until", "lease_epoch", "lease_owner", "log_count", "log_bytes", "dropped_bytes", "stdout_offset",
        "stderr_offset", "step", "steps", "updated_at", "phase", "current_process_id", "run_clock",
    }  # fmt: skip
    table = kind.queue.__table__
    assert changing <= {column.name for column in table.columns}
    indexed = {column.name for index in table.indexes for column in index.columns}  # type: ignore[attr-defined]
    assert indexed & changing == set()
    assert issubclass(kind.queue, DeploymentQueueMixin)
