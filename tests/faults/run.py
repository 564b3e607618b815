"""One run: a deployment with a seeded workload, a fault at a seeded moment, and what came of both."""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from app.kit import encryption
from app.kit.ids import new_uuid
from app.models import Server, Service, ServiceDeploymentQueue
from tests.faults.cell import Cell, Missed
from tests.faults.check import Findings
from tests.faults.judge import Expected, judge
from tests.faults.parts import marked_processes
from tests.faults.workload import CHANNELS, Workload, make_workload

SETTLE_SECONDS = 60.0
FINAL = ("finished", "failed", "cancelled-by-user")


@dataclass(frozen=True)
class Kind:
    """A kind of fault. `strike` is called once the deployment is asked for; the rest says how the run differs."""

    name: str
    strike: Callable[["Run"], Awaitable[None]]
    needs_root: bool = False
    is_long: bool = False
    """Too slow for the short set."""
    before: str = ""
    """Lines of sh at the beginning of the script."""
    hold: str = ""
    """Lines of sh after the last byte."""
    largest: int = 100_000
    prepare: Callable[["Run"], Awaitable[None]] | None = None
    """Called before the deployment is asked for."""
    ask: Callable[["Run"], Awaitable[None]] | None = None
    """Asks for the deployment, where that is part of the fault."""
    afterwards: Callable[["Run"], Awaitable[None]] | None = None
    """Called when the deployment is settled, for further checks."""
    clean_up: Callable[["Run"], Awaitable[None]] | None = None
    expected: Expected | None = None
    may_end_early: bool = False
    """The spools are gone: the log is what was read of them."""
    is_whole: bool = True
    """The script is left to its own end."""

    @property
    def row(self) -> str:
        """The row of the table of promises that it belongs to."""
        return self.name.partition(":")[0]


@dataclass
class Result:
    """What came of a run."""

    kind: str
    seed: int
    counted: bool
    lost: int
    doubled: int
    reordered: int
    wrong_status: int
    seconds: float
    lines: int
    notes: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """True when nothing is wrong."""
        return not (self.lost or self.doubled or self.reordered or self.wrong_status)


class Run:
    """A deployment on its way, as the faults see it."""

    def __init__(self, cell: Cell, kind: Kind, seed: int) -> None:
        self.cell = cell
        self.kind = kind
        self.random = Random(f"{kind.name} {seed}")
        self.name = new_uuid()
        self.side = cell.folder / "side" / self.name
        self.side.mkdir()
        self.workload: Workload = make_workload(
            self.random, str(self.side), before=kind.before, hold=kind.hold, largest=kind.largest
        )
        self.findings = Findings()
        self.expected = kind.expected
        self.counted = False
        self.data_folder = cell.data_folder
        self.server: Server | None = None
        self.service: Service | None = None
        self.deployment: ServiceDeploymentQueue | None = None
        self.spools: dict[str, Path] = {}
        self.closing_notes: tuple[str, ...] = ()
        """Entries that may stand between the script's and the last one."""
        self.tasks: set[asyncio.Task[Any]] = set()
        self.keeping: asyncio.Task[None] | None = None

    @property
    def id(self) -> int:
        """The deployment's id."""
        assert self.deployment is not None
        return self.deployment.id

    @property
    def uuid(self) -> str:
        """The deployment's uuid."""
        assert self.deployment is not None
        return self.deployment.deployment_uuid

    @property
    def folder(self) -> Path:
        """The run's folder on the server."""
        return self.data_folder / "runs" / self.uuid

    async def make_service(self) -> Service:
        """Make the service that is deployed."""
        self.service = await self.cell.make_service(self.workload.compose(), self.workload.secrets, self.server)
        return self.service

    async def ask(self) -> None:
        """Ask for the deployment."""
        self.found(await self.cell.ask(await self.make_service()))

    def found(self, deployment: ServiceDeploymentQueue) -> None:
        """Take a deployment for that of this run."""
        self.deployment = deployment
        self.keeping = asyncio.ensure_future(self._keep_spools())

    def start(self, work: Awaitable[Any]) -> None:
        """Do something meanwhile; it is over before the run is."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)

    async def moment(self, least: float = 0.0, most: float = 0.9) -> None:
        """Wait for the seeded moment: a part of the time that the script takes from its first byte to its last."""
        pause = self.random.uniform(least, most) * self.workload.seconds
        begun = self.side / ("first" if self.workload.lines else "count")
        for tick in count():
            if begun.exists():
                break
            if tick % 100 == 99 and (await self.cell.row(self.id)).status in FINAL:
                raise Missed
            await asyncio.sleep(0.005)
        await asyncio.sleep(pause)

    def struck(self) -> None:
        """Note that the fault has hit now: the run counts when the script is between its first byte and its last."""
        self.counted = self.counted or ((self.side / "first").exists() and not (self.side / "last").exists())

    async def until_settled(self) -> ServiceDeploymentQueue:
        """Wait for the final status."""
        while True:
            row = await self.cell.row(self.id)
            if row.status in FINAL:
                return row
            await asyncio.sleep(0.05)

    async def until_script_ended(self) -> None:
        """Wait until the server has recorded the script's end."""
        while not any(self.folder.glob("exit.[0-9]*")):
            await asyncio.sleep(0.02)

    async def _keep_spools(self) -> None:
        """Keep a second name of each spool: what the script wrote is known also when the run's folder is gone."""
        kept = self.data_folder / "kept"
        kept.mkdir(exist_ok=True)
        while True:
            with contextlib.suppress(OSError):
                if (self.folder / "meta").stat().st_size > 0:
                    for channel, name in zip(CHANNELS, ("out", "err"), strict=True):
                        path = kept / f"{self.uuid}.{name}"
                        os.link(self.folder / name, path)
                        self.spools[channel] = path
                    return
            await asyncio.sleep(0.005)


async def run_one(cell: Cell, kind: Kind, seed: int) -> Result:
    """Run a deployment of this kind and seed and say what is wrong with it."""
    encryption.install(encryption.Keyring([cell.key]))
    await cell.keep_workers()
    cell.forget_journal()
    run = Run(cell, kind, seed)
    began = time.monotonic()
    try:
        async with asyncio.timeout(SETTLE_SECONDS + (60 if kind.is_long else 0)):
            await _perform(run)
            row = await run.until_settled()
            if kind.afterwards is not None:
                await kind.afterwards(run)
        seconds = time.monotonic() - began
        await judge(run, row)
    except TimeoutError:
        seconds = time.monotonic() - began
        status = (await cell.row(run.id)).status if run.deployment is not None else "not even queued"
        run.findings.wrong(f"after {seconds:.0f} s it is still {status}")
    finally:
        await _clean_up(run)
    found = run.findings
    lines = sum(path.count(b"\n") for path in run.workload.written.values())
    return Result(
        kind.name, seed, run.counted, found.lost, found.doubled, found.reordered, found.wrong_status,
        round(seconds, 2), lines, found.notes,
    )  # fmt: skip


async def _perform(run: Run) -> None:
    if run.kind.prepare is not None:
        await run.kind.prepare(run)
    await (run.ask() if run.kind.ask is None else run.kind.ask(run))
    with contextlib.suppress(Missed):
        await run.kind.strike(run)


async def _clean_up(run: Run) -> None:
    cell = run.cell
    cell.ssh.bring_up()
    cell.ssh.let_go()
    cell.redis.bring_up()
    cell.redis.let_go()
    cell.postgres.bring_up()
    cell.postgres.keep_answers()
    cell.server.resume()
    (cell.folder / "twice").unlink(missing_ok=True)
    if run.keeping is not None:
        run.keeping.cancel()
    done, late = await asyncio.wait(run.tasks, timeout=20) if run.tasks else (set(), set())
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    for task in done:
        if not task.cancelled() and task.exception() is not None:
            run.findings.wrong(f"{task.exception()!r}")
    if run.kind.clean_up is not None:
        await run.kind.clean_up(run)
    for path in run.spools.values():
        path.unlink(missing_ok=True)


async def nothing_left(run: Run) -> None:
    """Be sure that no process of the run is alive."""
    for _ in range(40):
        if not marked_processes(run.uuid):
            return
        await asyncio.sleep(0.05)
    run.findings.wrong(f"processes of the run are alive: {marked_processes(run.uuid)}")
