"""The steps of a deployment as bars on one line of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.deployments.schemas import AnyDeployment, DeploymentStep
from app.kit.clock import utcnow

NARROWEST = 0.6
"""A bar that is seen, in hundredths of the whole."""


@dataclass(frozen=True)
class StepBar:
    """A step: `state` is done, failed, running, stopped or waiting; its bar goes from `begin` over `width` of 100."""

    number: int
    name: str
    state: str
    milliseconds: float | None
    begin: float
    width: float
    step: DeploymentStep


def step_bars(deployment: AnyDeployment) -> Sequence[StepBar]:
    """Return the steps in their order; their bars share the time from the first one's begin to the end or to now."""
    steps = deployment.steps
    end = deployment.finished_at or utcnow()
    begins = [datetime.fromisoformat(step.started_at) for step in steps if step.started_at]
    origin = min(begins, default=end)
    whole = max((end - origin).total_seconds(), 0.001)
    return [_bar(deployment, step, origin, end, whole) for step in steps]


def _bar(deployment: AnyDeployment, step: DeploymentStep, origin: datetime, end: datetime, whole: float) -> StepBar:
    state = _state(deployment, step)
    if step.started_at is None:
        return StepBar(step.batch, step.name, state, None, 0, 0, step)
    began = datetime.fromisoformat(step.started_at)
    ended = datetime.fromisoformat(step.finished_at) if step.finished_at else end
    seconds = max((ended - began).total_seconds(), 0)
    width = max(100 * seconds / whole, NARROWEST)
    begin = min(100 * (began - origin).total_seconds() / whole, 100 - min(width, 100))
    return StepBar(step.batch, step.name, state, seconds * 1000, round(begin, 2), round(min(width, 100), 2), step)


def _state(deployment: AnyDeployment, step: DeploymentStep) -> str:
    if step.started_at is None:
        return "waiting"
    if step.finished_at is None:
        return "stopped" if deployment.status.is_final else "running"
    return "done" if step.exit_code == 0 else "failed"
