"""422 names a field as the client wrote it: inside of lists and objects, in the query, and under either of two names."""

from typing import Any, NamedTuple

import httpx
import pytest_asyncio

from app.postgres import Sessions
from tests.desk import Desk, open_desk
from tests.fixtures.api import MakeToken


class Case(NamedTuple):
    """A request and the only field that is wrong in it; `@` in a body stands for where a resource goes."""

    method: str
    path: str
    field: str
    json: dict[str, Any] | None = None
    headers: dict[str, str] | None = None


SCRIPTS = [{"filename": "a.sql", "content": ""}, {"filename": "a/b", "content": ""}]
CASES = {
    "missing": Case("POST", "/projects", "name", {"description": "a"}),
    "a number for a truth": Case("PATCH", "/services/{service}", "instant_deploy", {"instant_deploy": 0}),
    "a number for a truth or null": Case("PATCH", "/databases/{database}", "is_public", {"is_public": 1}),
    "a word for a truth": Case("POST", "/deploy", "force", {"uuid": "a", "force": "true"}),
    "a text for a number": Case("PATCH", "/databases/{database}", "limits_cpu_shares", {"limits_cpu_shares": "5"}),
    "a truth for a number or null": Case(
        "POST", "/deploy", "deployment_timeout", {"uuid": "a", "deployment_timeout": True}
    ),
    "unknown": Case("POST", "/projects", "nmae", {"name": "a", "nmae": "b"}),
    "unknown with a dash": Case("POST", "/projects", "na-me", {"name": "a", "na-me": "b"}),
    "the name of the reference": Case("PATCH", "/servers/{server}", "concurrent_builds", {"concurrent_builds": 0}),
    "our name": Case("PATCH", "/servers/{server}", "concurrent_deployments", {"concurrent_deployments": 0}),
    "the other of the reference": Case("PATCH", "/servers/{server}", "dynamic_timeout", {"dynamic_timeout": 0}),
    "our other": Case("PATCH", "/servers/{server}", "deployment_timeout", {"deployment_timeout": 0}),
    "in a list of objects": Case(
        "PATCH", "/services/{service}/envs/bulk", "data.1.key", {"data": [{"key": "A"}, {"key": "1 A"}]}
    ),
    "missing in a list": Case("PATCH", "/services/{service}/envs/bulk", "data.0.key", {"data": [{"value": "1"}]}),
    "in a list of texts": Case("POST", "/services/{service}/tags", "tag_names.1", {"tag_names": ["a", "b,c"]}),
    "of a create in a list": Case("POST", "/databases/redis", "tags.0", {"@": None, "tags": ["a,b"]}),
    "in a file": Case("POST", "/databases/postgresql", "init_scripts.1.filename", {"@": None, "init_scripts": SCRIPTS}),
    "of another type": Case("POST", "/databases/redis", "mysql_user", {"@": None, "mysql_user": "a"}),
    "of a change": Case("PATCH", "/databases/{database}", "health_check_retries", {"health_check_retries": "a"}),
    "a type that may be null": Case(
        "PATCH", "/services/{service}", "connect_to_docker_network", {"connect_to_docker_network": "a"}
    ),
    "a body that may be left out": Case(
        "POST", "/services/{service}/start", "pull_latest_images", {"pull_latest_images": "a"}
    ),
    "query": Case("GET", "/deployments/services/{service}?take=0", "take"),
    "query of an action": Case("POST", "/services/{service}/restart?latest=perhaps", "latest"),
    "query of a log": Case("GET", "/services/{service}/logs?sub_service_name=web&lines=0", "lines"),
    "query missing": Case("GET", "/services/{service}/logs", "sub_service_name"),
    "header": Case("POST", "/services/{service}/start", "Idempotency-Key", headers={"Idempotency-Key": "x" * 300}),
}


@pytest_asyncio.fixture
async def desk(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> Desk:
    return await open_desk(api, sessions, make_token)


async def test_the_field_is_named_as_it_was_written(desk: Desk) -> None:
    compose = {"docker_compose_raw": "c2VydmljZXM6IHt3ZWI6IHtpbWFnZTogJ3dlYjoxJ319Cg=="}
    service = (await desk.ask("POST", "/services", json=desk.of_resource(**compose))).json()["uuid"]
    database = (await desk.ask("POST", "/databases/redis", json=desk.of_resource())).json()["uuid"]
    uuids = {"service": service, "database": database, "server": desk.place.server.uuid}
    wrong = []
    for name, case in CASES.items():
        body = case.json
        if body is not None and "@" in body:
            body = desk.of_resource(**{field: value for field, value in body.items() if field != "@"})
        path = case.path.format(**uuids)
        answer = await desk.ask(case.method, path, headers=case.headers or {}, json=body)
        if answer.status_code != 422 or list(answer.json()["errors"]) != [case.field]:
            wrong.append((name, answer.status_code, answer.text))
    assert wrong == []
