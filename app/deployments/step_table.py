"""The `steps` column of a deployment."""

from datetime import datetime
from typing import Any

from app.compose.plan import DeploymentPlan
from app.kit.clock import to_text


class StepTable:
    """The `steps` column: when each step began and ended, and which entries are its."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = [dict(row) for row in rows]

    @classmethod
    def of(cls, plan: DeploymentPlan) -> "StepTable":
        """Return the table of a plan nothing of which has begun."""
        blank = dict.fromkeys(("started_at", "finished_at", "exit_code", "first_order", "last_order"))
        return cls([{"name": step.name, "batch": number, **blank} for number, step in enumerate(plan.steps, start=1)])

    def open(self, step: int, order: int, moment: datetime) -> None:
        """Note that `step` begins with entry `order`: the one before it has ended well."""
        self.close(step - 1, 0, order - 1, moment)
        self.rows[step - 1] |= {"started_at": to_text(moment), "first_order": order}

    def close(self, step: int, exit_code: int | None, last_order: int, moment: datetime) -> None:
        """Note that `step` has ended; nothing to note for step 0."""
        if 0 < step <= len(self.rows) and self.rows[step - 1]["finished_at"] is None:
            self.rows[step - 1] |= {"finished_at": to_text(moment), "exit_code": exit_code, "last_order": last_order}
