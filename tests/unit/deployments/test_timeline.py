"""When a line was printed, from the notes of the supervisor."""

from datetime import UTC, datetime, timedelta

import pytest

from app.deployments.timeline import Timeline
from app.remote.detached import IndexEntry

BOOT = datetime(2026, 11, 24, tzinfo=UTC)
NOTES = [IndexEntry(100.0, 0, 0), IndexEntry(100.2, 10, 0), IndexEntry(107.5, 10, 8), IndexEntry(108.0, 30, 8)]


@pytest.mark.parametrize(
    ("channel", "end", "uptime"),
    [
        ("stdout", 1, 100.2),
        ("stdout", 10, 100.2),
        ("stdout", 11, 108.0),
        ("stdout", 30, 108.0),
        ("stderr", 8, 107.5),
    ],
)
def test_a_line_is_as_old_as_the_first_note_that_holds_it(channel: str, end: int, uptime: float) -> None:
    moment = Timeline(BOOT, NOTES).moment(channel, end)  # type: ignore[arg-type] # parametrised as text
    assert moment == BOOT + timedelta(seconds=uptime)


def test_what_came_after_the_last_note_has_no_noted_time() -> None:
    assert Timeline(BOOT, NOTES).moment("stdout", 31) is None
    assert Timeline(BOOT, NOTES).moment("stderr", 9) is None
    assert Timeline(BOOT, []).moment("stdout", 1) is None
    assert Timeline(None, NOTES).moment("stdout", 1) is None
