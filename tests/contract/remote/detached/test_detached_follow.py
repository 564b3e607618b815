"""Following and reading: each byte once, whatever breaks, and never held up by who else writes."""

import random
from pathlib import Path

import pytest

from app.remote.detached import Chunk
from app.remote.errors import RemoteError
from app.remote.host import Channel
from tests.contract.remote.detached.local_host import LocalHost
from tests.contract.remote.detached.runs import Run, Runs

BURSTS = """
n=0
while [ $n -lt 25 ]; do
    seq $((n * 2000)) $((n * 2000 + 1999))
    seq $((n * 300)) $((n * 300 + 299)) >&2
    sleep 0.02
    n=$((n + 1))
done
printf 'no newline at the end'
exit 42
"""


async def read_on(run: Run, got: dict[Channel, bytearray], stop_after: int) -> None:
    """Follow from what is there, and leave after some chunks."""
    async with run.follow(len(got["stdout"]), len(got["stderr"])) as chunks:
        async for chunk in chunks:
            assert chunk.offset == len(got[chunk.channel])
            got[chunk.channel] += chunk.data
            stop_after -= 1
            if stop_after <= 0:
                return


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_byte_comes_once_however_often_the_follower_is_killed(runs: Runs, seed: int) -> None:
    choose = random.Random(seed)
    run = runs.new()
    await run.launch(BURSTS, deadline_seconds=60)
    got: dict[Channel, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
    while (state := await run.state()).kind == "running":
        await read_on(run, got, choose.randint(1, 12))
        for spool in got.values():  # what was not acknowledged is read again
            del spool[choose.randint(max(0, len(spool) - 500), len(spool)) :]
    assert (state.kind, state.exit_code) == ("exited", 42)
    sizes: dict[Channel, int | None] = {"stdout": state.stdout_size, "stderr": state.stderr_size}
    for channel, spool in got.items():
        size = sizes[channel]
        assert size is not None
        while len(spool) < size:
            spool.extend(await run.read(channel, len(spool), choose.randint(1, 200_000)))
    assert got["stdout"] == "".join(f"{n}\n" for n in range(50_000)).encode() + b"no newline at the end"
    assert got["stderr"] == "".join(f"{n}\n" for n in range(7_500)).encode()


async def test_bytes_come_while_it_runs(runs: Runs) -> None:
    run = runs.new()
    script = "printf one; until [ -e go ]; do sleep 0.02; done; printf two >&2; until [ -e end ]; do sleep 0.02; done"
    await run.launch(script, deadline_seconds=60)
    seen = []
    async with run.follow(1, 0) as chunks:
        async for chunk in chunks:
            seen.append(chunk)
            (run.path / ("go" if chunk.channel == "stdout" else "end")).touch()
    assert seen == [Chunk("stdout", 1, b"ne"), Chunk("stderr", 0, b"two")]


async def test_a_child_that_keeps_writing_does_not_keep_it_from_ending(runs: Runs) -> None:
    run = runs.new()
    await run.launch("while :; do echo more; sleep 0.01; done & echo $!; exit 3", deadline_seconds=60)
    state = await run.over()
    assert (state.kind, state.exit_code) == ("exited", 3)
    assert state.stdout_size is not None
    while (run.path / "out").stat().st_size <= state.stdout_size:
        await run.state()
    assert await run.state() == state
    assert len(await run.read("stdout", 0, state.stdout_size)) == state.stdout_size


async def test_a_follower_that_left_a_quiet_run_leaves_no_process(runs: Runs) -> None:
    run = runs.new()
    await run.launch("echo ready; sleep 60", deadline_seconds=60)
    await run.reach(b"ready")
    while tails := tails_in(run.path):
        assert len(tails) <= 2
        await run.state()


def tails_in(folder: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if (entry / "cwd").readlink() == folder and (entry / "cmdline").read_bytes().startswith(b"tail\0"):
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError, NotADirectoryError, PermissionError):
            continue
    return found


async def test_reading_is_exact_to_the_byte(runs: Runs) -> None:
    run = runs.new()
    every = bytes(range(256)) * 40
    await run.launch("exit 0", deadline_seconds=60)
    await run.over()
    (run.path / "out").write_bytes(every)
    assert await run.read("stdout", 0, 1_000_000) == every
    assert await run.read("stdout", 10, 7) == every[10:17]
    assert await run.read("stdout", len(every) - 1, 10) == every[-1:]
    assert await run.read("stdout", len(every), 10) == b""
    assert await run.read("stdout", len(every) + 100, 10) == b""


async def test_a_run_that_is_not_there_has_nothing_to_follow(runs: Runs) -> None:
    run = runs.new()
    async with run.follow(0, 0) as chunks:
        assert [chunk async for chunk in chunks] == []
    assert await run.read("stderr", 0, 10) == b""


async def test_a_login_shell_that_runs_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "sh").write_text("#!/bin/sh\necho This account is not available.\n")
    (tmp_path / "sh").chmod(0o755)
    run = Run(LocalHost(str(tmp_path)), tmp_path / "runs" / "r1", "r1")
    for ask in (run.state(), run.cancel(), run.seal(), run.launch("exit 0", deadline_seconds=1)):
        with pytest.raises(RemoteError, match="did not run what it was sent"):
            await ask
    with pytest.raises(RemoteError, match="did not run what it was sent"):
        async with run.follow(0, 0) as chunks:
            await anext(chunks)
