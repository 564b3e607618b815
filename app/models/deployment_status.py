"""The one status enum and the one transition table.

queued ──► in_progress ──► finished | failed | cancelled-by-user
   └────────────────────► failed | cancelled-by-user
"""

from enum import StrEnum


class DeploymentStatus(StrEnum):
    """The status of a deployment, as the API spells it."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED_BY_USER = "cancelled-by-user"

    @property
    def is_final(self) -> bool:
        """True when nothing follows."""
        return not _NEXT[self]


ServiceDeploymentStatus = DeploymentStatus
DatabaseDeploymentStatus = DeploymentStatus

_NEXT: dict[DeploymentStatus, frozenset[DeploymentStatus]] = {
    DeploymentStatus.QUEUED: frozenset(
        {DeploymentStatus.IN_PROGRESS, DeploymentStatus.FAILED, DeploymentStatus.CANCELLED_BY_USER}
    ),
    DeploymentStatus.IN_PROGRESS: frozenset(
        {DeploymentStatus.FINISHED, DeploymentStatus.FAILED, DeploymentStatus.CANCELLED_BY_USER}
    ),
    DeploymentStatus.FINISHED: frozenset(),
    DeploymentStatus.FAILED: frozenset(),
    DeploymentStatus.CANCELLED_BY_USER: frozenset(),
}


class IllegalTransition(ValueError):
    """A deployment cannot go from its status to the one asked for."""

    def __init__(self, current: DeploymentStatus, wanted: DeploymentStatus) -> None:
        super().__init__(f"A deployment that is {current.value} cannot become {wanted.value}.")
        self.current = current
        self.wanted = wanted


def sources(wanted: DeploymentStatus) -> tuple[DeploymentStatus, ...]:
    """Return the statuses from which `wanted` can be reached, for the WHERE of a conditional update."""
    return tuple(status for status, following in _NEXT.items() if wanted in following)


def check_transition(current: DeploymentStatus, wanted: DeploymentStatus) -> None:
    """Raise IllegalTransition unless `wanted` may follow `current`."""
    if wanted not in _NEXT[current]:
        raise IllegalTransition(current, wanted)
