"""Who takes a deployment over runs its script anew, in a folder of its own, instead of going on with the run."""

from typing import Any

from sqlalchemy import text

from app.deployments import launching, log, runner
from app.deployments.claim import Claimed
from app.deployments.job import Job
from app.remote.detached import DetachedRun
from app.remote.host import Host
from app.servers.repository import ServerAccess


def apply() -> None:
    """Put the defect in."""
    load = runner.Runner._load

    def run_of_this_attempt(job: Job, host: Host, access: ServerAccess) -> DetachedRun:
        attempt = "" if job.claimed.lease_epoch == 1 else f"-{job.claimed.lease_epoch}"
        return DetachedRun(host, f"{access.data_folder}/runs/{job.uuid}{attempt}", job.uuid)

    async def forgetful(self: runner.Runner, claimed: Claimed, cancel: Any) -> Job | None:
        job = await load(self, claimed, cancel)
        if job is not None and job.row.phase == "launched":
            job.row.phase = "launching"
        return job

    for module in (launching, runner):
        setattr(module, "run_on_server", run_of_this_attempt)  # noqa: B010
    setattr(runner.Runner, "_load", forgetful)  # noqa: B010
    for name, statement in log._APPEND.items():
        changed = str(statement).replace("IS NULL OR phase = :phase)", "IS NULL OR :phase = :phase)")
        assert changed != str(statement)
        log._APPEND[name] = text(changed)
