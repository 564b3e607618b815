"""Starts a deployment's script on its server, at most once, whatever happens to the link meanwhile.

`phase` is committed before and after: `claimed` → `launching` → `launched`. The run folder on the server is the lock: a
launch whose answer was lost is simply asked for again and answered with the run that is there.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from app.compose.plan import DeploymentPlan, ServerFacts
from app.compose.script import render_script
from app.deployments.job import Cancelled, Failed, Job
from app.deployments.log import own_entry
from app.deployments.storing import Publish
from app.kit.backoff import pause_after
from app.kit.clock import utcnow
from app.remote.detached import DetachedRun, Launched, RunState
from app.remote.errors import RemoteError
from app.remote.host import Host, HostPool, RemoteFile
from app.servers.repository import ServerAccess

log = structlog.get_logger(__name__)

CONNECT_PAUSES = (1.0, 3.0)
"""Seconds between the tries to reach a server before anything has run on it."""


CANCEL_GRACE_SECONDS = 5.0
"""How long a cancelled run may take to end by itself: the whole cancel is to be over within 10 s."""


async def launch(
    job: Job, plan: DeploymentPlan, facts: ServerFacts, access: ServerAccess, *, hosts: HostPool, publish: Publish
) -> None:
    """Upload the files and start the script.

    Raises Failed with the reason when that cannot be done, Cancelled when a user was faster.
    """
    if await _has_run(job, hosts, access):
        return
    await _reach(hosts, access)
    if job.row.phase == "claimed":
        opening = f"Deploying {job.resource_name} to {job.row.server_name}."
        texts = (opening, *job.changes, *job.hiding.notes)
        entries = (own_entry(text, batch=1) for text in texts)
        await job.writer.append(job.standing(*entries), phase="claimed", new_phase="launching")
        job.row.phase = "launching"
        await publish(job.uuid, job.writer.position.log_count)
    attempt = 0
    while True:
        if await _has_run(job, hosts, access):
            return
        try:
            await _unless_cancelled(job, _upload(job, plan, facts, access, hosts))
            if job.cancel.is_set():
                continue
            await job.writer.append(job.standing())  # renews the lease, or tells that it is another worker's now
            launched = await _start_script(job, plan, facts, access, hosts)
            break
        except RemoteError as error:
            if not error.may_pass or job.claimed.seconds_left <= 0:
                raise Failed(str(error)) from error
            attempt += 1
            log.info("whether the script was started is unknown, asking again", error=str(error))
            await asyncio.sleep(pause_after(attempt, most=30.0))
    job.row.run_clock = utcnow() - timedelta(seconds=launched.uptime)
    await job.writer.append(
        job.standing(),
        phase="launching",
        new_phase="launched",
        process_id=str(launched.pid),
        run_clock=job.row.run_clock,
    )


async def _has_run(job: Job, hosts: HostPool, access: ServerAccess) -> bool:
    """Return False when the script may be started. When a cancel was asked for, end what a launch before this one began.

    Returns True when that has printed something or ended by itself: it counts as launched, its log and its exit code are
    on the server. Raises Cancelled when nothing has run.
    """
    if not job.cancel.is_set():
        return False
    if job.row.phase == "launching":
        state = await end_run(job, hosts, access)
        if state.stdout_size is not None:
            await job.writer.append(job.standing(), phase="launching", new_phase="launched")
            return True
    raise Cancelled


async def end_run(job: Job, hosts: HostPool, access: ServerAccess) -> RunState:
    """Kill the run with everything it started and return how it then stands.

    Tried again until the server confirms it or the deadline has passed.
    """
    attempt = 0
    while True:
        try:
            run = run_on_server(job, await hosts.get(access.address), access)
            return await run.cancel(grace_seconds=CANCEL_GRACE_SECONDS)
        except RemoteError as error:
            if job.claimed.seconds_left <= 0:
                raise Failed(f"A cancel was asked for, but the server could not be reached: {error}") from error
            attempt += 1
            log.info("the run cannot be ended yet", error=str(error))
            await asyncio.sleep(pause_after(attempt, most=5.0))  # somebody waits for it


def run_on_server(job: Job, host: Host, access: ServerAccess) -> DetachedRun:
    """Return the deployment's run as a host has it."""
    return DetachedRun(host, f"{access.data_folder}/runs/{job.uuid}", job.uuid)


async def _reach(hosts: HostPool, access: ServerAccess) -> None:
    """Make sure that the server answers before anything is said; one that does not gets two more tries."""
    for pause in (*CONNECT_PAUSES, None):
        try:
            await hosts.get(access.address)
        except RemoteError as error:
            if pause is None or not error.may_pass:
                raise Failed(str(error)) from error
            await asyncio.sleep(pause)
        else:
            return


async def _unless_cancelled(job: Job, work: Coroutine[Any, Any, None]) -> None:
    """Do something, which is broken off when a cancel is asked for."""
    doing, cancelled = asyncio.ensure_future(work), asyncio.ensure_future(job.cancel.wait())
    try:
        await asyncio.wait({doing, cancelled}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
    finally:
        doing.cancel()
        cancelled.cancel()
        await asyncio.gather(doing, cancelled, return_exceptions=True)


async def _upload(job: Job, plan: DeploymentPlan, facts: ServerFacts, access: ServerAccess, hosts: HostPool) -> None:
    files = [RemoteFile(file.path, file.content, file.mode) for file in plan.files]
    host = await hosts.get(access.address)
    await host.write_files(f"{facts.data_folder}/runs/{job.uuid}.{job.claimed.lease_epoch}", files)


async def _start_script(
    job: Job, plan: DeploymentPlan, facts: ServerFacts, access: ServerAccess, hosts: HostPool
) -> Launched:
    remaining = max(1, round(job.claimed.seconds_left))
    script = render_script(
        replace(plan, deadline_seconds=remaining),
        facts,
        run_id=job.uuid,
        epoch=job.claimed.lease_epoch,
        nonce=job.snapshot["nonce"],
    )
    run = run_on_server(job, await hosts.get(access.address), access)
    return await run.launch(
        script,
        deadline_seconds=remaining,
        resource=job.row.resource_uuid,
        no_output_seconds=job.no_output_seconds,
    )
