"""The statements that run all day use the indexes that were made for them, whatever the number of rows."""

from typing import Any

import pytest
from sqlalchemy import select, text

from app.deployments import claim
from app.deployments.kinds import KINDS, Kind
from app.deployments.repository import After, repositories
from app.lookups import DIALECT
from app.models.deployment_queue import DeploymentQueueMixin
from app.postgres import Sessions
from tests.deploying import create_deployment, create_place, create_resource

ROWS = 20_000


RETIRED = {
    "service_id": f"service_id + CASE WHEN n > {ROWS} / 2 THEN 0 ELSE n % 100 + 1 END",
    "database_id": f"CASE WHEN n > {ROWS} / 2 THEN database_id ELSE (n % 100 + 1000)::text END",
    "status": "CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'finished' END",
    "server_uuid": "CASE WHEN n % 50 = 0 THEN server_uuid ELSE 's' || n % 10 END",
}
"""Half of the team's history is of a resource that was not deployed lately: the newest rows are all of others."""


async def fill(sessions: Sessions, kind: Kind, **values: str) -> Any:
    """Make a history of many rows, with `values` for those of one resource, server and team."""
    async with sessions.begin() as session:
        place = await create_place(session)
        row = await create_deployment(session, place, await create_resource(session, place, kind), status="finished")
        columns = [
            column.name for column in kind.queue.__table__.columns if column.name not in {"id", "deployment_uuid"}
        ]
        spread = {"created_at": "now() - make_interval(secs => n)", "server_id": "(n % 100 + 1000)::text", **values}
        chosen = ", ".join(spread.get(name, name) for name in columns)
        await session.execute(text("SET LOCAL session_replication_role = replica"))  # resources that there are not
        await session.execute(
            text(
                f"""INSERT INTO {kind.table} ({", ".join(columns)}, deployment_uuid)
                SELECT {chosen}, 'd' || n FROM {kind.table}, generate_series(1, {ROWS}) AS n"""
            )
        )
    async with sessions() as session:
        connection = await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        await connection.execute(text(f"ANALYZE {kind.table}"))
    return row


def rendered(statement: Any) -> str:
    return str(statement.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_a_deployment_its_history_and_the_queue_are_found_by_index(sessions: Sessions, kind: Kind) -> None:
    row = await fill(sessions, kind, database_id="(n % 100 + 1000)::text")
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
async def test_each_list_is_read_in_the_order_of_its_own_index(sessions: Sessions, kind: Kind) -> None:
    """With the values known to the planner, and without them, as a prepared statement is planned."""
    row = await fill(sessions, kind, **RETIRED)
    model: Any = kind.queue
    repository = next(one for one in repositories(sessions()) if one.kind is kind)
    of_resource = [getattr(model, column) == getattr(row, column) for column in kind.same_resource]
    of_server, old = model.server_uuid == row.server_uuid, After(row.created_at, row.id)
    pages = {
        "history": (repository.page(row.team_id, *of_resource), "history"),
        "history, by cursor": (repository.page(row.team_id, *of_resource, after=old), "history"),
        "failed": (repository.page(row.team_id, *of_resource, status="failed"), "status_history"),
        "team": (repository.page(row.team_id, of_team=True), "team_id_created_at"),
        "team, failed": (repository.page(row.team_id, of_team=True, status="failed"), "team_id_status"),
        "team, of a server": (repository.page(row.team_id, of_server, of_team=True), "team_id_server"),
    }
    for name, (page, index) in pages.items():
        for plan in (await planned(sessions, page), await planned_for_any_values(sessions, page)):
            assert f"using ix_{kind.table}_{index} " in plan, f"{name}: {plan}"
            assert "Sort" not in plan, f"{name}: {plan}"


async def planned(sessions: Sessions, statement: Any) -> str:
    async with sessions() as session:
        return "\n".join((await session.execute(text(f"EXPLAIN {rendered(statement)}"))).scalars())


async def planned_for_any_values(sessions: Sessions, statement: Any) -> str:
    compiled = statement.compile(dialect=DIALECT)
    nothing = ", ".join("NULL" for _ in compiled.positiontup)
    async with sessions() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.exec_driver_sql(f"PREPARE page AS {compiled}")
        plan = await connection.exec_driver_sql(f"EXPLAIN EXECUTE page ({nothing})")
        await connection.exec_driver_sql("DEALLOCATE page")
        return "\n".join(plan.scalars())


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
