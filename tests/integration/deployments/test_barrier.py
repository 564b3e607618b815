"""A stream that has come to a step's marker waits for the other one, and goes on alone only when there is no other."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.deployments import following
from app.postgres import Sessions
from tests.integration.deployments.running import Bench, running_bench


@pytest_asyncio.fixture
async def bench(sessions: Sessions, tmp_path: Path) -> AsyncIterator[Bench]:
    async with running_bench(sessions, tmp_path / "data") as one:
        yield one


async def test_a_stream_whose_partner_never_comes_goes_on_alone(bench: Bench) -> None:
    go = bench.folder / "go"
    row = await bench.ask()
    claimed = await bench.claim("echo one; exec 2>/dev/null", f"echo two; until [ -e {go} ]; do sleep 0.05; done")
    running = asyncio.create_task(bench.run(claimed))
    await bench.until_logged(row, "two")
    go.touch()
    await running
    assert (await bench.row(row)).status == "finished"
    assert (await bench.outputs(row))[1:] == ["Step 1", "one", "Step 2", "two", "Deployment finished."]


async def test_a_partner_that_is_only_late_is_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing came for a while, because the link or PostgreSQL was in the way: the server has it all the same."""
    monkeypatch.setattr(following, "BARRIER_SECONDS", 0.0)
    row = await bench.deploy("seq 1 30000 >&2; echo one", "seq 1 30000; echo two >&2", "echo three")
    batches = [entry["batch"] for entry in (await bench.log(row))[:-1]]
    assert batches == sorted(batches)
    assert len(await bench.outputs(row)) == 60_000 + 8
