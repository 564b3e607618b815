"""How a run stands: after its end, without its supervisor, after a reboot, and when it never began."""

import os
import time

import pytest

from app.remote import detached
from app.remote.detached import DEADLINE_EXIT_CODE, RunState
from app.remote.errors import Refused, RemoteError
from tests.contract.remote.detached.local_host import lives, marked
from tests.contract.remote.detached.runs import Run, Runs


async def test_running_and_exited(runs: Runs) -> None:
    run = runs.new()
    await run.launch(
        "printf ready; until [ -e go ]; do sleep 0.02; done; printf 12345 >&2; exit 3", deadline_seconds=60
    )
    await run.reach(b"ready")
    assert await run.state() == RunState("running", None, 5, 0)
    (run.path / "go").touch()
    await run.over()
    assert await run.state() == RunState("exited", 3, 5, 5)


async def test_missing(runs: Runs) -> None:
    assert await runs.new().state() == RunState("missing")


async def test_a_folder_without_a_run_is_about_to_begin_for_ten_seconds_and_then_never_does(runs: Runs) -> None:
    run = runs.new()
    run.path.mkdir(parents=True)
    (run.path / "script.ready").write_text("exit 0")
    assert (await run.state()).kind == "running"
    os.utime(run.path, (time.time() - 11, time.time() - 11))
    assert await run.state() == RunState("stillborn")
    assert run.names == set()
    os.utime(run.path, (time.time() - 11, time.time() - 11))
    with pytest.raises(RemoteError, match="could not be started"):
        await run.launch("exit 0", deadline_seconds=60)


async def test_rebooted(runs: Runs) -> None:
    run = runs.new()
    launched = await run.launch("printf ready; sleep 60", deadline_seconds=60)
    await run.reach(b"ready")
    run.change_meta(4, "00000000-0000-0000-0000-000000000000")
    assert await run.state() == RunState("rebooted", None, 5, 0)
    assert (await run.cancel(grace_seconds=1)).kind == "cancelled"
    assert lives(launched.pid), "the pid is of another boot and must not be killed"


async def lose(run: Run) -> RunState:
    """Kill the supervisor."""
    os.kill(run.supervisor, 9)
    while (state := await run.state()).kind == "running":
        pass
    return state


async def test_lost_with_the_script_alive_and_cancel_still_ends_it(runs: Runs) -> None:
    run = runs.new()
    launched = await run.launch("printf ready; sleep 60", deadline_seconds=60)
    await run.reach(b"ready")
    assert await lose(run) == RunState("lost", None, 5, 0)
    assert lives(launched.pid)
    with pytest.raises(Refused, match="still alive"):
        await run.seal()
    assert await run.cancel(grace_seconds=1) == RunState("cancelled", None, 5, 0)
    assert marked(run.uuid) == []
    assert (await run.state()).kind == "cancelled"
    await run.seal()


@pytest.mark.parametrize("name", ["exit.", "exit.0", "exit..1.2", "exit.0.1", "exit.none.1.2", "exit.0x.1.2"])
async def test_a_record_that_is_not_whole_is_no_success(runs: Runs, name: str) -> None:
    run = runs.new()
    await run.launch("exit 0", deadline_seconds=60)
    await run.over()
    (run.path / "exit.0.0.0").rename(run.path / name)
    run.change_meta(1, "1")
    assert (await run.state()).kind == "lost"


async def test_the_deadline_ends_everything_of_the_run(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detached, "DEADLINE_GRACE_SECONDS", 0.2)
    run = runs.new()
    script = "setsid sh -c 'trap \"\" TERM; sleep 60; sleep 60' & trap 'exit 0' TERM; sleep 60 & wait"
    await run.launch(script, deadline_seconds=1)
    assert await run.over() == RunState("exited", DEADLINE_EXIT_CODE, 0, 0)
    assert marked(run.uuid) == []


async def test_the_deadline_holds_without_the_supervisor(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detached, "DEADLINE_GRACE_SECONDS", 0.2)
    run = runs.new()
    launched = await run.launch("trap '' TERM; sleep 60; sleep 60", deadline_seconds=1)
    await lose(run)
    while marked(run.uuid) or lives(launched.pid):  # who is being killed loses its environment first
        await run.state()
    assert (await run.state()).kind == "lost"
