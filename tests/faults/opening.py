"""Opening a cell: its parts started, its rows made, its workers at work; and everything ended again."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from alembic import command
from sqlalchemy import make_url

from app.auth.tokens import create_token
from app.embedded.postgres import embedded_postgres
from app.embedded.valkey import embedded_valkey
from app.kit import encryption
from app.kit.ids import new_uuid
from app.models import TeamMember, TeamRole, User
from app.models.private_key import PrivateKey
from app.postgres import create_engine, create_sessions
from app.redis import Waker
from app.settings import Settings
from tests.deploying import create_place
from tests.faults.cell import Cell, point_server
from tests.faults.parts import kill_run, remove_data, ssh_server
from tests.fixtures.postgres import alembic_config
from tests.wire import Wire, wire_to

LEASE_SECONDS = 3
SWEEP_SECONDS = 0.3


@asynccontextmanager
async def open_cell(mutant: str | None = None) -> AsyncIterator[Cell]:
    """Yield a cell with two workers at work."""
    cell = Cell(mutant)
    async with AsyncExitStack() as stack:
        cell.folder = Path(tempfile.mkdtemp(prefix="shiplog-faults-"))
        stack.callback(remove_data, cell.folder)
        cell.data_folder.mkdir()
        (cell.folder / "side").mkdir()
        cell.forget_journal()
        cell.database_url = await stack.enter_async_context(embedded_postgres(cell.folder))
        redis_url = await stack.enter_async_context(embedded_valkey(cell.folder))
        cell.server = await stack.enter_async_context(ssh_server(cell.folder / "ssh"))
        cell.postgres = await stack.enter_async_context(wire_to(_port(cell.database_url)))
        cell.redis = await stack.enter_async_context(wire_to(_port(redis_url)))
        cell.ssh = await stack.enter_async_context(wire_to(cell.server.port, cell.server.host))
        await asyncio.to_thread(command.upgrade, alembic_config(cell.database_url), "head")
        _configure(cell, redis_url)
        settings = Settings(database_url=cell.database_url, database_pool_size=5)
        cell.engine = create_engine(settings)
        stack.push_async_callback(cell.engine.dispose)
        cell.sessions = create_sessions(cell.engine)
        cell.waker = Waker(redis_url)
        stack.push_async_callback(cell.waker.close)
        await _populate(cell)
        stack.push_async_callback(_end_runs, cell)
        stack.push_async_callback(cell.close_programs)
        await cell.keep_workers()
        yield cell


def _configure(cell: Cell, redis_url: str) -> None:
    encryption.install(encryption.Keyring([cell.key]))
    (cell.folder / "keys").write_text(cell.key)
    cell.environment = {
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": str(cell.folder),
        "SHIPLOG_DATABASE_URL": _through(cell.database_url, cell.postgres),
        "SHIPLOG_REDIS_URL": _through(redis_url, cell.redis),
        "SHIPLOG_ENCRYPTION_KEYS_FILE": str(cell.folder / "keys"),
        "SHIPLOG_LEASE_SECONDS": str(LEASE_SECONDS),
        "SHIPLOG_SWEEP_SECONDS": str(SWEEP_SECONDS),
    }


async def _populate(cell: Cell) -> None:
    async with cell.sessions.begin() as session:
        cell.place = await create_place(session, concurrent_deployments=1, deployment_timeout=300)
        key = await session.get_one(PrivateKey, cell.place.server.private_key_id)
        key.private_key = cell.server.private_key
        point_server(cell.place.server, cell.server, cell.ssh, cell.data_folder)
        user = User(name="Ada", email=f"{new_uuid()}@example.com")
        session.add(user)
        await session.flush()
        session.add(TeamMember(team_id=cell.place.team.id, user_id=user.id, role=TeamRole.OWNER))
        _, cell.token = await create_token(
            session, team_id=cell.place.team.id, user_id=user.id, name="faults", abilities=("root",)
        )


async def _end_runs(cell: Cell) -> None:
    """Kill whatever scripts are left."""
    for meta in cell.data_folder.glob("runs/*/meta"):
        kill_run(meta)


def _port(url: str) -> int:
    port = make_url(url).port
    assert port is not None
    return port


def _through(url: str, wire: Wire) -> str:
    return make_url(url).set(port=wire.port).render_as_string(hide_password=False)
