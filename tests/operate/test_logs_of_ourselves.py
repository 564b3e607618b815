"""Our own log names the request and the deployment on every line of a run, and on no line after it."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog
from structlog.testing import LogCapture

from app.logs import configure_logging
from app.postgres import Sessions
from tests.integration.deployments.running import Bench, running_bench


@pytest_asyncio.fixture
async def bench(sessions: Sessions, tmp_path: Path) -> AsyncIterator[Bench]:
    async with running_bench(sessions, tmp_path / "data") as one:
        yield one


@pytest.fixture
def captured() -> Iterator[LogCapture]:
    capture, before = LogCapture(), structlog.get_config()["processors"]
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    yield capture
    structlog.configure(processors=before)


async def test_every_line_of_a_run_has_its_ids_and_none_after_it(bench: Bench, captured: LogCapture) -> None:
    with structlog.contextvars.bound_contextvars(request_id="request-of-the-deployment"):
        row = await bench.ask()
    claimed = await bench.claim("true")
    with structlog.contextvars.bound_contextvars(request_id="request-of-who-woke-the-worker"):
        captured.entries.clear()
        await bench.run(claimed)
        left = structlog.contextvars.get_contextvars()
    about = [entry for entry in captured.entries if entry["event"] == "running a deployment"]
    assert [(entry["deployment_uuid"], entry["request_id"]) for entry in about] == [
        (row.deployment_uuid, "request-of-the-deployment")
    ]
    assert left == {"request_id": "request-of-who-woke-the-worker"}


def test_a_line_of_a_library_is_json_with_the_ids_of_what_runs(capsys: pytest.CaptureFixture[str]) -> None:
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        configure_logging("INFO", ["own-secret-1"])
        with structlog.contextvars.bound_contextvars(deployment_uuid="a" * 24):
            try:
                raise ValueError("own-secret-1")
            except ValueError:
                logging.getLogger("library").exception("it failed")
    finally:
        structlog.reset_defaults()
        logging.root.handlers[:], logging.root.level = handlers, level
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert (event["event"], event["level"], event["logger"]) == ("it failed", "error", "library")
    assert event["deployment_uuid"] == "a" * 24
    assert "ValueError: <REDACTED>" in event["exception"]
