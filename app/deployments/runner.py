"""Runs one claimed deployment, from wherever its row stands, to its settled end.

claimed ──► launching ──► launched ──► settled. Every arrow is a compared change of `phase` in PostgreSQL; a worker that
takes over reads the phase and goes on: nothing is run twice, the run folder on the server is the lock.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app.compose.plan import DeploymentPlan, PlanError, ServerFacts
from app.compose.script import render_script
from app.deployments.claim import Claimed
from app.deployments.following import Follower, Gone, Publish, StepTable
from app.deployments.kinds import AnyQueue
from app.deployments.log import LeaseLost, LogWriter, Position, Stretch, Verdict, own_entry, settle
from app.deployments.repository import load_snapshot
from app.kit.clock import utcnow
from app.kit.encryption import DecryptionError
from app.kit.redaction import Redactor
from app.models.deployment_status import DeploymentStatus
from app.operations.status import look_at
from app.postgres import Sessions
from app.remote.detached import DEADLINE_EXIT_CODE, DetachedRun, Launched, RunState
from app.remote.errors import RemoteError
from app.remote.host import HostPool, RemoteFile
from app.servers.repository import ServerAccess, load_access
from app.servers.validation import validate_server
from app.settings import Settings

log = structlog.get_logger(__name__)

CONNECT_PAUSES = (1.0, 3.0)
"""Seconds between the tries to reach a server before anything has run on it."""


@dataclass(frozen=True)
class _Job:
    """A claimed row with everything that running it needs."""

    claimed: Claimed
    row: AnyQueue
    snapshot: dict[str, Any]
    redactor: Redactor
    writer: LogWriter
    steps: StepTable


class _Failed(Exception):
    """The deployment has failed; the text is the reason, a sentence a person understands."""


class Runner:
    """Runs deployments; one per worker process, any number at once."""

    def __init__(self, sessions: Sessions, hosts: HostPool, settings: Settings, publish: Publish) -> None:
        self._sessions = sessions
        self._hosts = hosts
        self._settings = settings
        self._publish = publish

    async def run(self, claimed: Claimed) -> None:
        """Run to the end. Never raises for what happens to a deployment: that is data, with its reason in the log."""
        bound = log.bind(deployment=claimed.deployment_uuid)
        try:
            job = await self._load(claimed)
            if job is not None:
                await self._run(job)
        except LeaseLost:
            bound.info("another worker goes on with this deployment")
        except (SQLAlchemyError, OSError) as error:
            # The lease runs out and a sweep takes the row over: nothing is lost but time.
            bound.warning("PostgreSQL is away, letting go", error=type(error).__name__)

    async def _load(self, claimed: Claimed) -> _Job | None:
        async with self._sessions() as session:
            try:
                row = await load_snapshot(session, claimed.kind, claimed.deployment_id)
                if row is None:
                    return None
                secrets = await row.redaction_set()
            except DecryptionError as error:
                await self._settle_unread(claimed, str(error))
                return None
        position = Position(
            claimed.lease_epoch, row.log_count, row.stdout_offset, row.stderr_offset, row.log_bytes, row.dropped_bytes
        )
        lease_seconds = self._settings.lease_seconds
        writer = LogWriter(self._sessions, claimed.kind, claimed.deployment_id, position, lease_seconds=lease_seconds)
        snapshot = row.configuration_snapshot or {}
        return _Job(claimed, row, snapshot, Redactor(secrets), writer, StepTable(row.steps))

    async def _run(self, job: _Job) -> None:
        try:
            verdict = await self._deploy(job)
        except _Failed as failed:
            verdict = Verdict(DeploymentStatus.FAILED, job.redactor.redact(str(failed)))
        except Gone:
            reason = f"Deadline of {_deadline_seconds(job)} s exceeded while the server could not be reached."
            verdict = Verdict(DeploymentStatus.FAILED, reason)
        except (LeaseLost, SQLAlchemyError, OSError, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("a deployment met an error of ours", deployment=job.claimed.deployment_uuid)
            verdict = Verdict(
                DeploymentStatus.FAILED, "Shiplog met an error of its own; the worker's log has the details."
            )
        await self._settle(job, verdict)

    async def _deploy(self, job: _Job) -> Verdict:
        access = await self._access(job)
        facts = ServerFacts(data_folder=access.data_folder, docker_needs_sudo=access.docker_needs_sudo)
        plan = _plan(job, facts)
        if not job.steps.rows:
            job.steps.rows = StepTable.of(plan).rows
        run_folder = f"{facts.data_folder}/runs/{job.claimed.deployment_uuid}"

        async def open_run() -> DetachedRun:
            return DetachedRun(await self._hosts.get(access.address), run_folder, job.claimed.deployment_uuid)

        if job.row.phase != "launched":
            await self._launch(job, plan, facts, access)
        follower = Follower(
            open_run=open_run,
            plan=plan,
            nonce=job.snapshot["nonce"],
            redactor=job.redactor,
            writer=job.writer,
            steps=job.steps,
            step=job.row.step,
            deadline_at=job.claimed.deadline_at + timedelta(seconds=60),
            log_cap_bytes=self._settings.log_cap_bytes,
            publish=self._publish,
            deployment_uuid=job.claimed.deployment_uuid,
        )
        state = await follower.until_over()
        return await self._verdict(job, follower, state, facts, access)

    async def _access(self, job: _Job) -> ServerAccess:
        """Return how to reach the server; a server nobody has validated yet is validated now."""
        async with self._sessions() as session:
            access = await load_access(session, job.claimed.server_id)
        if access is not None and access.is_validated:
            return access
        result = await validate_server(self._sessions, self._hosts, job.claimed.server_id)
        async with self._sessions() as session:
            access = await load_access(session, job.claimed.server_id)
        if access is None:
            raise _Failed("The server is gone.")
        if not access.is_validated:
            raise _Failed(result.message)
        return access

    async def _launch(self, job: _Job, plan: DeploymentPlan, facts: ServerFacts, access: ServerAccess) -> None:
        """Upload the files and start the script, at most once per deployment."""
        await self._connect(access)
        if job.row.phase == "claimed":
            entry = own_entry(f"Deploying {_name_of(job.row)} to {job.row.server_name}.", batch=1)
            await self._phase(job, "claimed", "launching", entry)
        attempt = 0
        while True:
            try:
                launched = await self._start_script(job, plan, facts, access)
                break
            except RemoteError as error:
                # Whether a lost launch has started the script is unknown; asking again answers the run that is there.
                if not error.may_pass or utcnow() >= job.claimed.deadline_at:
                    raise _Failed(str(error)) from error
                attempt += 1
                await asyncio.sleep(min(30.0, 0.5 * 2 ** min(attempt, 6)))
        await job.writer.append(
            self._standing(job),
            phase="launching",
            new_phase="launched",
            process_id=str(launched.pid),
            run_clock=utcnow() - timedelta(seconds=launched.uptime),
        )

    async def _start_script(
        self, job: _Job, plan: DeploymentPlan, facts: ServerFacts, access: ServerAccess
    ) -> Launched:
        uuid = job.claimed.deployment_uuid
        folder = f"{facts.data_folder}/runs/{uuid}"
        files = [RemoteFile(file.path, file.content, file.mode) for file in plan.files]
        script = render_script(plan, facts, run_id=uuid, epoch=job.claimed.lease_epoch, nonce=job.snapshot["nonce"])
        remaining = max(1, round((job.claimed.deadline_at - utcnow()).total_seconds()))
        host = await self._hosts.get(access.address)
        await host.write_files(f"{folder}.{job.claimed.lease_epoch}", files)
        run = DetachedRun(host, folder, uuid)
        return await run.launch(script, deadline_seconds=remaining, resource=job.row.resource_uuid)

    async def _connect(self, access: ServerAccess) -> None:
        """Make sure that the server answers before anything is said; one that does not gets two more tries."""
        for pause in (*CONNECT_PAUSES, None):
            try:
                await self._hosts.get(access.address)
            except RemoteError as error:
                if pause is None or not error.may_pass:
                    raise _Failed(str(error)) from error
                await asyncio.sleep(pause)
            else:
                return

    async def _phase(self, job: _Job, old: str, new: str, entry: dict[str, Any]) -> None:
        stretch = self._standing(job, entry)
        await job.writer.append(stretch, phase=old, new_phase=new)
        await self._publish(job.claimed.deployment_uuid, job.writer.position.log_count)

    def _standing(self, job: _Job, *entries: dict[str, Any], step: int | None = None) -> Stretch:
        """Return a stretch that moves no offset."""
        position = job.writer.position
        return Stretch(
            [{**entry, "output": job.redactor.redact(entry["output"])} for entry in entries],
            position.stdout_offset,
            position.stderr_offset,
            job.row.step if step is None else step,
            job.steps.rows,
        )

    async def _verdict(
        self, job: _Job, follower: Follower, state: RunState, facts: ServerFacts, access: ServerAccess
    ) -> Verdict:
        job.row.step = follower.step
        if state.kind == "exited":
            job.steps.close(follower.step, state.exit_code, job.writer.position.log_count, utcnow())
        reason = _reason(job, follower, state)
        if state.kind == "lost":
            await self._end_orphans(job, facts, access)
        status = DeploymentStatus.FINISHED if reason is None else DeploymentStatus.FAILED
        resource_status: str | None = None
        try:
            host = await self._hosts.get(access.address)
            resource_status = await look_at(host, facts, job.row.resource_uuid)
        except RemoteError as error:
            log.info("the state of the containers is unknown", error=str(error))
        return Verdict(status, reason, state.exit_code, resource_status)

    async def _end_orphans(self, job: _Job, facts: ServerFacts, access: ServerAccess) -> None:
        """A script whose supervisor was killed may live on, and nobody would ever stop it: settle without it."""
        uuid = job.claimed.deployment_uuid
        try:
            host = await self._hosts.get(access.address)
            await DetachedRun(host, f"{facts.data_folder}/runs/{uuid}", uuid).cancel()
        except RemoteError as error:
            log.warning("what a lost run left could not be ended", deployment=uuid, error=str(error))

    async def _settle(self, job: _Job, verdict: Verdict) -> None:
        """Write the last entry and the final status; then empty the run folder: the log is ours now."""
        entries = []
        if dropped := job.writer.position.dropped_bytes:
            note = (
                f"{dropped} bytes of output were left out: the log is capped at {self._settings.log_cap_bytes} bytes."
            )
            entries.append(own_entry(note, batch=max(job.row.step, 1), type="stderr"))
        if verdict.failure_reason is None:
            entries.append(own_entry("Deployment finished.", batch=max(job.row.step, 1)))
        else:
            text = f"Deployment failed: {verdict.failure_reason}"
            entries.append(own_entry(text, batch=max(job.row.step, 1), type="stderr"))
        async with self._sessions.begin() as session:
            await settle(
                session,
                job.claimed.kind,
                job.claimed.deployment_id,
                job.writer.position,
                last=self._standing(job, *entries),
                verdict=verdict,
            )
        await self._publish(job.claimed.deployment_uuid, job.writer.position.log_count + len(entries))
        await self._seal_run(job)

    async def _seal_run(self, job: _Job) -> None:
        """Remove the unredacted spools; what cannot be reached now is removed by a later sweep."""
        try:
            async with self._sessions() as session:
                access = await load_access(session, job.claimed.server_id)
            if access is None or not access.is_validated:
                return
            uuid = job.claimed.deployment_uuid
            host = await self._hosts.get(access.address)
            await DetachedRun(host, f"{access.data_folder}/runs/{uuid}", uuid).seal()
        except (RemoteError, SQLAlchemyError, OSError) as error:
            log.info("the run folder stays for now", deployment=job.claimed.deployment_uuid, error=str(error))

    async def _settle_unread(self, claimed: Claimed, reason: str) -> None:
        """Settle a row whose snapshot cannot be decrypted: without its secrets nothing may be stored."""
        async with self._sessions.begin() as session:
            model: Any = claimed.kind.queue
            row = await session.get_one(model, claimed.deployment_id)
            position = Position(claimed.lease_epoch, row.log_count, row.stdout_offset, row.stderr_offset)
            entry = own_entry(f"Deployment failed: {reason}", batch=1, type="stderr")
            last = Stretch([entry], row.stdout_offset, row.stderr_offset, row.step, row.steps)
            verdict = Verdict(DeploymentStatus.FAILED, reason)
            await settle(session, claimed.kind, claimed.deployment_id, position, last=last, verdict=verdict)


def _plan(job: _Job, facts: ServerFacts) -> DeploymentPlan:
    try:
        return job.claimed.kind.plan(job.snapshot, facts)
    except PlanError as error:
        raise _Failed(str(error)) from error
    except ValidationError as error:
        # Pydantic's text would quote the values.
        fields = ", ".join(".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
        raise _Failed(f"The stored configuration cannot be read ({fields}).") from None


def _reason(job: _Job, follower: Follower, state: RunState) -> str | None:
    """Return why the deployment failed, or None when it did not."""
    name = job.row.server_name
    if state.kind == "exited" and state.exit_code == 0:
        return None
    if state.kind == "exited" and state.exit_code == DEADLINE_EXIT_CODE:
        return f"Deadline of {_deadline_seconds(job)} s exceeded; what still ran was killed."
    if state.kind == "exited":
        step = job.steps.rows[follower.step - 1]["name"] if follower.step else "The script"
        detail = f": {follower.last_error_line}" if follower.last_error_line else "."
        return f"{step} failed with exit code {state.exit_code}{detail}"
    return {
        "rebooted": f"The server {name} was rebooted during the deployment.",
        "missing": f"The worker was lost and the run's folder is gone from {name}.",
        "stillborn": f"The script could not be started on {name}.",
    }.get(state.kind, f"The run's supervisor on {name} was killed.")


def _name_of(row: AnyQueue) -> str:
    name: str = getattr(row, "service_name", None) or getattr(row, "database_name", "")
    return name


def _deadline_seconds(job: _Job) -> int:
    return int(job.snapshot.get("deadline_seconds", 3600))
