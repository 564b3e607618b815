"""The commands that `shiplog up` shows at first deploy to this machine when they are pasted, and then are shown no more."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.acceptance.engine import only_container_of
from tests.acceptance.traces import Traces
from tests.integration.cli.running import environment, remove, start, up
from tests.programs import program
from tests.rig.parts import Rig

pytestmark = pytest.mark.docker


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose name a shell would take apart."""
    folder = tmp_path / "it's $(id) a folder"
    yield folder
    remove(folder)


@pytest.fixture
def traces() -> Iterator[Traces]:
    """What is deployed here."""
    traces = Traces()
    yield traces
    traces.remove()


@asynccontextmanager
async def screen_of(data_dir: Path) -> AsyncIterator[str]:
    """Serve as for a person, and yield what is shown."""
    process = await start("up", "--port", "0", "--data-dir", data_dir)
    assert process.stdout is not None
    shown = ""
    async for line in process.stdout:
        shown += line.decode()
        if line.startswith(b"Ctrl-C"):
            break
    try:
        yield shown
    finally:
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 60) == 0


async def paste(commands: str) -> str:
    """Return what the commands print in bash."""
    script = f"set -eu -o pipefail\n{commands}\necho service $service deployment $deployment\n"
    process = await asyncio.create_subprocess_exec(
        *(program("bash"), "-c", script),
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed = (await asyncio.wait_for(process.communicate(), 60))[0].decode()
    assert process.returncode == 0, printed
    return printed


async def test_what_is_pasted_is_deployed(rig: Rig, data_dir: Path, traces: Traces) -> None:
    for name in ("curl", "jq"):
        program(name)
    async with screen_of(data_dir) as shown:
        _, heading, rest = shown.partition("\nDeploy to this machine (")
        assert heading
        commands = "\n".join(re.findall(r"^  (.*)$", rest, re.MULTILINE))
        printed = await paste(commands.replace("nginx:alpine", rig.images["web-1"]))
    found = re.search(r"service (\w{24}) deployment (\w{24})", printed)
    assert found is not None, printed
    service, deployment = found.groups()
    traces.resources.add(service)
    traces.deployments.add(deployment)

    serving = await up("--port", "0", "--data-dir", data_dir)
    try:
        async with asyncio.timeout(60):
            while True:
                row = (await serving.request("GET", f"/deployments/{deployment}")).json()
                if row["status"] not in {"queued", "in_progress"}:
                    break
                await asyncio.sleep(0.1)
        assert row["status"] == "finished", row["logs"]
        assert only_container_of(service).image == rig.images["web-1"]
    finally:
        await serving.stop()
    async with screen_of(data_dir) as shown:
        assert "Ctrl-C stops Shiplog" in shown
        assert "Deploy to this machine" not in shown
