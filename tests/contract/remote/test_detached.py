"""A run over every kind of host: read to its end, cancelled, and left alone when the link breaks."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.remote.detached import DetachedRun, RunState
from app.remote.errors import Lost
from tests.contract.remote.conftest import Connected
from tests.contract.remote.detached.local_host import kill, lives, marked


@pytest.fixture
def uuid() -> Iterator[str]:
    """The id of a run that ends with the test."""
    uuid = f"r{secrets.token_hex(12)}"
    yield uuid
    for pid in marked(uuid):
        kill(pid)


async def test_a_run_is_read_to_its_end(connected: Connected, tmp_path: Path, uuid: str) -> None:
    run = DetachedRun(connected.host, f"{tmp_path}/runs/{uuid}", uuid)
    script = "seq 1 100000; seq 1 1000 >&2; until [ -e go ]; do sleep 0.02; done; exit 3"
    await run.launch(script, deadline_seconds=60)
    wanted = {
        "stdout": "".join(f"{n}\n" for n in range(1, 100_001)).encode(),
        "stderr": "".join(f"{n}\n" for n in range(1, 1_001)).encode(),
    }
    got = {"stdout": b"", "stderr": b""}
    async with run.follow(0, 0) as chunks:
        async for chunk in chunks:
            assert chunk.offset == len(got[chunk.channel])
            got[chunk.channel] += chunk.data
            if got == wanted:
                (tmp_path / "runs" / uuid / "go").touch()
    assert got == wanted
    assert await run.state() == RunState("exited", 3, len(wanted["stdout"]), len(wanted["stderr"]))
    assert await run.read("stdout", 5, 100) == wanted["stdout"][5:105]
    await run.seal()
    assert (await run.state()).kind == "missing"


async def test_a_run_is_cancelled(connected: Connected, tmp_path: Path, uuid: str) -> None:
    run = DetachedRun(connected.host, f"{tmp_path}/runs/{uuid}", uuid)
    launched = await run.launch("sleep 60 & setsid sleep 60 & sleep 60", deadline_seconds=60)
    assert await run.cancel(grace_seconds=2) == RunState("cancelled", 143, 0, 0)
    assert marked(uuid) == []
    assert not lives(launched.pid)


async def test_a_broken_link_does_not_touch_the_run(connected: Connected, tmp_path: Path, uuid: str) -> None:
    run = DetachedRun(connected.host, f"{tmp_path}/runs/{uuid}", uuid)
    launched = await run.launch("echo ready; sleep 60", deadline_seconds=60)
    async with run.follow(0, 0) as chunks:
        assert (await anext(chunks)).data == b"ready\n"
        connected.cut()
        with pytest.raises(Lost):
            await anext(chunks)
    assert lives(launched.pid)
