"""Giving output back to the disk: below an offset it is gone, above it and for who follows nothing changes."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from app.remote.errors import GivenBack
from tests.contract.remote.detached.local_host import LocalHost, fill
from tests.contract.remote.detached.runs import Run, Runs

MEBIBYTE = 1024 * 1024
BLOCK = 4096
LINES = "seq 1000000 1099999; "
WRITTEN = "".join(f"{n}\n" for n in range(1_000_000, 1_100_000)).encode()
UNTIL = "until [ -e {} ]; do sleep 0.02; done; "


@pytest.fixture
def can_punch(tools: str) -> bool:
    """Whether the tools can punch holes: busybox's fallocate cannot."""
    return "busybox" not in tools


def on_disk(run: Run, spool: str) -> int:
    return (run.path / spool).stat().st_blocks * 512


async def test_what_is_below_the_offset_is_given_back_and_the_rest_stays(runs: Runs, can_punch: bool) -> None:
    run = runs.new()
    await run.launch(LINES + UNTIL.format("go") + "seq 7; exit 3", deadline_seconds=60)
    await run.reach(WRITTEN[-8:])
    up_to = len(WRITTEN) // 2
    assert await run.punch("stdout", up_to) == can_punch
    (run.path / "go").touch()
    whole = WRITTEN + b"1\n2\n3\n4\n5\n6\n7\n"
    state = await run.over(stdout_offset=up_to)
    assert (state.exit_code, state.stdout_size) == (3, len(whole))
    assert (run.path / "out").stat().st_size == len(whole)
    assert (on_disk(run, "out") <= len(whole) - up_to + 3 * BLOCK) == can_punch
    hole = up_to // BLOCK * BLOCK if can_punch else 0
    assert await run.read("stdout", hole, len(whole)) == whole[hole:]
    assert (run.path / "out").read_bytes() == bytes(hole) + whole[hole:]


async def test_what_was_given_back_is_not_read_as_nuls(runs: Runs, can_punch: bool) -> None:
    run = runs.new()
    await run.launch(LINES + f"({LINES}) >&2; exit 3", deadline_seconds=60)
    await run.over()
    assert await run.punch("stderr", 10 * BLOCK + 5) == can_punch
    assert await run.read("stdout", 0, 8) == WRITTEN[:8]
    assert await run.read("stderr", 10 * BLOCK, 8) == WRITTEN[10 * BLOCK :][:8]
    if not can_punch:
        assert await run.read("stderr", 0, 8) == WRITTEN[:8]
        return
    with pytest.raises(GivenBack, match="given back"):
        await run.read("stderr", 10 * BLOCK - 1, 8)
    async with run.follow(0, 10 * BLOCK - 1) as chunks:
        with pytest.raises(GivenBack, match="given back"):
            await anext(chunks)
    async with run.follow(0, 10 * BLOCK) as chunks:
        await anext(chunks)


async def test_the_byte_before_the_offset_stays(runs: Runs) -> None:
    run = runs.new()
    await run.launch(LINES, deadline_seconds=60)
    await run.over()
    await run.punch("stdout", 20 * BLOCK)
    assert await run.read("stdout", 20 * BLOCK - 1, 3) == WRITTEN[20 * BLOCK - 1 :][:3]


async def test_nothing_beyond_the_end_is_taken(runs: Runs, can_punch: bool) -> None:
    run = runs.new()
    await run.launch(LINES + UNTIL.format("go") + LINES, deadline_seconds=60)
    await run.reach(WRITTEN[-8:])
    assert await run.punch("stdout", 1024 * MEBIBYTE) == can_punch
    (run.path / "go").touch()
    await run.over(stdout_offset=len(WRITTEN))
    assert await run.read("stdout", len(WRITTEN) - 1, 2 * len(WRITTEN)) == b"\n" + WRITTEN


async def test_a_follower_gets_every_byte_while_what_it_got_is_given_back(runs: Runs) -> None:
    run = runs.new()
    script = "n=0; while [ $n -lt 30 ]; do seq $((1000000 + n * 20000)) $((1019999 + n * 20000)); n=$((n + 1)); done"
    await run.launch(script, deadline_seconds=60)
    wanted = "".join(f"{n}\n" for n in range(1_000_000, 1_600_000)).encode()
    got = b""
    punched = 0
    while len(got) < len(wanted):
        async with run.follow(len(got), 0) as chunks:
            async for chunk in chunks:
                assert (chunk.channel, chunk.offset) == ("stdout", len(got))
                got += chunk.data
                if len(got) > punched + 300_000:
                    punched = len(got)
                    await run.punch("stdout", punched)
        if (state := await run.state()).kind == "exited":
            assert state.exit_code == 0
            got += await run.read("stdout", len(got), len(wanted))
    assert got == wanted


async def test_several_at_once_give_back_as_much_as_the_last_one(runs: Runs, can_punch: bool) -> None:
    run = runs.new()
    await run.launch(LINES, deadline_seconds=60)
    await run.over()
    offsets = [n * 5 * BLOCK + 1 for n in range(1, 9)]
    await asyncio.gather(*(run.punch("stdout", up_to) for up_to in offsets))
    assert await run.punch("stdout", offsets[-1]) == can_punch
    assert await run.punch("stdout", offsets[0]) == can_punch
    hole = 40 * BLOCK
    assert await run.read("stdout", hole, 8) == WRITTEN[hole:][:8]
    if can_punch:
        with pytest.raises(GivenBack):
            await run.read("stdout", hole - 1, 8)
    assert len([name for name in run.names if name.startswith("hole.out.")]) == 1


@pytest.mark.parametrize("up_to", [0, 1, BLOCK])
async def test_less_than_a_block_is_nothing(runs: Runs, up_to: int) -> None:
    run = runs.new()
    await run.launch(LINES, deadline_seconds=60)
    await run.over()
    assert await run.punch("stdout", up_to)
    assert await run.read("stdout", 0, len(WRITTEN)) == WRITTEN


async def test_a_run_that_is_not_there_has_nothing_to_give_back(runs: Runs) -> None:
    run = runs.new()
    assert not await run.punch("stdout", 100 * BLOCK)
    await run.seal()
    assert not await run.punch("stdout", 100 * BLOCK)
    assert run.names == {"sealed"}


async def test_a_full_disk_gets_room(host: LocalHost, small_disk: Path, can_punch: bool) -> None:
    run = Runs(host, small_disk / "runs").new()
    script = "seq 1000000 1014999; " + UNTIL.format("go") + "seq 1000000 1007999; exit 3"
    await run.launch(script, deadline_seconds=60)
    await run.reach(b"1014999\n")
    fill(small_disk / "filling")
    assert await run.punch("stdout", 15_000 * 8) == can_punch
    (run.path / "go").touch()
    state = await run.over(stdout_offset=15_000 * 8)
    assert state.exit_code == (3 if can_punch else state.exit_code)
    assert (state.stdout_size == 23_000 * 8) == can_punch


async def punch_on(runs: Runs) -> bool:
    """Punch a spool in a folder and return whether that was possible; what was not given back is there in any case."""
    run = runs.new()
    await run.launch(LINES, deadline_seconds=60)
    await run.over()
    done = await run.punch("stdout", 100 * BLOCK + 1)
    offset = 100 * BLOCK if done else 0
    assert await run.read("stdout", offset, len(WRITTEN)) == WRITTEN[offset:]
    assert (on_disk(run, "out") < len(WRITTEN) - 50 * BLOCK) == done
    return done


async def test_overlay_can(host: LocalHost, mounted: Callable[..., Path], can_punch: bool) -> None:
    disk = mounted("-t", "tmpfs", "tmpfs")
    for name in ("lower", "upper", "work"):
        (disk / name).mkdir()
    folders = f"lowerdir={disk}/lower,upperdir={disk}/upper,workdir={disk}/work"
    assert await punch_on(Runs(host, mounted("-t", "overlay", "-o", folders, "overlay") / "runs")) == can_punch


async def test_ramfs_cannot(host: LocalHost, mounted: Callable[..., Path]) -> None:
    assert not await punch_on(Runs(host, mounted("-t", "ramfs", "ramfs") / "runs"))
