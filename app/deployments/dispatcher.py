"""What one worker process runs: tasks of its own, claimed from PostgreSQL, never jobs of the queue library."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.deployments.claim import (
    Claimed,
    cancel_requests,
    claim_next,
    release_leases,
    renew_leases,
    settled_among,
    take_over_expired,
)
from app.deployments.claim import servers_with_waiting_work as waiting_servers
from app.metrics.instruments import LAST_SWEEP, SWEEP_FINDINGS, SWEEPS
from app.postgres import Sessions
from app.settings import Settings

log = structlog.get_logger(__name__)

CANCEL_SECONDS = 2.0
"""How often a worker asks whether what it runs is to be cancelled; a nudge that reaches it is faster."""

Run = Callable[[Claimed, asyncio.Event], Awaitable[None]]
RunOperations = Callable[[int], Awaitable[None]]
SettleLostOperations = Callable[[], Awaitable[None]]


class Dispatcher:
    """Claims for a server when asked to look, renews leases, sweeps for what nobody woke anyone for."""

    def __init__(
        self,
        sessions: Sessions,
        settings: Settings,
        owner: str,
        run: Run,
        run_operations: RunOperations,
        settle_lost_operations: SettleLostOperations | None = None,
    ) -> None:
        self._sessions = sessions
        self._settings = settings
        self._owner = owner
        self._run = run
        self._run_operations = run_operations
        self._settle_lost_operations = settle_lost_operations
        self._tasks: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._cancels: dict[tuple[str, int], asyncio.Event] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._trusted_from = 0.0

    async def look(self, server_id: int) -> None:
        """Start everything on this server that may start now, as far as this process has room."""
        if not self._stopping:
            self._spawn(self._run_operations(server_id))
        await self._notice_cancels()
        while not self._stopping and len(self._tasks) < self._settings.worker_capacity:
            claimed = await claim_next(self._sessions, server_id, self._owner, self._settings.lease_seconds)
            if claimed is None:
                return
            self._start(claimed)

    async def keep_leases(self) -> None:
        """Renew this worker's leases for ever, three times per lease; PostgreSQL away is waited out."""
        while True:
            await asyncio.sleep(self._settings.lease_seconds / 3)
            followed = dict(self._tasks)  # what is claimed while the statement runs is not among its answers
            try:
                held = await renew_leases(self._sessions, self._owner, self._settings.lease_seconds, followed.keys())
                # What is settled has no lease any more; its task still tidies up on the server.
                settled = await settled_among(self._sessions, followed.keys() - held)
            except (SQLAlchemyError, OSError) as error:
                log.warning("PostgreSQL is away, leases are not renewed", error=type(error).__name__)
                self._distrust_leases()
                continue
            for key in followed.keys() - held - settled:
                if not followed[key].done():
                    log.info("lease lost, letting go", kind=key[0], id=key[1])
                    followed[key].cancel()

    async def watch_cancels(self) -> None:
        """Notice for ever what users want cancelled."""
        while True:
            await asyncio.sleep(CANCEL_SECONDS)
            try:
                await self._notice_cancels()
            except (SQLAlchemyError, OSError):
                continue  # the sweep says that PostgreSQL is away

    async def sweep(self) -> None:
        """Look for ever at servers with waiting work, and take over what expired."""
        while True:
            try:
                await self.sweep_once()
                SWEEPS.inc()
                LAST_SWEEP.set_to_current_time()
            except (SQLAlchemyError, OSError) as error:
                log.warning("PostgreSQL is away, sweeping later", error=type(error).__name__)
                self._distrust_leases()
            await asyncio.sleep(self._settings.sweep_seconds)

    async def sweep_once(self) -> None:
        """One round of the sweep."""
        room = self._settings.worker_capacity - len(self._tasks)
        if self._stopping or room <= 0:
            return
        if asyncio.get_running_loop().time() >= self._trusted_from:
            for claimed in await take_over_expired(
                self._sessions, self._owner, self._settings.lease_seconds, count=min(room, 50)
            ):
                log.info("taking over a deployment", deployment_uuid=claimed.deployment_uuid, epoch=claimed.lease_epoch)
                SWEEP_FINDINGS.labels("expired_lease").inc()
                self._start(claimed)
            if self._settle_lost_operations is not None:
                await self._settle_lost_operations()
        for server_id in await waiting_servers(self._sessions):
            SWEEP_FINDINGS.labels("waiting_server").inc()
            await self.look(server_id)

    async def stop(self) -> None:
        """Hand the runs over: they go on on their servers, and the next worker goes on with their logs."""
        self._stopping = True
        running = [*self._tasks.values(), *self._others]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        try:
            await release_leases(self._sessions, self._owner)
        except (SQLAlchemyError, OSError) as error:
            log.warning("PostgreSQL is away, the leases run out by themselves", error=type(error).__name__)

    @property
    def running(self) -> int:
        """How many deployments this process follows."""
        return len(self._tasks)

    async def _notice_cancels(self) -> None:
        if not self._cancels:
            return
        for key in await cancel_requests(self._sessions, self._owner):
            if key in self._cancels:
                self._cancels[key].set()

    def _distrust_leases(self) -> None:
        """An outage of PostgreSQL expires every lease at once: their owners get one lease's time to renew them."""
        self._trusted_from = asyncio.get_running_loop().time() + self._settings.lease_seconds

    def _start(self, claimed: Claimed) -> None:
        key = (claimed.kind.name, claimed.deployment_id)
        if key in self._tasks:
            self._tasks[key].cancel()  # of an older epoch: this process's own lease had expired
        self._cancels[key] = asyncio.Event()
        run = self._run_and_look(claimed, self._cancels[key])
        task = asyncio.create_task(run, name=f"deployment {claimed.deployment_uuid}")
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._ended(key, done))

    def _ended(self, key: tuple[str, int], done: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is done:
            del self._tasks[key], self._cancels[key]

    async def _run_and_look(self, claimed: Claimed, cancel: asyncio.Event) -> None:
        await self._run(claimed, cancel)
        # The slot is free: the next one starts now, not at the next sweep.
        self._spawn(self.look(claimed.server_id))

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(_logged(work))
        self._others.add(task)
        task.add_done_callback(self._others.discard)


async def _logged(work: Awaitable[None]) -> None:
    try:
        await work
    except (SQLAlchemyError, OSError) as error:
        log.warning("PostgreSQL is away, the sweep will look again", error=type(error).__name__)
