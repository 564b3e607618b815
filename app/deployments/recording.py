"""Makes the entries of a log out of the lines of a run: when they were printed, which step they are of, up to the cap."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from app.compose.plan import DeploymentPlan
from app.deployments.batches import Batch, Lines
from app.deployments.log import Position, Stretch
from app.deployments.step_table import StepTable
from app.deployments.timeline import Timeline
from app.kit.clock import utcnow
from app.kit.redaction import Redactor
from app.models.log_entry import AlikeEntries, join_entries, log_entry

ENTRY_BYTES = 160
"""What an entry costs at most beside its text and the names in it."""

Entry = dict[str, Any] | AlikeEntries


class Recorder:
    """What one run has come to, from batch to batch."""

    def __init__(
        self,
        plan: DeploymentPlan,
        redactor: Redactor,
        steps: StepTable,
        *,
        step: int,
        log_cap_bytes: int,
        last_moment: datetime | None,
    ) -> None:
        self._plan = plan
        self._redactor = redactor
        self._cap = log_cap_bytes
        self.timeline = Timeline(None, [])
        self.steps = steps
        self.step = step
        self.last_moment = last_moment
        self.last_error_line: str | None = None
        """The last line on stderr of the step that runs: what a failure is explained with."""

    def stretch(self, batch: Batch, position: Position) -> Stretch:
        """Return the entries of a batch behind `position`: its lines, with an opening entry where a step begins."""
        now = utcnow()
        openings = list(batch.step_changes)
        entries: list[Entry] = []
        seen, dropped, order = 0, 0, position.log_count + 1
        room = self._cap - position.log_bytes
        # JSON makes at most six bytes of a character: as long as even that fits, nothing has to be measured.
        is_tight = sum(ENTRY_BYTES * lines.count + 6 * len(lines.text) for lines in batch.lines) > room
        for lines in (*batch.lines, None):
            while openings and openings[0].before == seen:
                moment = self._moment(lines, now)
                entries.append(self._opening(openings.pop(0).step, order, moment))
                order += 1
            if lines is None:
                break
            seen += lines.count
            for moment, part in self._dated(lines, now):
                alike = self._entries(part, moment)
                if not is_tight:
                    entries.append(alike)
                    order += alike.count
                    continue
                kept, room, left_out = _up_to_cap(alike, room)
                entries += kept
                order += len(kept)
                dropped += left_out
        return Stretch(entries, batch.stdout_offset, batch.stderr_offset, batch.step, self.steps.rows, dropped)

    def _dated(self, lines: Lines, now: datetime) -> Iterator[tuple[datetime, Lines]]:
        """Yield the lines with when they were printed, those of the same moment together."""
        rest: Lines | None = lines
        while rest is not None:
            moment = self._moment(rest, now)
            part, rest = rest.cut_at(self.timeline.holds_until(rest.channel, rest.first_end))
            yield moment, part

    def _moment(self, lines: Lines | None, now: datetime) -> datetime:
        """Return when the first line was printed; times never go back, whichever stream a line is from."""
        noted = None if lines is None else self.timeline.moment(lines.channel, lines.first_end)
        moment = noted or now
        if self.last_moment is not None:
            moment = max(moment, self.last_moment)
        self.last_moment = moment
        return moment

    def _opening(self, step: int, order: int, moment: datetime) -> dict[str, Any]:
        self.steps.open(step, order, moment)
        self.step, self.last_error_line = step, None
        planned = self._plan.steps[step - 1]
        return log_entry(
            planned.name,
            timestamp=moment,
            order=order,
            batch=step,
            command=self._redactor.redact(planned.shown),
            name=planned.name,
            hidden=planned.hidden,
        )

    def _entries(self, lines: Lines, moment: datetime) -> AlikeEntries:
        if lines.channel == "stderr" and (said := lines.text.rstrip()):
            self.last_error_line = said[said.rfind("\n") + 1 :].strip()
        hidden = lines.step > 0 and self._plan.steps[lines.step - 1].hidden
        return AlikeEntries(lines.text, lines.count, lines.channel, moment, max(lines.step, 1), hidden)


def _up_to_cap(entries: AlikeEntries, room: int) -> tuple[list[dict[str, Any]], int, int]:
    """Return the entries that there is room for, how much room is left, and how many bytes of output were left out."""
    kept: list[dict[str, Any]] = []
    dropped = 0
    for entry in entries.one_by_one():
        size = len(join_entries([entry]).encode()) + 1
        if size > room:
            # Past the cap output is drained and counted.
            dropped += len(entry["output"].encode()) + 1
        else:
            room -= size
            kept.append(entry)
    return kept, room, dropped
