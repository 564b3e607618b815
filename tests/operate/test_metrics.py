"""Metrics of ourselves: who may read them, what they say, and that page, dashboard and alerts name what there is."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import structlog
import yaml
from fastapi import FastAPI
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import text

from app.deployments.claim import claim_next
from app.deployments.repository import find_of_team
from app.kit.clock import utcnow
from app.metrics import queries
from app.metrics.__main__ import all_metrics, exposed_name, rows
from app.metrics.serving import on_own_port
from app.metrics.state import State
from app.postgres import Sessions, create_engine, create_sessions
from app.redis import Waker
from app.settings import Settings
from tests.deploying import create_deployment, create_place, create_service

DOCS = Path(__file__).parents[2] / "docs"
TOKEN = "metrics-token-1"
PARTS = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}
LABELS_ANYWHERE = {"le", "job", "instance"}
METRIC = re.compile(r"\bshiplog_[a-z_]+")


def samples_of(exposition: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return {(name, labels): value}."""
    families = text_string_to_metric_families(exposition)
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def key(name: str, **labels: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return name, tuple(sorted(labels.items()))


def value_of(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


async def scrape(api: httpx.AsyncClient, token: str | None = TOKEN) -> httpx.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return await api.get("http://api.test/metrics", headers=headers)


def set_token(api: httpx.AsyncClient) -> None:
    app = cast("FastAPI", cast("httpx.ASGITransport", api._transport).app)
    app.state.settings = app.state.settings.model_copy(update={"metrics_token": SecretStr(TOKEN)})


async def test_nothing_is_told_until_a_token_is_set_and_then_to_who_has_it(api: httpx.AsyncClient) -> None:
    assert (await scrape(api)).status_code == 404
    set_token(api)
    assert [(await scrape(api, token)).status_code for token in (None, "metrics-token-2", TOKEN)] == [401, 401, 200]


async def test_the_state_of_the_queue_is_told(api: httpx.AsyncClient, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        place = await create_place(session)
        for _ in range(3):
            await create_deployment(session, place, await create_service(session, place))
        expired = {"status": "in_progress", "lease_owner": "lost", "lease_until": utcnow().replace(year=2020)}
        await create_deployment(session, place, await create_service(session, place), **expired)
    set_token(api)
    found = samples_of((await scrape(api)).text)
    assert found[key("shiplog_postgres_up")] == 1
    assert found[key("shiplog_deployments", kind="service", status="queued")] == 3
    assert found[key("shiplog_deployments", kind="service", status="in_progress")] == 1
    assert found[key("shiplog_deployments", kind="database", status="queued")] == 0
    assert found[key("shiplog_queue_servers", kind="service")] == 1
    assert found[key("shiplog_queue_server_depth", kind="service")] == 3
    assert found[key("shiplog_queue_oldest_seconds", kind="service")] > 0
    assert found[key("shiplog_leases_expired", kind="service")] == 1
    assert found[key("shiplog_arq_queued")] == 0
    for part in ("heap", "indexes", "toast"):
        assert found[key("shiplog_table_bytes", table="service_deployment_queues", part=part)] > 0


async def test_without_postgresql_the_process_still_tells_its_own(redis_url: str) -> None:
    settings = Settings(database_url="postgresql://u@127.0.0.1:1/x", redis_url=redis_url)
    engine, waker = create_engine(settings), Waker(redis_url)
    async with (
        on_own_port(settings.model_copy(update={"metrics_port": 0}), State(create_sessions(engine), waker)) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        answer = await client.get("/metrics")
        assert (await client.get("/")).status_code == 404
    found = samples_of(answer.text)
    assert found[key("shiplog_postgres_up")] == 0
    assert not any(name == "shiplog_deployments" for name, _ in found)
    assert key("shiplog_sweeps_total") in found
    await waker.close()
    await engine.dispose()


async def test_a_port_of_its_own_asks_for_the_token_too() -> None:
    settings = Settings(metrics_token=TOKEN).model_copy(update={"metrics_port": 0})
    async with on_own_port(settings) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.get("/metrics")).status_code == 401
        answer = await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert not any(name == "shiplog_postgres_up" for name, _ in samples_of(answer.text))


async def test_processes_of_one_machine_take_one_port_after_the_other() -> None:
    settings = Settings().model_copy(update={"metrics_port": 0})
    async with on_own_port(settings) as first:
        assert first is not None
        async with on_own_port(settings.model_copy(update={"metrics_port": first})) as second:
            assert second is not None
            assert second > first


async def test_a_statement_is_timed_for_the_function_that_asked_for_it(sessions: Sessions) -> None:
    def count(repository: str, method: str) -> float:
        return value_of("shiplog_query_seconds_count", repository=repository, method=method)

    of_class = ("deployments.repository", "find_of_team")
    of_claim = ("deployments.claim", "_claim")
    before = count(*of_class), count(*of_claim)
    async with sessions() as session:
        assert await find_of_team(session, 1, "a" * 24) is None
    assert await claim_next(sessions, 1, "worker", 30) is None
    through_class = count("deployments.repository", "DeploymentQueueRepository.get")
    assert through_class > 0
    assert count(*of_class) == before[0]
    assert count(*of_claim) == before[1] + 1


async def test_a_slow_statement_is_logged_without_its_values(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "SLOW_SECONDS", 0)
    with structlog.testing.capture_logs() as events:
        async with sessions() as session:
            await session.execute(text("SELECT :secret"), {"secret": "hidden-value"})
    (event,) = [event for event in events if event["event"] == "slow query" and "SELECT $1" in event["statement"]]
    assert (event["repository"], event["method"], event["log_level"]) == ("other", "other", "warning")
    assert event["ms"] >= 0
    assert "hidden-value" not in json.dumps(event)


async def test_a_statement_that_fails_is_timed_too(sessions: Sessions) -> None:
    before = value_of("shiplog_query_seconds_count", repository="other", method="other")
    async with sessions() as session:
        with pytest.raises(Exception, match="division by zero"):
            await session.execute(text("SELECT 1/0"))
    assert value_of("shiplog_query_seconds_count", repository="other", method="other") == before + 1


async def test_a_request_is_counted_and_no_caller_can_make_up_a_label(api: httpx.AsyncClient) -> None:
    name = "shiplog_http_request_seconds_count"
    before = value_of(name, method="GET", status="200"), value_of(name, method="other", status="405")
    assert (await api.get("/health")).status_code == 200
    assert (await api.request("BREW", "/health")).status_code == 405
    after = value_of(name, method="GET", status="200"), value_of(name, method="other", status="405")
    assert after == (before[0] + 1, before[1] + 1)


def names_in(texts: Iterable[str]) -> set[str]:
    return {name for one in texts for name in METRIC.findall(one)}


def series() -> dict[str, set[str]]:
    """Return {name of a series: its labels}."""
    return {
        exposed_name(metric) + part: {*metric._labelnames}
        for metric in all_metrics()
        for part in PARTS[metric._type or ""]
    }


def expressions_of(node: Any) -> list[str]:
    """Return every `expr` of a dashboard."""
    if isinstance(node, list):
        return [found for one in node for found in expressions_of(one)]
    if not isinstance(node, dict):
        return []
    own = [node["expr"]] if "expr" in node else []
    return own + [found for one in node.values() for found in expressions_of(one)]


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DOCS / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def assert_is_promql(expression: str) -> None:
    """Check what can be checked without Prometheus: brackets, names of series, and that each label is one of theirs."""
    for opening, closing in ("()", "[]", "{}"):
        assert expression.count(opening) == expression.count(closing), expression
    known = series()
    used = names_in([re.sub(r'"[^"]*"', '""', expression)])
    assert used, expression
    assert used <= set(known), f"{expression}: there is no {used - set(known)}"
    labels = set().union(*(known[name] for name in used)) | LABELS_ANYWHERE
    asked = {
        label.strip()
        for group in re.findall(r"\b(?:by|without)\s*\(([^)]*)\)", expression)
        for label in group.split(",")
    }
    asked |= set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression))
    assert asked <= labels, f"{expression}: there is no label {asked - labels}"


def test_the_dashboard_shows_series_that_there_are() -> None:
    dashboard = json.loads((DOCS / "grafana-dashboard.json").read_text())
    expressions = expressions_of(dashboard["panels"])
    assert len(expressions) >= len(dashboard["panels"]) > 10
    for expression in expressions:
        assert_is_promql(expression)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_alerts_watch_series_that_there_are() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules()) >= 8
    for rule in rules():
        assert_is_promql(rule["expr"])
        assert re.fullmatch(r"\d+[smhd]", rule["for"]), rule["alert"]
        assert rule["labels"]["severity"] in {"warning", "critical"}, rule["alert"]
        assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]


@pytest.mark.parametrize(
    "wrong",
    [
        'rate(shiplog_append_seconds{kind="service"}[5m])',
        'shiplog_deployments{kind="service"',
        "sum by (server) (shiplog_deployments)",
        "up",
    ],
    ids=["no such series", "bracket left open", "no such label", "nothing of ours"],
)
def test_a_wrong_expression_is_noticed(wrong: str) -> None:
    with pytest.raises(AssertionError):
        assert_is_promql(wrong)


def test_the_page_lists_every_metric_and_every_alert() -> None:
    page = (DOCS / "observability.md").read_text()
    assert "\n".join(rows()) in page, "put what `python -m app.metrics --list` prints into docs/observability.md"
    for rule in rules():
        assert f"`{rule['alert']}`" in page


def test_no_label_could_have_a_value_for_each_thing() -> None:
    names = {label for metric in all_metrics() for label in metric._labelnames}
    assert not {name for name in names if re.search("uuid|server|resource|team|deployment|token|path|user", name)}
