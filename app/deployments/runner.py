"""Runs one claimed deployment, from wherever its row stands, to its settled end.

claimed ──► launching ──► launched ──► settled. Every arrow is a compared change of `phase` in PostgreSQL; a worker that
takes over reads the phase and goes on: nothing is run twice, the run folder on the server is the lock.
"""

import asyncio
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app.compose.plan import DeploymentPlan, PlanError, ServerFacts
from app.deployments.changes import change_notes
from app.deployments.claim import Claimed
from app.deployments.digests import look_at_images
from app.deployments.following import Follower, Gone
from app.deployments.job import Cancelled, Failed, Job
from app.deployments.launching import end_run, launch, run_on_server
from app.deployments.log import LeaseLost, LogWriter, Position, Stretch, own_entry
from app.deployments.reading import last_moment
from app.deployments.reasons import reason_of
from app.deployments.recording import Recorder
from app.deployments.redaction import hiding_of
from app.deployments.repository import load_snapshot, previous_snapshot
from app.deployments.settling import Verdict, lock_for_settle, settle
from app.deployments.spans import trace_deployment
from app.deployments.step_table import StepTable
from app.deployments.storing import Publish
from app.kit.clock import utcnow
from app.kit.encryption import DecryptionError
from app.kit.redaction import Redactor
from app.metrics.instruments import LEASES_LOST
from app.models.deployment_status import DeploymentStatus
from app.operations.status import list_containers, look_at
from app.postgres import Sessions, create_autocommit_sessions, is_away
from app.remote.detached import DetachedRun, RunState
from app.remote.errors import RemoteError
from app.remote.host import HostPool
from app.servers.repository import ServerAccess, load_access
from app.servers.validation import validate_server
from app.settings import Settings

log = structlog.get_logger(__name__)

UNREACHABLE_SECONDS = 60
"""How long after its deadline, at which the server itself ends it, a run is waited for that cannot be seen."""


class Runner:
    """Runs deployments; one per worker process, any number at once."""

    def __init__(self, sessions: Sessions, hosts: HostPool, settings: Settings, publish: Publish) -> None:
        self._sessions = sessions
        # An append is one statement: without a transaction around it, it takes one round trip and not three.
        self._appending = create_autocommit_sessions(sessions.kw["bind"], settings)
        self._hosts = hosts
        self._settings = settings
        self._publish = publish

    async def run(self, claimed: Claimed, cancel: asyncio.Event) -> None:
        """Run to the end, or until `cancel` is set and the server has confirmed that nothing of it is left.

        Never raises for what happens to a deployment: that is data, with its reason in the log.
        """
        # Whoever asked for the look that found it asked for something else.
        with structlog.contextvars.bound_contextvars(deployment_uuid=claimed.deployment_uuid, request_id=None):
            try:
                job = await self._load(claimed, cancel)
                if job is not None:
                    structlog.contextvars.bind_contextvars(request_id=job.row.request_id)
                    log.info("running a deployment", epoch=claimed.lease_epoch)
                    await self._run(job)
            except LeaseLost:
                LEASES_LOST.inc()
                log.info("another worker goes on with this deployment")
            except Exception as error:
                # The lease runs out and a sweep takes the row over: nothing is lost but time.
                if not is_away(error):
                    raise
                log.warning("PostgreSQL is away, letting go", error=type(error).__name__)

    async def _load(self, claimed: Claimed, cancel: asyncio.Event) -> Job | None:
        async with self._sessions() as session:
            try:
                row = await load_snapshot(session, claimed.kind, claimed.deployment_id)
                if row is None:
                    return None
                known = await row.redaction_set()
                moment = await last_moment(session, claimed.kind, claimed.deployment_id, row.log_count)
                previous = await previous_snapshot(session, claimed.kind, row)
            except DecryptionError as error:
                await self._settle_unread(claimed, str(error))
                return None
        position = Position(
            claimed.lease_epoch, row.log_count, row.stdout_offset, row.stderr_offset, row.log_bytes, row.dropped_bytes
        )
        lease_seconds = self._settings.lease_seconds
        writer = LogWriter(self._appending, claimed.kind, claimed.deployment_id, position, lease_seconds=lease_seconds)
        if row.cancel_requested_at is not None:
            cancel.set()
        snapshot = {**(row.configuration_snapshot or {}), "previous_image": previous.get("columns", {}).get("image")}
        changes = (*snapshot.get("notes", ()), *change_notes(previous, snapshot))
        hiding = hiding_of(snapshot, known, self._settings.secret_name_pattern)
        redactor = Redactor(hiding.secrets)
        return Job(claimed, row, snapshot, hiding, redactor, writer, StepTable(row.steps), moment, cancel, changes)

    async def _run(self, job: Job) -> None:
        try:
            verdict = await self._deploy(job)
        except Cancelled:
            verdict = Verdict(DeploymentStatus.CANCELLED_BY_USER)
        except Failed as failed:
            verdict = Verdict(DeploymentStatus.FAILED, job.redactor.redact(str(failed)))
        except Gone as gone:
            verdict = Verdict(DeploymentStatus.FAILED, job.redactor.redact(str(gone)))
        except LeaseLost:
            raise
        except Exception as error:
            if is_away(error):
                raise
            log.exception("a deployment met an error of ours")
            verdict = Verdict(
                DeploymentStatus.FAILED, "Shiplog met an error of its own; the worker's log has the details."
            )
        await self._settle(job, verdict)

    async def _deploy(self, job: Job) -> Verdict:
        access = await self._access(job)
        facts = ServerFacts(data_folder=access.data_folder, docker_needs_sudo=access.docker_needs_sudo)
        plan = _plan(job, facts)
        job.hide(plan.secrets)
        if not job.steps.rows:
            job.steps.rows = StepTable.of(plan).rows

        async def open_run() -> DetachedRun:
            now = await self._access(job)  # its key or address may have been changed meanwhile
            return run_on_server(job, await self._hosts.get(now.address), access)

        if job.row.phase != "launched":
            await launch(job, plan, facts, access, hosts=self._hosts, publish=self._publish)
        recorder = Recorder(
            plan,
            job.redactor,
            job.steps,
            step=job.row.step,
            log_cap_bytes=self._settings.log_cap_bytes,
            last_moment=job.last_moment,
        )
        follower = Follower(
            open_run=open_run,
            nonce=job.snapshot["nonce"],
            redactor=job.redactor,
            writer=job.writer,
            recorder=recorder,
            deadline=job.claimed.deadline + UNREACHABLE_SECONDS,
            run_clock=job.row.run_clock,
            publish=self._publish,
            deployment_uuid=job.uuid,
        )
        ending = asyncio.create_task(self._end_when_cancelled(job, access))
        try:
            state = await follower.until_over()
        finally:
            ending.cancel()
            await asyncio.gather(ending, return_exceptions=True)
        return await self._verdict(job, recorder, state, facts, access)

    async def _end_when_cancelled(self, job: Job, access: ServerAccess) -> None:
        """The follower sees the end of the run by itself and keeps every line up to it."""
        await job.cancel.wait()
        await end_run(job, self._hosts, access)

    async def _access(self, job: Job) -> ServerAccess:
        """Return how to reach the server; a server nobody has validated yet is validated now."""
        access = await self._stored_access(job)
        if access.is_validated:
            return access
        result = await validate_server(self._sessions, self._hosts, job.claimed.server_id)
        access = await self._stored_access(job)
        if not access.is_validated:
            raise Failed(result.message)
        return access

    async def _stored_access(self, job: Job) -> ServerAccess:
        try:
            async with self._sessions() as session:
                access = await load_access(session, job.claimed.server_id)
        except DecryptionError as error:
            raise Failed(f"The server's private key cannot be read. {error}") from error
        if access is None:
            raise Failed("The server is gone.")
        job.hide(frozenset({access.address.private_key.reveal()}))
        return access

    async def _verdict(
        self, job: Job, recorder: Recorder, state: RunState, facts: ServerFacts, access: ServerAccess
    ) -> Verdict:
        job.row.step, job.last_moment = recorder.step, recorder.last_moment
        if state.kind == "exited":
            job.steps.close(recorder.step, state.exit_code, job.writer.position.log_count, utcnow())
        reason = reason_of(job, recorder.step, recorder.last_error_line, state)
        status = DeploymentStatus.FINISHED if reason is None else DeploymentStatus.FAILED
        if job.cancel.is_set() and state.kind != "exited":
            # What had ended by itself before the kill keeps its real status.
            status, reason = DeploymentStatus.CANCELLED_BY_USER, None
        resource_status: str | None = None
        containers: tuple[str, ...] = ()
        digests: dict[str, Any] | None = None
        try:
            host = await self._hosts.get(access.address)
            resource_status = await look_at(host, facts, job.row.resource_uuid)
            if status is DeploymentStatus.CANCELLED_BY_USER:
                containers = await list_containers(host, facts, job.row.resource_uuid)
            if status is DeploymentStatus.FINISHED:
                digests = await look_at_images(host, facts, job.row.resource_uuid, job.redactor)
        except RemoteError as error:
            log.info("the state of the containers is unknown", error=str(error))
        return Verdict(status, reason, state.exit_code, resource_status, containers, digests)

    async def _settle(self, job: Job, verdict: Verdict) -> None:
        """Write the last entry and the final status; then empty the run folder: the log is ours now."""
        async with self._sessions.begin() as session:
            cancel_requested = await lock_for_settle(session, job.claimed.kind, job.claimed.deployment_id)
            if cancel_requested and verdict.status is DeploymentStatus.FAILED and job.row.phase == "claimed":
                # Nothing of it ever ran: what kept it from running is not what ended it.
                verdict = Verdict(DeploymentStatus.CANCELLED_BY_USER)
            entries = self._last_entries(job, verdict, cancel_requested=cancel_requested)
            await settle(
                session,
                job.claimed.kind,
                job.claimed.deployment_id,
                job.writer.position,
                last=job.standing(*entries),
                verdict=verdict,
            )
        trace_deployment(job, verdict)
        await self._publish(job.uuid, job.writer.position.log_count + len(entries))
        await self._seal_run(job)

    def _last_entries(self, job: Job, verdict: Verdict, *, cancel_requested: bool) -> list[dict[str, Any]]:
        entries = []
        if dropped := job.writer.position.dropped_bytes:
            note = (
                f"{dropped} bytes of output were left out: the log is capped at {self._settings.log_cap_bytes} bytes."
            )
            entries.append(own_entry(note, batch=job.batch, type="stderr"))
        if verdict.status is DeploymentStatus.CANCELLED_BY_USER:
            entries += [own_entry(line, batch=job.batch) for line in verdict.containers]
            entries.append(own_entry("Deployment cancelled by user.", batch=job.batch, type="stderr"))
            return entries
        if cancel_requested:
            note = "A cancel was asked for, but the deployment had already ended."
            entries.append(own_entry(note, batch=job.batch, type="stderr"))
        if verdict.failure_reason is None:
            entries.append(own_entry("Deployment finished.", batch=job.batch))
        else:
            entries.append(own_entry(f"Deployment failed: {verdict.failure_reason}", batch=job.batch, type="stderr"))
        return entries

    async def _seal_run(self, job: Job) -> None:
        """Remove the unredacted spools; what cannot be reached now is removed by a later sweep."""
        try:
            async with self._sessions() as session:
                access = await load_access(session, job.claimed.server_id)
            if access is not None and access.is_validated:
                await run_on_server(job, await self._hosts.get(access.address), access).seal()
        except (RemoteError, DecryptionError, SQLAlchemyError, OSError) as error:
            log.info("the run folder stays for now", error=str(error))

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


def _plan(job: Job, facts: ServerFacts) -> DeploymentPlan:
    try:
        return job.claimed.kind.plan(job.snapshot, facts)
    except PlanError as error:
        raise Failed(str(error)) from error
    except ValidationError as error:
        # Pydantic's text would quote the values.
        fields = ", ".join(".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
        raise Failed(f"The stored configuration cannot be read ({fields}).") from None
