"""The trace of a deployment: one span for it, one for each step that began."""

from collections.abc import Iterator
from datetime import datetime

from app import tracing
from app.deployments.job import Job
from app.deployments.settling import Verdict
from app.kit.clock import utcnow
from app.models.deployment_status import DeploymentStatus


def trace_deployment(job: Job, verdict: Verdict) -> None:
    """Send the spans of a deployment that has just ended, below the request that asked for it."""
    row, now = job.row, utcnow()
    attributes = {
        "shiplog.deployment_uuid": job.uuid,
        "shiplog.kind": job.claimed.kind.name,
        "shiplog.resource_uuid": row.resource_uuid,
        "shiplog.server_uuid": row.server_uuid,
        "shiplog.status": verdict.status.value,
        "shiplog.request_id": row.request_id or "",
    }
    error = None if verdict.status is DeploymentStatus.FINISHED else verdict.failure_reason or verdict.status.value
    whole = tracing.Past("deployment", row.started_at or now, now, attributes, error)
    tracing.record(whole, _steps(job, now), row.options.get("traceparent"))


def _steps(job: Job, now: datetime) -> Iterator[tracing.Past]:
    for step in job.steps.rows:
        if step["started_at"] is None:
            continue
        exit_code = step["exit_code"]
        ended = now if step["finished_at"] is None else datetime.fromisoformat(step["finished_at"])
        yield tracing.Past(
            step["name"],
            datetime.fromisoformat(step["started_at"]),
            ended,
            {} if exit_code is None else {"shiplog.exit_code": exit_code},
            f"Exit code {exit_code}." if exit_code else None,
        )
