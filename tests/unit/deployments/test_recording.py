"""Entries made for a whole stretch at once are those that are made one by one."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compose.plan import DeploymentPlan, Step
from app.deployments.lines import SpoolReader
from app.deployments.log import Position
from app.deployments.recording import Recorder
from app.deployments.step_table import StepTable
from app.deployments.terminal import last_state
from app.deployments.timeline import Timeline
from app.kit import redaction
from app.kit.redaction import Redactor
from app.models.log_entry import AlikeEntries, join_entries, log_entry, number_entries, parse_entries
from app.remote.detached import IndexEntry

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NONCE = "abcdefghijklmnopqrstuvwx"
SECRET = "hunter2hunter"
PLAN = DeploymentPlan("services/x", (), (Step("One", "one", "true"),), frozenset(), 60)
OUTPUTS = st.lists(
    st.lists(st.sampled_from([*'\\n"\t\r\x1b\x7f/é😀 \u2028a{', "\\n", '"}', "\\u0000"]), max_size=8).map("".join),
    min_size=1,
    max_size=6,
)  # fmt: skip
PRINTED = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"\n",
                b"\n",
                b"\r\n",
                b"\r",
                b"\0",
                b"\xff",
                b"\\n",
                b'"',
                "é😀".encode(),
                b"://u:pw@h",
                b"ghp_" + b"a" * 36,
            ]
        ),
        st.sampled_from([SECRET.encode(), b"hun\x1b[0mter2hunter", b"hunter2", b"ordinary words\n" * 20, b"\x1b[31m"]),
        st.binary(max_size=4),
    ),
    max_size=20,
).map(b"".join)


@given(OUTPUTS, st.integers(1, 10**6))
def test_alike_entries_are_written_as_each_alone_is(outputs: list[str], order: int) -> None:
    alike = AlikeEntries("\n".join(outputs), len(outputs), "stderr", NOW, 3, True)
    alone = [
        log_entry(output, type="stderr", timestamp=NOW, order=number, batch=3, hidden=True)
        for number, output in enumerate(outputs, start=order)
    ]
    assert alike.to_json(order) == join_entries(alone)
    assert parse_entries(alike.to_json(order)) == alone
    assert [{**entry, "order": order + index} for index, entry in enumerate(alike.one_by_one())] == alone


def recorder(cap: int = 10**9, timeline: Timeline | None = None) -> Recorder:
    made = Recorder(PLAN, Redactor([SECRET]), StepTable.of(PLAN), step=0, log_cap_bytes=cap, last_moment=NOW)
    made.timeline = timeline or Timeline(None, [])
    return made


def recorded(data: bytes, cuts: list[int], made: Recorder, limit: int) -> list[dict[str, Any]]:
    """Return the entries of what was printed to stdout in pieces, without their times when nobody noted any."""
    reader, entries = SpoolReader(made._redactor, NONCE), list[dict[str, Any]]()
    position = Position(1, 0, 0, 0)
    for begin, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        reader.feed("stdout", begin, data[begin:end])
        if end == len(data):
            reader.finish()
        while reader.pending:
            written, count = number_entries(made.stretch(reader.take(limit), position).entries, len(entries) + 1)
            entries += parse_entries(written) if count else []
    return entries


@settings(max_examples=300, deadline=None)
@given(PRINTED, st.data())
def test_the_fast_way_and_the_careful_way_give_the_same_entries(data: bytes, draw: st.DataObject) -> None:
    """The careful way: line by line, without the filter, every entry by itself."""
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=4)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "PIECE", 8)
        fast = recorded(data, cuts, recorder(), draw.draw(st.sampled_from([1, 3, 2000])))
    careful = Redactor([SECRET])
    whole = data.replace(b"\0", b"").decode("utf-8", "replace").split("\n")
    if data.endswith(b"\n"):
        whole.pop()
    lines = [last_state(careful.redact(line)) for line in whole] if data else []
    assert [entry["output"] for entry in fast] == lines
    assert [entry["order"] for entry in fast] == list(range(1, len(lines) + 1))
    assert {(entry["type"], entry["batch"], entry["hidden"], entry["command"]) for entry in fast} <= {
        ("stdout", 1, False, None)
    }


@pytest.mark.parametrize("limit", [1, 2, 2000])
def test_lines_of_before_have_the_times_that_were_noted_and_never_go_back(limit: int) -> None:
    notes = [IndexEntry(float(at), at * 10, 0) for at in range(1, 6)]
    entries = recorded(b"four\n" * 14, [], recorder(timeline=Timeline(NOW - timedelta(seconds=2), notes)), limit)
    noted = [max(0, -(-5 * number // 10) - 2) for number in range(1, 11)]
    stamps = [datetime.fromisoformat(entry["timestamp"]) for entry in entries]
    assert stamps[:10] == [NOW + timedelta(seconds=after) for after in noted]
    assert stamps == sorted(stamps)


@pytest.mark.parametrize("limit", [1, 4, 2000])
def test_what_there_is_no_room_for_is_counted(limit: int) -> None:
    data = b"".join(b"x" * size + b"\n" for size in (3, 4000, 5, 6000, 7))
    reader, made, position = SpoolReader(Redactor([]), NONCE), recorder(cap=1000), Position(1, 0, 0, 0)
    reader.feed("stdout", 0, data)
    outputs, dropped = [], 0
    while reader.pending:
        stretch = made.stretch(reader.take(limit), position)
        outputs += [len(entry["output"]) for entry in parse_entries(number_entries(stretch.entries, 1)[0])]
        dropped += stretch.dropped_bytes
    assert (outputs, dropped) == ([3, 5, 7], 4001 + 6001)


@pytest.mark.parametrize(
    ("printed", "said"),
    [(b"a\nb \n \n\n", "b"), (b" \n", None), (b"x\n\x1b[1m\n", "\x1b[1m")],
    ids=["blank", "none", "code"],
)
def test_the_last_line_with_something_on_stderr_explains_a_failure(printed: bytes, said: str | None) -> None:
    reader, made = SpoolReader(Redactor([]), NONCE), recorder()
    reader.feed("stderr", 0, printed)
    made.stretch(reader.take(), Position(1, 0, 0, 0))
    assert made.last_error_line == said


def test_lines_that_are_cut_are_the_same_lines() -> None:
    reader, chance = SpoolReader(Redactor([]), NONCE), random.Random(4)
    reader.feed(
        "stdout", 0, b"".join(b"\0" * chance.randint(0, 2) + b"x" * chance.randint(0, 3) + b"\n" for _ in range(50))
    )
    (lines,) = reader.take().lines
    for count in range(1, 50):
        first, rest = lines.cut(count)
        assert (*first, *rest) == tuple(lines)
        assert (first.count, first.end, rest.begin) == (count, list(lines)[count - 1].end, first.end)
    for offset in range(lines.end + 1):
        early, late = lines.cut_at(offset)
        expected = [line for line in lines if line.end <= offset] or list(lines)[:1]
        assert list(early) == expected
        assert len(early.data) + (len(late.data) if late else 0) == len(lines.data)
