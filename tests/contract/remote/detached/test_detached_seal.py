"""Sealing: nothing unredacted stays, the folder does, and old tombstones go."""

import os
import time
from pathlib import Path

import pytest

from app.remote.detached import RunState
from app.remote.errors import Refused
from tests.contract.remote.detached.local_host import marked
from tests.contract.remote.detached.runs import Runs

DAY = 86_400


async def test_everything_goes_but_the_folder(runs: Runs) -> None:
    run = runs.new()
    script = "echo secret; mkdir -p docker/sub; ln -s / docker/root; echo secret >docker/sub/config; touch .hidden"
    await run.launch(script, deadline_seconds=60, resource="r")
    await run.over()
    uploads = [run.path.with_name(f"{run.uuid}.{epoch}") for epoch in (1, 12)]
    others = run.path.with_name(f"{run.uuid}x")
    for folder in (*uploads, others):
        folder.mkdir()
        (folder / ".env").write_text("PASSWORD=secret")
    await run.seal()
    assert run.names == {"sealed"}
    assert (run.path / "sealed").read_bytes() == b""
    assert [folder.exists() for folder in (*uploads, others)] == [False, False, True]
    await run.seal()
    assert run.names == {"sealed"}


async def test_a_sealed_run_is_missing_and_never_launched_again(runs: Runs) -> None:
    run = runs.new()
    await run.seal()
    with pytest.raises(Refused, match="never run twice"):
        await run.launch("echo no", deadline_seconds=60)
    assert await run.state() == RunState("missing")
    assert await run.cancel() == RunState("missing")
    assert run.names == {"sealed"}


async def test_a_run_that_is_alive_is_not_sealed(runs: Runs) -> None:
    run = runs.new()
    await run.launch("echo ready; sleep 60", deadline_seconds=60)
    await run.reach(b"ready")
    with pytest.raises(Refused, match="cancel it"):
        await run.seal()
    assert (await run.state()).kind == "running"
    assert await run.read("stdout", 0, 100) == b"ready\n"
    await run.cancel(grace_seconds=1)
    await run.seal()
    assert run.names == {"sealed"}
    assert marked(run.uuid) == []


def tombstone(runs: Runs, mark: str, age: float) -> Path:
    folder = runs.new().path
    folder.mkdir(parents=True)
    (folder / mark).touch()
    os.utime(folder / mark, (time.time() - age, time.time() - age))
    return folder


async def test_tombstones_older_than_a_day_go(runs: Runs) -> None:
    old = [tombstone(runs, mark, DAY + 60) for mark in ("sealed", "cancelled")]
    late_upload = old[0].with_name(f"{old[0].name}.3")
    late_upload.mkdir()
    young = [tombstone(runs, mark, DAY - 60) for mark in ("sealed", "cancelled")]
    unread = tombstone(runs, "cancelled", DAY + 60)
    (unread / "out").write_text("not in the log yet")
    await runs.new().seal()
    assert [folder.exists() for folder in (*old, late_upload)] == [False] * 3
    assert [folder.exists() for folder in (*young, unread)] == [True] * 3
