"""Traces of ourselves: a request, below it the deployment that it asked for, below that the steps; and nothing unasked."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.postgres import Sessions
from app.tracing import begin_request, carrier, end_request, start_tracing, stop_tracing
from tests.desk import Desk, open_desk
from tests.fixtures.api import MakeToken
from tests.integration.deployments.running import Bench, running_bench
from tests.operate.deployed import add_service, right

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    start_tracing("test", exporter)
    yield exporter
    stop_tracing()


@pytest_asyncio.fixture
async def bench(sessions: Sessions, tmp_path: Path) -> AsyncIterator[Bench]:
    async with running_bench(sessions, tmp_path / "data") as one:
        yield one


async def test_a_deployment_is_a_span_below_the_request_that_asked_for_it(
    bench: Bench, exporter: InMemorySpanExporter
) -> None:
    request = begin_request("POST", "/api/v1/deploy", "request-1", None)
    assert request is not None
    row = await bench.ask()
    end_request(request, "POST /deploy", 200)
    await bench.run(await bench.claim("true", "exit 3", "true"))
    row = await bench.row(row)
    asked, first, second, deployment = exporter.get_finished_spans()
    assert [asked.name, deployment.name, first.name, second.name] == ["POST /deploy", "deployment", "Step 1", "Step 2"]
    assert deployment.parent is not None
    assert deployment.parent.span_id == asked.context.span_id
    assert {span.context.trace_id for span in (asked, first, second, deployment)} == {asked.context.trace_id}
    assert [span.parent.span_id for span in (first, second) if span.parent] == [deployment.context.span_id] * 2
    assert [span.status.is_ok for span in (asked, first, second, deployment)] == [True, True, False, False]
    assert second.attributes is not None
    assert deployment.attributes is not None
    assert second.attributes["shiplog.exit_code"] == 3
    assert deployment.attributes["shiplog.deployment_uuid"] == row.deployment_uuid
    assert deployment.attributes["shiplog.status"] == "failed"
    assert row.started_at is not None
    assert deployment.start_time == round(row.started_at.timestamp() * 1_000_000) * 1000


async def test_a_request_goes_on_with_the_trace_of_its_caller(
    api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken, exporter: InMemorySpanExporter
) -> None:
    desk: Desk = await open_desk(api, sessions, make_token)
    service = await add_service(desk, "services:\n  web:\n    image: registry.example/web:1\n")
    exporter.clear()
    headers = {"traceparent": CALLER}
    answer = await right(desk, "POST", "/deploy", json={"uuid": service}, headers=headers)
    (span,) = exporter.get_finished_spans()
    assert span.name == "POST /deploy"
    assert span.parent is not None
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == tuple(CALLER.split("-")[1:3])
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == 200
    assert len(str(span.attributes["shiplog.request_id"])) == 24
    uuid = answer["deployments"][0]["deployment_uuid"]
    shown = await right(desk, "GET", f"/deployments/{uuid}")
    assert "traceparent" not in shown["options"]


def test_nothing_is_traced_unless_it_was_begun() -> None:
    assert begin_request("GET", "/", "request-1", CALLER.encode()) is None
    assert carrier() == {}


def test_opentelemetry_is_not_imported_by_who_does_not_use_it() -> None:
    # FastAPI imports the interface, whoever uses it; what records and sends is the SDK.
    program = "import app.main, app.worker, sys; print([name for name in sys.modules if 'opentelemetry.sdk' in name])"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
