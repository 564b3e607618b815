"""What is left on a server: runs that were not sealed, and uploads that nobody launched."""

import os
import time
from pathlib import Path

from app.remote.detached import Leftover, leftovers
from tests.contract.remote.detached.local_host import LocalHost, kill, marked
from tests.contract.remote.detached.runs import Runs

HOUR = 3_600


async def listed(host: LocalHost, runs: Runs) -> dict[str, tuple[int, bool]]:
    found = await leftovers(host, str(runs.folder))
    assert len({one.uuid for one in found}) == len(found)
    return {one.uuid: (one.age_seconds, one.alive) for one in found}


def age(path: Path, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


async def test_there_are_none_where_nothing_ever_ran(host: LocalHost, runs: Runs) -> None:
    assert await leftovers(host, str(runs.folder)) == []
    runs.folder.mkdir(parents=True)
    assert await leftovers(host, str(runs.folder)) == []


async def test_every_run_that_was_not_sealed_is_listed_with_its_age(host: LocalHost, runs: Runs) -> None:
    running, lost, killed, over, sealed, refused = (runs.new() for _ in range(6))
    for run in (running, lost, killed):
        await run.launch("echo ready; exec sleep 60", deadline_seconds=60)
        await run.reach(b"ready")
    for run in (over, sealed):
        await run.launch("exit 0", deadline_seconds=60)
        await run.over()
    for run in (lost, killed):
        os.kill(run.supervisor, 9)
        while (await run.state()).kind == "running":
            pass
    for pid in marked(killed.uuid):
        kill(pid)
    await sealed.seal()
    await refused.cancel()
    for run in (running, lost, killed, over, sealed, refused):
        age(run.path, 2 * HOUR)
    found = await listed(host, runs)
    assert {uuid: alive for uuid, (_, alive) in found.items()} == {
        running.uuid: True,
        lost.uuid: True,
        killed.uuid: False,
        over.uuid: False,
    }
    assert all(2 * HOUR <= seconds < 3 * HOUR for seconds, _ in found.values())
    await lost.cancel(grace_seconds=1)
    assert (await listed(host, runs))[lost.uuid][1] is False


async def test_a_run_that_is_about_to_begin_is_alive_and_one_that_never_began_is_not(
    host: LocalHost, runs: Runs
) -> None:
    begins, never = runs.new(), runs.new()
    for run in (begins, never):
        run.path.mkdir(parents=True)
        for name in ("script.ready", "out"):
            (run.path / name).touch()
    age(never.path, HOUR)
    found = await listed(host, runs)
    assert {uuid: alive for uuid, (_, alive) in found.items()} == {begins.uuid: True, never.uuid: False}
    assert found[begins.uuid][0] < 60
    assert HOUR <= found[never.uuid][0] < HOUR + 60


async def test_a_folder_whose_sealing_was_cut_off_is_listed(host: LocalHost, runs: Runs) -> None:
    run = runs.new()
    await run.seal()
    assert await listed(host, runs) == {}
    (run.path / "docker").mkdir()
    assert list(await listed(host, runs)) == [run.uuid]


async def test_uploads_that_nobody_launched_are_listed_after_an_hour(host: LocalHost, runs: Runs) -> None:
    old, young, launched, sealed = (runs.new() for _ in range(4))
    await launched.launch("exit 0", deadline_seconds=60)
    await launched.over()
    await sealed.seal()
    for run, seconds in ((old, HOUR + 60), (young, HOUR - 60), (launched, HOUR + 60), (sealed, HOUR + 60)):
        for epoch in (1, 12):
            upload = run.path.with_name(f"{run.uuid}.{epoch}")
            upload.mkdir()
            age(upload, seconds)
    found = await listed(host, runs)
    assert set(found) == {old.uuid, launched.uuid, sealed.uuid}
    assert HOUR + 60 <= found[old.uuid][0] < 2 * HOUR
    for run in (old, launched, sealed):
        await run.seal()
    assert await listed(host, runs) == {}


async def test_what_is_no_run_is_left_alone(host: LocalHost, runs: Runs) -> None:
    runs.folder.mkdir(parents=True)
    for name in ("a folder", "some.thing.1", "some.", "text.x", "new\nline"):
        (runs.folder / name).mkdir()
        (runs.folder / name / "out").touch()
        age(runs.folder / name, 2 * HOUR)
    (runs.folder / "file").touch()
    (runs.folder / "file.1").touch()
    age(runs.folder / "file.1", 2 * HOUR)
    assert await leftovers(host, str(runs.folder)) == []


async def test_an_age_is_never_negative(host: LocalHost, runs: Runs) -> None:
    run = runs.new()
    await run.launch("exit 0", deadline_seconds=60)
    await run.over()
    age(run.path, -HOUR)
    assert await leftovers(host, str(runs.folder)) == [Leftover(run.uuid, 0, alive=False)]
