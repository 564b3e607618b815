"""A worker process as in production, but that it plans what the suite wrote down, and keeps a journal of what it did.

`python -m tests.faults.worker_main FOLDER NAME [MUTANT]`; the journal tells who appended what and when, which the log
itself does not.
"""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from app import worker
from app.compose.plan import DeploymentPlan, ServerFacts, Step
from app.compose_services.snapshot import ServiceSnapshot
from app.deployments import kinds
from app.deployments.claim import Claimed
from app.deployments.log import LogWriter, Stretch
from app.deployments.runner import Runner
from app.logs import configure_logging
from app.settings import get_settings
from tests.faults import mutants


class Journal:
    """One file for all workers of a cell; a line is written at once or not at all."""

    def __init__(self, folder: Path, name: str) -> None:
        self._file = os.open(folder / "journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._name = name

    def note(self, what: str, **facts: Any) -> None:
        """Write a line."""
        os.write(self._file, json.dumps({"what": what, "worker": self._name, **facts}).encode() + b"\n")


def plan_scripts(snapshot: ServiceSnapshot, facts: ServerFacts) -> DeploymentPlan:
    """Plan the scripts that stand where a service has its compose document."""
    scripts = json.loads(snapshot.compose)["steps"]
    steps = tuple(Step(f"Step {number}", f"sh step{number}", text) for number, text in enumerate(scripts, start=1))
    folder = f"services/{snapshot.uuid}"
    return DeploymentPlan(folder, (), steps, frozenset(snapshot.secrets), snapshot.deadline_seconds)


def keep_journal(journal: Journal, folder: Path) -> None:
    """Note every run that begins and every append that got in."""
    append, run = LogWriter.append, Runner.run

    async def noted_append(self: LogWriter, stretch: Stretch, **more: Any) -> None:
        began, position = time.monotonic(), self.position
        await append(self, stretch, **more)
        journal.note(
            "append",
            id=self.deployment_id,
            epoch=position.lease_epoch,
            first=position.log_count + 1,
            count=self.position.log_count - position.log_count,
            began=began,
        )

    async def noted_run(self: Runner, claimed: Claimed, cancel: asyncio.Event) -> None:
        journal.note("run", id=claimed.deployment_id, epoch=claimed.lease_epoch, began=time.monotonic())
        times = 2 if (folder / "twice").exists() else 1
        await asyncio.gather(*(run(self, claimed, cancel) for _ in range(times)))

    setattr(LogWriter, "append", noted_append)  # noqa: B010 - mypy would refuse the plain way
    setattr(Runner, "run", noted_run)  # noqa: B010


async def main(folder: Path, name: str, mutant: str | None) -> None:
    """Work until SIGTERM."""
    settings = get_settings()
    configure_logging(settings.log_level)
    setattr(kinds, "plan_service_start", plan_scripts)  # noqa: B010
    if mutant is not None:
        mutants.apply(mutant)
    keep_journal(Journal(folder, name), folder)
    process = worker.WorkerProcess(settings)
    (folder / f"{name}.owner").write_text(process.owner)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, process.stop)
    await process.run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None))
