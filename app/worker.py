"""The worker process: arq receives nudges, everything else are tasks of this process.

When Redis is away the arq part ends and is tried again with back-off; runs and the sweep go on without it.
"""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import structlog
from arq.connections import RedisSettings
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func
from redis.exceptions import RedisError

from app.deployments.dispatcher import Dispatcher
from app.deployments.runner import Runner
from app.deployments.tidying import tidy_runs
from app.kit import encryption
from app.kit.backoff import pause_after
from app.kit.ids import new_uuid
from app.logs import configure_logging
from app.metrics.instruments import ARQ_JOB_SECONDS, RUNNING, SWEEP_FINDINGS
from app.metrics.serving import observe_process, on_own_port
from app.notifications.telling import tell_for_ever
from app.operations.runner import run_operations, settle_lost_operations
from app.operations.watching import watch_servers
from app.postgres import create_engine, create_sessions
from app.redis import QUEUE_NAME, Waker, redis_settings
from app.remote.ssh import SshHostPool
from app.retention.pruning import keep_pruning
from app.servers.validation import do_requested_validation
from app.settings import Settings, get_settings
from app.statistics.counting import keep_counting
from app.tracing import start_tracing, stop_tracing

log = structlog.get_logger(__name__)


class WorkerProcess:
    """Everything one worker holds; `run` returns after `stop`."""

    def __init__(self, settings: Settings) -> None:
        encryption.install(encryption.Keyring(settings.encryption_keys()))
        self.owner = new_uuid()
        self._settings = settings
        self._engine = create_engine(settings)
        self._sessions = create_sessions(self._engine)
        self._hosts = SshHostPool()
        self._waker = Waker(settings.redis())
        runner = Runner(self._sessions, self._hosts, settings, self._waker.publish_count)
        self.dispatcher = Dispatcher(
            self._sessions, settings, self.owner, runner.run, self._run_operations, self._settle_lost_operations
        )
        observe_process("worker", self._engine, self._hosts)
        RUNNING.set_function(lambda: self.dispatcher.running)
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Ask the process to end: runs are handed over within seconds."""
        self._stopped.set()

    async def run(self) -> None:
        """Work until `stop`."""
        async with on_own_port(self._settings):
            await self._work()

    async def _work(self) -> None:
        log.info("worker started", owner=self.owner)
        loops = [
            asyncio.create_task(self.dispatcher.sweep(), name="sweep"),
            asyncio.create_task(self.dispatcher.keep_leases(), name="leases"),
            asyncio.create_task(self.dispatcher.watch_cancels(), name="cancels"),
            asyncio.create_task(
                watch_servers(self._sessions, self._hosts, self._settings, after_look=tidy_runs), name="servers"
            ),
            asyncio.create_task(keep_pruning(self._sessions), name="retention"),
            asyncio.create_task(keep_counting(self._sessions), name="statistics"),
            asyncio.create_task(self._receive_nudges(), name="nudges"),
            asyncio.create_task(tell_for_ever(self._sessions, self._settings), name="notifications"),
        ]
        ended = asyncio.create_task(self._stopped.wait())
        await asyncio.wait({ended, *loops}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        for loop in loops:
            loop.cancel()
        outcomes = await asyncio.gather(*loops, return_exceptions=True)
        await self.dispatcher.stop()
        await self._hosts.close()
        await self._waker.close()
        await self._engine.dispose()
        log.info("worker stopped", owner=self.owner)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def _run_operations(self, server_id: int) -> None:
        lease_seconds = self._settings.lease_seconds
        if await run_operations(
            self._sessions,
            self._hosts,
            server_id,
            self.owner,
            lease_seconds=lease_seconds,
            secret_names=self._settings.secret_name_pattern,
        ):
            # A deployment of the same resource may have waited for it: it starts now, not at the next sweep.
            await self.dispatcher.look(server_id)

    async def _settle_lost_operations(self) -> None:
        settled = await settle_lost_operations(self._sessions, self.owner, lease_seconds=self._settings.lease_seconds)
        if settled:
            SWEEP_FINDINGS.labels("lost_operation").inc(settled)
            log.info("settled operations whose worker is gone", count=settled)

    async def _look(self, _: dict[str, Any], server_id: int) -> None:
        with _timed("look"):
            await self.dispatcher.look(server_id)

    async def _validate(self, _: dict[str, Any], server_id: int) -> None:
        with _timed("validate"):
            await do_requested_validation(self._sessions, self._hosts, server_id)

    async def _receive_nudges(self) -> None:
        attempt = 0
        while True:
            worker = self._nudge_receiver(redis_settings(self._settings.redis()))
            try:
                attempt += 1
                await worker.main()
            except (RedisError, OSError) as error:
                log.warning("redis is away, trying again", error=type(error).__name__)
            finally:
                await _leave(worker)
            await asyncio.sleep(pause_after(attempt, most=15.0))

    def _nudge_receiver(self, redis: RedisSettings) -> Worker:
        # A nudge is answered by looking and forgotten: no result, no second try, no job that blocks another one.
        return Worker(
            functions=[
                func(cast("WorkerCoroutine", self._look), name="look", keep_result=0, max_tries=1, timeout=60),
                func(cast("WorkerCoroutine", self._validate), name="validate", keep_result=0, max_tries=1, timeout=120),
            ],
            queue_name=QUEUE_NAME,
            redis_settings=redis,
            handle_signals=False,
            poll_delay=0.05,
            max_jobs=20,
            health_check_interval=3600,
            log_results=False,
        )


@contextmanager
def _timed(job: str) -> Iterator[None]:
    outcome, began = "failed", time.perf_counter()
    try:
        yield
        outcome = "ok"
    finally:
        ARQ_JOB_SECONDS.labels(job, outcome).observe(time.perf_counter() - began)


async def _leave(worker: Worker) -> None:
    """End a receiver; Redis, which it wants to tell, may be away, and that must not end the process."""
    nudges = list(worker.tasks.values())
    for nudge in nudges:
        nudge.cancel()
    await asyncio.gather(*nudges, return_exceptions=True)
    worker.tasks.clear()
    try:
        async with asyncio.timeout(1):
            await worker.close()
    except (RedisError, OSError):
        await worker.pool.connection_pool.disconnect()


async def main() -> None:
    """Run one worker until SIGTERM or SIGINT."""
    settings = get_settings()
    configure_logging(settings.log_level, settings.secrets())
    if settings.tracing:
        start_tracing("worker")
    process = WorkerProcess(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    try:
        await process.run()
    finally:
        await asyncio.to_thread(stop_tracing)
