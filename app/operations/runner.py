"""Runs claimed operations over SSH, step by step, and settles them with what they change.

A step is typed on the server and waited for; the lease is renewed meanwhile. Every step can be repeated: a stop whose link
is lost fails, and asking again does the rest; a delete waits until the server is back and is done then.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.compose.literals import secret_literals
from app.compose.plan import ServerFacts
from app.kit.clock import utcnow
from app.kit.redaction import Redactor
from app.kit.secret_names import SECRET_NAME_PATTERN
from app.models.outbox_event import OutboxEvent
from app.models.resource import DeployableMixin, current_secrets
from app.models.service import Service
from app.operations.claim import (
    ClaimedOperation,
    claim_operation,
    postpone_operation,
    renew_operation,
    settle_operation,
    store_logs,
    take_over_expired,
)
from app.operations.log import OperationLog
from app.operations.planning import PART_KINDS, DeleteOptions, OperationStep, plan_delete, plan_part, plan_stop
from app.operations.repository import deployment_timeout_of, forget_resource, lock_resource, was_ever_started
from app.operations.status import EXITED, UNKNOWN, look_at
from app.postgres import Sessions, transaction
from app.remote.errors import RemoteError
from app.remote.host import Address, Host, HostPool
from app.servers.repository import load_access

log = structlog.get_logger(__name__)

WORKER_LOST = "Worker lost: the process that did this is gone. Ask again, every step can be repeated."
LEFT_BEHIND = "Forgotten by force: containers, volumes, networks and files that are on the server stay there."
WAITS = (
    "The delete waits for the server and is tried again every minute. Cancel the operation to have the resource back; "
    "deleted with force=true it is forgotten without the server."
)
UNEXPECTED = "Shiplog met an error it did not expect; the log of the worker has the details."
RETRY_SECONDS = 60.0
"""How long a delete waits before it tries again to reach its server."""


class _Failed(Exception):
    """A step that failed; the text is the reason."""


@dataclass(frozen=True)
class _Task:
    """What a claimed operation needs: where, what to type, what to hide."""

    address: Address
    facts: ServerFacts
    steps: tuple[OperationStep, ...]
    secrets: frozenset[str]
    timeout: float


async def run_operations(
    sessions: Sessions,
    hosts: HostPool,
    server_id: int,
    owner: str,
    *,
    lease_seconds: float = 30,
    secret_names: str = SECRET_NAME_PATTERN,
) -> int:
    """Run the server's queued operations one after another; return how many this call ran.

    May take as long as the server's `deployment_timeout` for each step: run it as a task of the process.
    """
    count = 0
    while (claimed := await claim_operation(sessions, server_id, owner, lease_seconds)) is not None:
        async with _renewing(sessions, claimed, owner, lease_seconds):
            with structlog.contextvars.bound_contextvars(operation_uuid=claimed.uuid, request_id=claimed.request_id):
                log.info("running an operation", kind=claimed.kind)
                await _run(sessions, hosts, claimed, owner, secret_names)
        count += 1
    return count


async def settle_lost_operations(sessions: Sessions, owner: str, *, lease_seconds: float = 30) -> int:
    """Settle the operations whose worker is gone as failed; return how many."""
    lost = await take_over_expired(sessions, owner, lease_seconds)
    for claimed in lost:
        await _settle(sessions, claimed, owner, None, WORKER_LOST)
    return len(lost)


async def _run(sessions: Sessions, hosts: HostPool, claimed: ClaimedOperation, owner: str, secret_names: str) -> None:
    operation_log = OperationLog(Redactor(()))
    reason: str | None = None
    new_status = EXITED
    try:
        task = await _load(sessions, claimed, secret_names)
        operation_log = OperationLog(Redactor(task.secrets))
        if task.steps:
            host = await hosts.get(task.address)
            await _do(sessions, host, claimed, owner, task, operation_log)
            if claimed.kind in PART_KINDS:
                new_status = await look_at(host, task.facts, claimed.resource_uuid)
        else:
            operation_log.note("It was never started, so nothing is on the server.")
    except RemoteError as error:
        reason = operation_log.redact(str(error))
        if claimed.options.get("force"):
            operation_log.note(reason, "stderr")
            operation_log.note(LEFT_BEHIND, "stderr")
            reason = None
        elif claimed.kind == "delete" and error.may_pass:
            await _postpone(sessions, claimed, owner, operation_log, reason)
            return
    except _Failed as error:
        reason = operation_log.redact(str(error))
    except Exception as error:
        log.exception("operation failed", error=type(error).__name__)
        reason = UNEXPECTED
    if reason is not None:
        operation_log.note(reason, "stderr")
    await _settle(sessions, claimed, owner, operation_log, reason, new_status)


async def _load(sessions: Sessions, claimed: ClaimedOperation, secret_names: str) -> _Task:
    async with transaction(sessions) as session:
        resource = await lock_resource(session, claimed.resource_type, claimed.resource_id)
        if resource is None:
            raise _Failed("The resource is gone.")
        access = await load_access(session, claimed.server_id)
        if access is None:
            raise _Failed("The server is gone.")
        timeout = await deployment_timeout_of(session, claimed.server_id)
        is_there = await was_ever_started(session, resource)
        secrets = await current_secrets(resource, secret_names) | {access.address.private_key.reveal()}
        if isinstance(resource, Service):
            secrets |= {*secret_literals(resource.docker_compose_raw, secret_names)}
    facts = ServerFacts(data_folder=access.data_folder, docker_needs_sudo=access.docker_needs_sudo)
    steps = _plan(claimed, facts) if is_there or claimed.kind in PART_KINDS else ()
    return _Task(access.address, facts, steps, secrets, timeout)


def _plan(claimed: ClaimedOperation, facts: ServerFacts) -> tuple[OperationStep, ...]:
    if claimed.kind in PART_KINDS:
        return plan_part(claimed.resource_uuid, claimed.options["part"], claimed.kind, facts)
    if claimed.kind == "stop":
        return plan_stop(claimed.resource_uuid, facts, docker_cleanup=bool(claimed.options.get("docker_cleanup", True)))
    plural = "services" if claimed.resource_type == Service.resource_type else "databases"
    folder = f"{plural}/{claimed.resource_uuid}"
    return plan_delete(claimed.resource_uuid, folder, facts, DeleteOptions(**claimed.options))


async def _do(
    sessions: Sessions, host: Host, claimed: ClaimedOperation, owner: str, task: _Task, operation_log: OperationLog
) -> None:
    for batch, step in enumerate(task.steps, start=1):
        operation_log.open_step(batch, step)
        if not await store_logs(sessions, claimed.id, owner, operation_log.text()):
            raise _Failed(WORKER_LOST)
        completed = await host.run("sh", stdin=step.script.encode(), timeout=task.timeout)
        operation_log.output(completed.stdout, "stdout")
        last_line = operation_log.output(completed.stderr, "stderr")
        if completed.exit_code != 0:
            raise _Failed(f"{step.name}: {last_line or f'ended with exit code {completed.exit_code}.'}")


@asynccontextmanager
async def _renewing(
    sessions: Sessions, claimed: ClaimedOperation, owner: str, lease_seconds: float
) -> AsyncIterator[None]:
    async def renew() -> None:
        while True:
            await asyncio.sleep(lease_seconds / 3)
            try:
                await renew_operation(sessions, claimed.id, owner, lease_seconds)
            except Exception as error:
                # An outage shorter than the lease is no reason to stop renewing.
                log.warning("lease not renewed", operation_uuid=claimed.uuid, error=type(error).__name__)

    task = asyncio.create_task(renew())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _postpone(
    sessions: Sessions, claimed: ClaimedOperation, owner: str, operation_log: OperationLog, reason: str
) -> None:
    operation_log.note(reason, "stderr")
    operation_log.note(WAITS)
    logs = operation_log.text()
    await postpone_operation(sessions, claimed.id, owner, reason=reason, logs=logs, seconds=RETRY_SECONDS)


async def _settle(
    sessions: Sessions,
    claimed: ClaimedOperation,
    owner: str,
    operation_log: OperationLog | None,
    reason: str | None,
    new_status: str = EXITED,
) -> None:
    """Settle and change the resource in one transaction: stopped, gone, or back where it was."""
    status = "finished" if reason is None else "failed"
    logs = None if operation_log is None else operation_log.text()
    async with transaction(sessions) as session:
        resource = await lock_resource(session, claimed.resource_type, claimed.resource_id)
        if not await settle_operation(session, claimed.id, owner, status, reason, logs):
            return
        if resource is not None:
            changed_to = await _change(session, claimed, resource, status, new_status)
            session.add(_event(claimed, changed_to))


async def _change(
    session: AsyncSession, claimed: ClaimedOperation, resource: DeployableMixin, status: str, new_status: str
) -> str:
    if status == "failed":
        # A delete that failed leaves something on the server: the resource comes back, so that it can be asked again.
        resource.deleted_at = None
        return resource.status
    if claimed.kind == "delete":
        await forget_resource(session, resource)
        return "deleted"
    if new_status != UNKNOWN:
        resource.status = new_status
        resource.status_at = utcnow()
    return resource.status


def _event(claimed: ClaimedOperation, status: str) -> OutboxEvent:
    is_service = claimed.resource_type == Service.resource_type
    return OutboxEvent(
        team_id=claimed.team_id,
        name="ServiceStatusChanged" if is_service else "DatabaseStatusChanged",
        payload={
            "resource_uuid": claimed.resource_uuid,
            "resource_type": claimed.resource_type,
            "operation_uuid": claimed.uuid,
            "status": status,
        },
    )
