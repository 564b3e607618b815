"""A claimed deployment in the hands of its worker: its row, its snapshot, its log, and how it can fail."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.deployments.claim import Claimed
from app.deployments.kinds import AnyQueue
from app.deployments.log import LogWriter, Stretch
from app.deployments.redaction import Hiding
from app.deployments.step_table import StepTable
from app.kit.clock import to_text
from app.kit.redaction import Redactor


class Failed(Exception):
    """The deployment has failed; the text is the reason, a sentence a person understands."""


class Cancelled(Exception):
    """A user wants it cancelled, and nothing of it runs on the server."""


@dataclass
class Job:
    """A claimed row with everything that running it needs."""

    claimed: Claimed
    row: AnyQueue
    snapshot: dict[str, Any]
    hiding: Hiding
    redactor: Redactor
    writer: LogWriter
    steps: StepTable
    last_moment: datetime | None
    """The time of the last entry that was there when this worker came, or that it stored from the run."""
    cancel: asyncio.Event
    """Set once somebody wants the deployment cancelled."""
    changes: tuple[str, ...]
    """Sentences on what a rollback does, and on what is configured otherwise than in the last finished deployment."""

    @property
    def uuid(self) -> str:
        """The deployment's uuid."""
        return self.claimed.deployment_uuid

    @property
    def resource_name(self) -> str:
        """The name of the service or database, as it was when the deployment was asked for."""
        return self.claimed.kind.resource_name(self.row)

    @property
    def deadline_seconds(self) -> int:
        """How long the deployment may take."""
        return int(self.snapshot.get("deadline_seconds", 3600))

    @property
    def no_output_seconds(self) -> int | None:
        """How long it may be silent, None for as long as it likes."""
        seconds: int | None = self.snapshot.get("no_output_seconds")
        return seconds

    @property
    def batch(self) -> int:
        """The batch of entries of our own: that of the step that runs."""
        return max(self.row.step, 1)

    def hide(self, secrets: frozenset[str]) -> None:
        """Redact these as well from now on: what planning made out of the configuration's secrets."""
        known = self.hiding.secrets | self.hiding.unsearched
        if not secrets <= known:
            self.hiding = replace(self.hiding, secrets=self.hiding.secrets | secrets - known)
            self.redactor = Redactor(self.hiding.secrets)

    def standing(self, *entries: dict[str, Any]) -> Stretch:
        """Return a stretch of our own entries, redacted and none older than the last one, that moves no offset."""
        position = self.writer.position
        oldest = "" if self.last_moment is None else to_text(self.last_moment)
        return Stretch(
            [
                {
                    **entry,
                    "output": self.redactor.redact(entry["output"]),
                    "timestamp": max(entry["timestamp"], oldest),
                }
                for entry in entries
            ],
            position.stdout_offset,
            position.stderr_offset,
            self.row.step,
            self.steps.rows,
        )
