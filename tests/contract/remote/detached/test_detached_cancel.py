"""Cancelling: everything the run started ends, nothing else does, and what never began never will."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.remote.detached import RunState
from app.remote.errors import NotPermitted, Refused
from tests.contract.remote.detached.local_host import Gate, LocalHost, lives, marked, search_path
from tests.contract.remote.detached.runs import Run, Runs


@pytest.mark.parametrize(
    ("script", "grace", "code"),
    [
        pytest.param("echo ready; sleep 60; echo no", 5, 143, id="foreground"),
        pytest.param("trap 'echo cleaned; exit 5' TERM; echo ready; sleep 60 & wait", 5, 5, id="trap"),
        pytest.param("setsid sh -c 'echo ready; sleep 60' & sleep 60", 5, 143, id="setsid"),
        pytest.param("(sleep 60; sleep 60) & (sleep 60; sleep 60) & echo ready; sleep 60", 5, 143, id="background"),
        pytest.param("sh -c 'trap \"\" TERM; echo ready; sleep 60; sleep 60'", 0.2, 143, id="child ignores TERM"),
        pytest.param("trap '' TERM; echo ready; sleep 60; sleep 60; sleep 60", 0.2, 137, id="all ignores TERM"),
        pytest.param("echo ready; kill -STOP $$; sleep 60", 5, 143, id="stopped"),
    ],
)
async def test_everything_the_run_started_ends(runs: Runs, script: str, grace: float, code: int) -> None:
    run = runs.new()
    launched = await run.launch(script, deadline_seconds=60)
    await run.reach(b"ready")
    state = await run.cancel(grace_seconds=grace)
    assert (state.kind, state.exit_code) == ("cancelled", code)
    assert marked(run.uuid) == []
    assert not lives(launched.pid)
    assert await run.state() == state
    assert (await run.read("stdout", 0, 100)).startswith(b"ready\n")


async def test_a_run_that_had_ended_stays_as_it_is(runs: Runs) -> None:
    run = runs.new()
    first = await run.launch("echo done; exit 3", deadline_seconds=60)
    await run.over()
    assert await run.cancel() == RunState("exited", 3, 5, 0)
    assert await run.state() == RunState("exited", 3, 5, 0)
    assert (await run.launch("exit 0", deadline_seconds=60)).pid == first.pid


async def test_what_is_cancelled_before_it_is_launched_never_is(runs: Runs) -> None:
    run = runs.new()
    assert await run.cancel() == RunState("cancelled")
    assert await run.state() == RunState("cancelled")
    with pytest.raises(Refused, match="cancelled"):
        await run.launch("echo no", deadline_seconds=60)
    assert run.names == {"cancelled"}


async def test_two_at_once_both_say_cancelled(runs: Runs) -> None:
    run = runs.new()
    await run.launch("echo ready; sleep 60", deadline_seconds=60)
    await run.reach(b"ready")
    states = await asyncio.gather(*(run.cancel(grace_seconds=1) for _ in range(2)))
    assert states == [RunState("cancelled", 143, 6, 0)] * 2
    assert await run.cancel() == states[0]


async def test_who_was_not_the_first_to_cancel_does_not_take_the_mark_back(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    run = Runs(LocalHost(search_path("dash", tools)), tmp_path / "runs").new()
    launched = await run.launch("sleep 60", deadline_seconds=60)
    gate = Gate(tools, "rm", "*script.ready*")
    (run.path / "cancelled").touch()
    cancelling = asyncio.create_task(run.cancel(grace_seconds=1))
    await gate.reached()
    os.killpg(launched.pid, 15)
    await run.over()
    gate.open()
    assert await cancelling == RunState("cancelled", 143, 0, 0)


async def test_what_ends_before_it_is_killed_has_exited(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    run = Runs(LocalHost(search_path("dash", tools)), tmp_path / "runs").new()
    await run.launch("until [ -e go ]; do sleep 0.02; done; exit 3", deadline_seconds=60)
    gate = Gate(tools, "rm", "*script.ready*")
    cancelling = asyncio.create_task(run.cancel(grace_seconds=1))
    await gate.reached()
    (run.path / "go").touch()
    await run.over()
    gate.open()
    assert await cancelling == RunState("exited", 3, 0, 0)
    assert await run.state() == RunState("exited", 3, 0, 0)


async def test_a_script_that_was_just_taken_is_waited_for(runs: Runs) -> None:
    run = runs.new()
    run.path.mkdir(parents=True)
    (run.path / "script").touch()
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        cancelling = asyncio.create_task(run.cancel(grace_seconds=1))
        while not (run.path / "cancelled").exists():
            await asyncio.sleep(0.01)
        start = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        (run.path / "meta").write_text(f"1 0 {process.pid} {start} {boot}\n")
        assert (await cancelling).kind == "cancelled"
        assert process.wait(timeout=10) == -15
    finally:
        process.kill()
        process.wait()


async def test_a_process_that_got_the_pid_later_is_spared(runs: Runs) -> None:
    run = runs.new()
    await run.launch("echo ready; sleep 60", deadline_seconds=60)
    await run.reach(b"ready")
    victim = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        run.change_meta(2, str(victim.pid))
        assert (await run.cancel(grace_seconds=1)).kind == "cancelled"
        assert lives(victim.pid)
        assert marked(run.uuid) == []
    finally:
        victim.kill()
        victim.wait()


async def test_other_runs_are_spared(runs: Runs) -> None:
    run, other = runs.new(), runs.new()
    await run.launch("sleep 60", deadline_seconds=60)
    spared = await other.launch("sleep 60", deadline_seconds=60)
    await run.cancel(grace_seconds=1)
    assert lives(spared.pid)
    assert (await other.state()).kind == "running"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user reaches."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to have processes of two users")
async def test_processes_of_another_user_are_asked_of_sudo_and_named(open_folder: Path) -> None:
    (open_folder / "sh").symlink_to("/bin/sh")
    (open_folder / "sudo").write_text(f'#!/bin/sh\necho "$*" >>{open_folder}/asked\n')
    (open_folder / "sudo").chmod(0o755)
    path = f"{open_folder}:/usr/bin:/bin"
    ours = Runs(LocalHost(path), open_folder / "runs").new()
    try:
        launched = await ours.launch("sleep 60", deadline_seconds=60)
        for folder in (ours.path, ours.path.parent):
            folder.chmod(0o777)
        (ours.path / "meta").chmod(0o666)
        theirs = Run(LocalHost(path, user=65534), ours.path, ours.uuid)
        with pytest.raises(NotPermitted, match=f"could not be killed.*{launched.pid}"):
            await theirs.cancel(grace_seconds=0)
        asked = (open_folder / "asked").read_text().splitlines()
        assert asked[0].startswith("-n kill -TERM ")
        assert asked[-1].startswith("-n kill -KILL ")
        assert str(launched.pid) in asked[-1].split()
    finally:
        await ours.cancel(grace_seconds=1)
