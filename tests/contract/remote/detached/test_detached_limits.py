"""What the supervisor ends: a run that is silent for too long, and one that floods the disk."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from app.remote import detached
from app.remote.detached import FLOOD_EXIT_CODE, NO_OUTPUT_EXIT_CODE, RunState
from tests.contract.remote.detached.local_host import marked
from tests.contract.remote.detached.runs import Run, Runs

MEBIBYTE = 1024 * 1024
UNTIL = "until [ -e {} ]; do sleep 0.02; done; "


async def test_silence_ends_everything_of_the_run(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detached, "DEADLINE_GRACE_SECONDS", 0.2)
    run = runs.new()
    script = "printf once; setsid sh -c 'trap \"\" TERM; sleep 60; sleep 60' & trap 'exit 0' TERM; sleep 60 & wait"
    await run.launch(script, deadline_seconds=60, no_output_seconds=1)
    assert await run.over() == RunState("exited", NO_OUTPUT_EXIT_CODE, 4, 0)
    assert marked(run.uuid) == []


@pytest.mark.parametrize("channel", ["", ">&2"])
async def test_output_on_one_stream_is_no_silence(runs: Runs, channel: str) -> None:
    run = runs.new()
    script = f"n=0; while [ $n -lt 25 ]; do printf . {channel}; n=$((n + 1)); sleep 0.1; done; exit 3"
    await run.launch(script, deadline_seconds=60, no_output_seconds=2)
    state = await run.over()
    assert (state.kind, state.exit_code) == ("exited", 3)


async def test_a_run_may_be_silent_when_nothing_is_said_of_it(runs: Runs) -> None:
    run = runs.new()
    await run.launch("sleep 1.5; exit 3", deadline_seconds=60)
    assert await run.over() == RunState("exited", 3, 0, 0)


async def test_a_flood_on_both_streams_together_ends_everything_of_the_run(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detached, "FLOOD_GRACE_SECONDS", 0.2)
    run = runs.new()
    write = "head -c 700000 /dev/zero"
    script = (
        f"setsid sh -c 'trap \"\" TERM; sleep 60; sleep 60' & trap 'exit 0' TERM; {write}; {write} >&2; sleep 60 & wait"
    )
    await run.launch(script, deadline_seconds=60, unread_limit_bytes=MEBIBYTE)
    assert await run.over() == RunState("exited", FLOOD_EXIT_CODE, 700_000, 700_000)
    assert marked(run.uuid) == []


async def test_a_flood_has_a_grace_of_its_own(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detached, "DEADLINE_GRACE_SECONDS", 60)
    run = runs.new()
    script = f"trap '' TERM; head -c {2 * MEBIBYTE} /dev/zero; sleep 60; sleep 60"
    await run.launch(script, deadline_seconds=60, unread_limit_bytes=MEBIBYTE)
    async with asyncio.timeout(50):
        assert await run.over() == RunState("exited", FLOOD_EXIT_CODE, 2 * MEBIBYTE, 0)


async def seen_by_the_supervisor(run: Run, size: int) -> None:
    """Wait until the supervisor has noted that stdout has that many bytes."""
    while (entries := await run.index()) == [] or entries[-1].stdout_size < size:
        assert (await run.state()).kind == "running"


async def test_what_was_given_back_is_no_flood(runs: Runs, tools: str) -> None:
    run = runs.new()
    write = f"head -c {2 * MEBIBYTE} /dev/zero; "
    script = write + UNTIL.format("go") + write + UNTIL.format("end") + "exit 3"
    await run.launch(script, deadline_seconds=60, unread_limit_bytes=3 * MEBIBYTE)
    await seen_by_the_supervisor(run, 2 * MEBIBYTE)
    gives_back = await run.punch("stdout", 2 * MEBIBYTE)
    assert gives_back == ("busybox" not in tools)
    (run.path / "go").touch()
    if gives_back:
        await seen_by_the_supervisor(run, 4 * MEBIBYTE)
        (run.path / "end").touch()
    state = await run.over(stdout_offset=2 * MEBIBYTE)
    assert state == RunState("exited", 3 if gives_back else FLOOD_EXIT_CODE, 4 * MEBIBYTE, 0)


async def test_room_that_the_disk_keeps_ready_is_no_flood(runs: Runs) -> None:
    run = runs.new()
    script = UNTIL.format("go") + "echo 1; " + UNTIL.format("end") + "exit 3"
    await run.launch(script, deadline_seconds=60, unread_limit_bytes=MEBIBYTE)
    keep_ready(run.path / "out", 4 * MEBIBYTE)
    (run.path / "go").touch()
    await seen_by_the_supervisor(run, 2)
    (run.path / "end").touch()
    assert await run.over() == RunState("exited", 3, 2, 0)


def keep_ready(spool: Path, size: int) -> None:
    subprocess.run(["fallocate", "--keep-size", "--length", str(size), str(spool)], check=True)
    assert spool.stat().st_blocks * 512 >= size
