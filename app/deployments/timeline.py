"""When a line was printed: from the sizes of the spools that the supervisor noted with the server's uptime."""

import bisect
from collections.abc import Sequence
from datetime import datetime, timedelta

from app.deployments.batches import Channel
from app.remote.detached import IndexEntry


class Timeline:
    """The times of what was printed before somebody looked, within 0.2 s; the server's time of day is not trusted.

    `run_clock` is our time when the server's uptime was 0.
    """

    def __init__(self, run_clock: datetime | None, entries: Sequence[IndexEntry]) -> None:
        self._clock = run_clock
        self._uptimes = [entry.uptime for entry in entries] if run_clock is not None else []
        self._sizes = {
            "stdout": [entry.stdout_size for entry in entries],
            "stderr": [entry.stderr_size for entry in entries],
        }

    def moment(self, channel: Channel, end: int) -> datetime | None:
        """Return when the bytes before offset `end` were first seen there; None for what came after the last note."""
        at = bisect.bisect_left(self._sizes[channel], end)
        if self._clock is None or at >= len(self._uptimes):
            return None
        return self._clock + timedelta(seconds=self._uptimes[at])

    def holds_until(self, channel: Channel, end: int) -> int | None:
        """Return up to which offset the moment of `end` is that of later ones too; None when there is no such bound."""
        at = bisect.bisect_left(self._sizes[channel], end)
        return self._sizes[channel][at] if self._clock is not None and at < len(self._uptimes) else None
