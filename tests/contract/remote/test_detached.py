"""A run over every kind of host: read to its end, cancelled, and left alone when the link breaks."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.remote.detached import Chunk, DetachedRun, Leftover, RunState, leftovers
from app.remote.errors import GivenBack, Lost
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


async def test_a_run_is_looked_at_while_what_was_read_is_given_back(
    connected: Connected, tmp_path: Path, uuid: str
) -> None:
    run = DetachedRun(connected.host, f"{tmp_path}/runs/{uuid}", uuid)
    await run.launch("seq 1 100000; until [ -e go ]; do sleep 0.02; done", deadline_seconds=60)
    wanted = "".join(f"{n}\n" for n in range(1, 100_001)).encode()
    while (await run.index(len(wanted) - 1))[-1].stdout_size < len(wanted):
        assert (await run.state()).kind == "running"
    found = await leftovers(connected.host, f"{tmp_path}/runs")
    assert found == [Leftover(uuid, found[0].age_seconds, alive=True)]
    assert await run.punch("stdout", 500_000)
    assert await run.read("stdout", 500_000, 100_000) == wanted[500_000:]
    for ask in (run.read("stdout", 0, 10), first_chunk(run)):
        with pytest.raises(GivenBack):
            await ask
    (tmp_path / "runs" / uuid / "go").touch()
    async with run.follow(500_000, 0) as chunks:
        assert b"".join([chunk.data async for chunk in chunks]) == wanted[500_000:]
    assert [one.alive for one in await leftovers(connected.host, f"{tmp_path}/runs")] == [False]


async def first_chunk(run: DetachedRun) -> Chunk:
    async with run.follow(0, 0) as chunks:
        return await anext(chunks)


async def test_a_broken_link_does_not_touch_the_run(connected: Connected, tmp_path: Path, uuid: str) -> None:
    run = DetachedRun(connected.host, f"{tmp_path}/runs/{uuid}", uuid)
    launched = await run.launch("echo ready; sleep 60", deadline_seconds=60)
    async with run.follow(0, 0) as chunks:
        assert (await anext(chunks)).data == b"ready\n"
        connected.cut()
        with pytest.raises(Lost):
            await anext(chunks)
    assert lives(launched.pid)
