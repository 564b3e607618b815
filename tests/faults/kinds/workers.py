"""Workers that are killed, frozen, replaced, or given the same work twice."""

import asyncio
import signal

from sqlalchemy import text

from tests.faults.cell import WORKERS
from tests.faults.run import Kind, Run


async def _kill_holder(run: Run) -> None:
    for _ in range(run.random.choice((1, 1, 2))):
        await run.moment()
        name = await run.cell.holder(run.id)
        await run.cell.workers[name].kill()
        run.struck()
        run.start(run.cell.start_worker(name))


async def _replace(run: Run) -> None:
    await run.moment()
    await asyncio.gather(*(program.kill() for program in run.cell.workers.values()))
    run.struck()
    await run.cell.start_worker(run.random.choice(WORKERS))


async def _freeze(run: Run) -> None:
    await run.moment(most=0.5)
    name = await run.cell.holder(run.id)
    epoch = (await run.cell.row(run.id)).lease_epoch
    run.cell.workers[name].signal(signal.SIGSTOP)
    run.struck()
    pause = run.random.choice((0.0, 0.0, 0.3, 2.0))
    while (await run.cell.row(run.id)).lease_epoch == epoch:
        await asyncio.sleep(0.005)
    await asyncio.sleep(pause)
    run.cell.workers[name].signal(signal.SIGCONT)


async def _hand_over(run: Run) -> None:
    await run.moment()
    name = await run.cell.holder(run.id)
    run.cell.workers[name].signal(signal.SIGTERM)
    run.struck()
    process = run.cell.workers[name].process
    assert process is not None
    if await process.wait() != 0:
        run.findings.wrong(f"the worker ended with {process.returncode} after SIGTERM")


async def _twice(run: Run) -> None:
    (run.cell.folder / "twice").touch()


async def _no_more_twice(run: Run) -> None:
    await run.moment()
    run.struck()
    (run.cell.folder / "twice").unlink()


async def _steal(run: Run) -> None:
    for _ in range(run.random.randint(1, 5)):
        await run.moment(most=0.4)
        async with run.cell.sessions.begin() as session:
            statement = "UPDATE service_deployment_queues SET lease_until = now() - interval '1 s' WHERE id = :id"
            await session.execute(text(statement), {"id": run.id})
        run.struck()
        await asyncio.gather(*(run.cell.waker.look(run.cell.place.server.id) for _ in range(4)))


async def _let_it_end(run: Run) -> None:
    await run.moment()
    await asyncio.gather(*(program.kill() for program in run.cell.workers.values()))
    run.struck()
    await run.until_script_ended()
    await run.cell.keep_workers()


KINDS = (
    Kind("worker: killed, another alive", _kill_holder),
    Kind("worker: killed, a new one started", _replace),
    Kind("worker: frozen past its lease", _freeze),
    Kind("worker: stopped in order", _hand_over),
    Kind("twice: same claim run twice", _no_more_twice, prepare=_twice),
    Kind("twice: lease expires under its owner", _steal),
    Kind("unattended: ends while nobody is there", _let_it_end),
)
