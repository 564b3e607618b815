"""Cancels asked for over the API, of runs that end gladly and of runs that do not."""

import asyncio
import time

from app.models import ServiceDeploymentQueue
from tests.faults.cell import Missed
from tests.faults.judge import Expected
from tests.faults.run import FINAL, Kind, Run, nothing_left

PATIENCE_SECONDS = 20.0
"""Twice the ten seconds that are promised: the machine may be busy with other runs."""

_CANCELLED = Expected("cancelled-by-user")
_ON = "sleep 50"


async def _request(run: Run) -> int:
    """Ask for the cancel as a client does: a 503 says to try again."""
    async with await run.cell.api() as client:
        for _ in range(20):
            answer = await client.post(f"/deployments/{run.uuid}/cancel")
            if answer.status_code != 503:
                break
            await asyncio.sleep(float(answer.headers["Retry-After"]) / 4)
    return answer.status_code


async def _prepare(run: Run) -> None:
    await run.cell.api()


async def _cancel(run: Run) -> None:
    following = await _queue_another(run) if run.random.random() < 0.4 else None
    await run.moment()
    run.struck()
    began = time.monotonic()
    if (code := await _request(run)) != 200:
        run.findings.wrong(f"the cancel was answered with {code}")
    await run.until_settled()
    if time.monotonic() - began > PATIENCE_SECONDS:
        run.findings.wrong(f"the cancel took {time.monotonic() - began:.0f} s")
    await _follows(run, following)


async def _cancel_without_link(run: Run) -> None:
    await run.moment()
    run.cell.ssh.take_down()
    run.struck()
    code = await _request(run)
    await asyncio.sleep(run.random.uniform(0.5, 3))
    if code != 200:
        run.findings.wrong(f"the cancel was answered with {code}")
    if (await run.cell.row(run.id)).status in FINAL:
        run.findings.wrong("it is settled although nobody could know that the run was ended")
    run.cell.ssh.bring_up()


async def _cancel_too_late(run: Run) -> None:
    """The script has ended, and nobody has seen it yet, when the cancel is asked for."""
    await run.moment()
    await asyncio.gather(*(program.kill() for program in run.cell.workers.values()))
    run.struck()
    await run.until_script_ended()
    if (await run.cell.row(run.id)).status in FINAL:
        raise Missed
    if (code := await _request(run)) != 200:
        run.findings.wrong(f"the cancel was answered with {code}")
    await run.cell.keep_workers()


async def _refused_afterwards(run: Run) -> None:
    before = (await run.cell.row(run.id)).status
    code = await _request(run)
    if code != 400 or (await run.cell.row(run.id)).status != before:
        run.findings.wrong(f"a cancel of what is over was answered with {code}")
    await nothing_left(run)


async def _queue_another(run: Run) -> ServiceDeploymentQueue:
    return await run.cell.ask(await run.cell.make_service('{"steps": ["echo next"]}', ()))


async def _follows(run: Run, following: ServiceDeploymentQueue | None) -> None:
    """The one that waited behind it has run."""
    if following is None:
        return
    while (row := await run.cell.row(following.id)).status not in FINAL:
        await asyncio.sleep(0.05)
    if row.status != "finished":
        run.findings.wrong(f"the next one in the queue is {row.status}: {row.failure_reason}")


def _kind(name: str, before: str) -> Kind:
    return Kind(
        f"cancel: {name}",
        _cancel,
        before=before,
        hold=_ON,
        prepare=_prepare,
        afterwards=_refused_afterwards,
        expected=_CANCELLED,
        is_whole=False,
    )


KINDS = (
    _kind("foreground child", ""),
    _kind("child in a session of its own", "setsid sleep 50 &"),
    _kind(
        "child that ignores TERM",
        "trap '' TERM; sh -c 'trap \"\" TERM; sleep 50' & setsid sh -c 'trap \"\" TERM; sleep 50' &",
    ),
    Kind(
        "cancel: link down",
        _cancel_without_link,
        hold=_ON,
        prepare=_prepare,
        afterwards=_refused_afterwards,
        expected=_CANCELLED,
        is_whole=False,
    ),
    Kind("cancel: already over", _cancel_too_late, prepare=_prepare, afterwards=_refused_afterwards),
)
