"""A client generated from Coolify's own description works here: each operation that is, with what that description needs."""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.postgres import Sessions
from app.settings import Settings
from tests.api_process import ROOT, serving_api
from tests.contract.api.configuration import EVERYWHERE, names_of_paths
from tests.contract.api.seeds import Names, docker, sow
from tests.desk import open_desk
from tests.fixtures.api import MakeToken
from tests.integration.this_machine import worker_on_this_machine
from tests.sdk.coolify_document import document, here, success_of
from tests.sdk.test_clients import SDK, run

_NEEDED_ALL_THE_SAME = ("docker_compose_raw", "ip", "key", "name", "private_key_uuid", "tag_name", "uuid")
"""Fields that the description calls optional though Coolify, too, refuses a request without them."""

_VALUES: dict[str, Any] = {"value": "1", "tag_name": "blue", "data": [{"key": "B", "value": "1"}]}
_OF_OPERATIONS: dict[str, dict[str, Any]] = {
    "update-environment": {"name": "production"},
    "update-env-by-service-uuid": {"uuid": "tagged_service", "key": "A"},
    "update-env-by-database-uuid": {"uuid": "tagged_database", "key": "A"},
}


def _plan(names: Names) -> list[dict[str, Any]]:
    return [_request(operation, names) for operation in here()]


def _request(operation: dict[str, Any], names: Names) -> dict[str, Any]:
    name = f"{operation['method']} {operation['path']}"
    own = {"name": operation["operationId"], **_OF_OPERATIONS.get(operation["operationId"], {})}
    known = names_of_paths(name)
    arguments = {}
    for field in re.findall(r"\{(\w+)\}", operation["path"]):
        of_ours = "team_id" if field == "id" else field
        arguments[field] = names[own.get(field, known[f"path.{of_ours}"])][0]
    if "sub_service_name" in operation.get("query", {}).get("required", ()):
        arguments["sub_service_name"] = "web"
    if operation["operationId"] == "deploy-by-tag-or-uuid":
        arguments["uuid"] = names["resource"][0]
    body = _body(operation["body"], own, names) if "body" in operation else None
    return {"operation": operation["operationId"], "arguments": arguments, "body": body}


def _body(body: dict[str, Any], own: dict[str, Any], names: Names) -> dict[str, Any]:
    either = {name for one_of in body.get("one_of", ()) for name in one_of[1:]}
    fields = [*body["required"], *(name for name in body["optional"] if name in _NEEDED_ALL_THE_SAME)]
    return {name: _value(name, own, names) for name in fields if name not in either}


def _value(field: str, own: dict[str, Any], names: Names) -> Any:
    if field in own and field != "uuid":
        return own[field]
    dictionary = EVERYWHERE.get(f"body.{field}")
    if dictionary is None:
        return _VALUES[field]
    # Each once: two of a key, a network or an address are refused.
    return names[dictionary].pop(0) if field in {"key", "network", "ip", "private_key"} else names[dictionary][0]


@pytest.mark.timeout(300)
async def test_a_client_of_coolify_works(
    api: httpx.AsyncClient,
    sessions: Sessions,
    make_token: MakeToken,
    api_settings: Settings,
    tmp_path: Path,
) -> None:
    code, out = await run(["make", "build/sdk/venv/installed", f"PYTHON={sys.executable}"], cwd=ROOT)
    assert code == 0, out
    description, config = tmp_path / "coolify.json", tmp_path / "config.yaml"
    description.write_text(json.dumps(document()))
    config.write_text("project_name_override: coolify-client\npackage_name_override: coolify_client\npost_hooks: []\n")
    generate = [str(SDK / "venv" / "bin" / "openapi-python-client"), "generate", "--path", str(description)]
    code, out = await run([*generate, "--config", str(config), "--output-path", str(tmp_path / "client")], cwd=tmp_path)
    assert code == 0, out
    shutil.copy(Path(__file__).with_name("coolify_program.py"), tmp_path / "client")
    desk = await open_desk(api, sessions, make_token)
    names = await sow(desk)
    token, plan = tmp_path / "token", tmp_path / "plan.json"
    token.write_text(desk.tokens["root"].plain)
    stand_in = docker(names)
    plan.write_text(json.dumps(_plan(names)))
    words = [str(SDK / "venv" / "bin" / "python"), str(tmp_path / "client" / "coolify_program.py")]

    async with worker_on_this_machine(desk, api_settings, tmp_path, docker=stand_in), serving_api(api_settings) as url:
        code, out = await run([*words, url, str(token), str(plan)], cwd=tmp_path)

    assert code == 0, out
    answers = [json.loads(line) for line in out.splitlines()]
    wanted = {operation["operationId"]: int(success_of(operation)) for operation in here()}
    wrong = [answer for answer in answers if answer[1] != wanted[answer[0]] or not answer[2]]
    assert wrong == [], "\n".join(map(str, wrong))
    assert {answer[0] for answer in answers} == wanted.keys()
