"""The index: how long the spools were at which time, as far as it matters for what was not read yet."""

from pathlib import Path

import pytest

from app.remote import detached
from app.remote.detached import IndexEntry
from tests.contract.remote.detached.runs import Run, Runs

WRITTEN = """
1000 0 0
1020 10 0
1040 10 5
1060 20 5
1080 20 9
"""
ENTRIES = [
    IndexEntry(10.0, 0, 0),
    IndexEntry(10.2, 10, 0),
    IndexEntry(10.4, 10, 5),
    IndexEntry(10.6, 20, 5),
    IndexEntry(10.8, 20, 9),
]


async def test_it_grows_with_the_spools(runs: Runs) -> None:
    run = runs.new()
    script = "printf one; until [ -e go ]; do sleep 0.02; done; printf two >&2; until [ -e end ]; do sleep 0.02; done"
    before = uptime()
    await run.launch(script, deadline_seconds=60)
    await noted(run, 3, 0)
    between = uptime()
    (run.path / "go").touch()
    entries = await noted(run, 3, 3)
    (run.path / "end").touch()
    await run.over()
    assert before <= entries[0].uptime
    assert [entry for entry in entries if entry.stderr_size and entry.uptime < between] == []
    assert entries[-1].uptime <= uptime()
    ended = await run.index()
    assert ended[: len(entries)] == entries
    assert (ended[-1].stdout_size, ended[-1].stderr_size) == (3, 3)


def uptime() -> float:
    return float(Path("/proc/uptime").read_text().split()[0])


async def noted(run: Run, stdout_size: int, stderr_size: int) -> list[IndexEntry]:
    """Wait until these sizes were noted."""
    while True:
        entries = await run.index()
        if entries and (entries[-1].stdout_size, entries[-1].stderr_size) == (stdout_size, stderr_size):
            return entries


def written(runs: Runs, text: str) -> Run:
    run = runs.new()
    run.path.mkdir(parents=True)
    (run.path / "idx").write_text(text)
    return run


@pytest.mark.parametrize(
    ("stdout_offset", "stderr_offset", "first"),
    [(0, 0, 0), (9, 9, 0), (10, 4, 1), (10, 5, 2), (19, 9, 2), (20, 5, 3), (20, 8, 3), (20, 9, 4), (100, 100, 4)],
)
async def test_it_begins_with_the_last_entry_before_the_offsets(
    runs: Runs, stdout_offset: int, stderr_offset: int, first: int
) -> None:
    run = written(runs, WRITTEN)
    assert await run.index(stdout_offset, stderr_offset) == ENTRIES[first:]


async def test_sizes_may_be_large(runs: Runs) -> None:
    run = written(runs, "1 0 0\n300 5000000000 3000000000\n900 5000000001 3000000000\n")
    assert await run.index(5_000_000_000, 3_000_000_000) == [
        IndexEntry(3.0, 5_000_000_000, 3_000_000_000),
        IndexEntry(9.0, 5_000_000_001, 3_000_000_000),
    ]


async def test_a_long_one_is_read_in_pieces(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detached, "INDEX_ENTRIES", 3)
    run = written(runs, WRITTEN)
    assert await run.index() == ENTRIES[:3]
    assert await run.index(10, 5) == ENTRIES[2:]
    assert await run.index(10, 0) == ENTRIES[1:4]


async def test_entries_that_a_full_disk_cut_off_are_left_out(runs: Runs) -> None:
    run = written(
        runs, "\n1000 0 0\n\n1020 10 0\n\n1030\n1040 11\n\n1050 12 5 6\n1060 2 5\n\n1070 13 -\n1080 20 9\n\n10"
    )
    assert await run.index() == [ENTRIES[0], ENTRIES[1], ENTRIES[4]]


async def test_an_entry_behind_one_that_was_cut_off_stands_alone(runs: Runs) -> None:
    run = runs.new()
    script = "until [ -e go ]; do sleep 0.02; done; printf one"
    await run.launch(script, deadline_seconds=60)
    await noted(run, 0, 0)
    with (run.path / "idx").open("a") as index:
        index.write("1234")
    (run.path / "go").touch()
    await run.over()
    entries = await run.index()
    assert (entries[-1].stdout_size, entries[-1].stderr_size) == (3, 0)
    assert entries[-1].uptime <= uptime()


async def test_there_is_none_without_a_run(runs: Runs) -> None:
    run = runs.new()
    assert await run.index() == []
    await run.launch("echo one", deadline_seconds=60)
    await run.over()
    assert await run.index() != []
    await run.seal()
    assert await run.index() == []
