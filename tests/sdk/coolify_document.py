"""An OpenAPI document of what Coolify's description says of the operations that are here: paths, fields, codes, shapes.

docs/coolify-operations.json has paths, fields and codes of the published description; which field an answer is known by
is from the reference's answers, as `_known_by` has it.
"""

import re
from collections.abc import Mapping
from typing import Any

from app.compatibility import ELSEWHERE, area_of, name_of, operations

_ARRAYS = re.compile(
    r"list-.*|update-envs-.*|create-tag-by-.*|get-environments|get-resources-by-server-uuid|get-(token-team-members|members-.*)"
)
_MESSAGES = re.compile(
    r"(delete|(post-)?(start|stop|restart)|move|migrate|validate)-.*|(en|dis)able-api|cancel-.*|update-database-by-uuid"
)
_ITEMS: dict[str, dict[str, Any]] = {"array": {"items": {}}}
_TEXTS = frozenset({"version", "healthcheck"})


def here() -> list[dict[str, Any]]:
    """Return Coolify's operations that are served as its description has them."""
    found = [one for one in operations() if area_of(one) is None and name_of(one) not in ELSEWHERE]
    # The published description leaves out the body of three of four.
    shared = next(one["body"] for one in found if one["operationId"] == "create-team-shared-env")
    return [{"body": shared, **one} if one["operationId"].endswith("-shared-env") else one for one in found]


def success_of(operation: Mapping[str, Any]) -> str:
    """Return the code of an answer that says it is done; where the description is wrong, the one that Coolify sends."""
    said: str = operation.get("success_in_controller") or min(operation["responses"])
    return said


def document() -> dict[str, Any]:
    """Return the document that a client is generated from."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in here():
        paths.setdefault(operation["path"], {})[operation["method"].lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Coolify", "version": "4"},
        "paths": paths,
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        "security": [{"bearer": []}],
    }


def _operation(operation: Mapping[str, Any]) -> dict[str, Any]:
    parameters = [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", operation["path"])
    ]
    query = operation.get("query", {"required": [], "optional": []})
    parameters += [
        {"in": "query", "name": name, "required": name in query["required"], "schema": {"type": "string"}}
        for name in (*query["required"], *query["optional"])
    ]
    made = {"operationId": operation["operationId"], "parameters": parameters, "responses": _responses(operation)}
    if "body" in operation:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": _body(operation["body"])}}}
    return made


def _body(body: Mapping[str, Any]) -> dict[str, Any]:
    either = {name for names in body.get("one_of", ()) for name in names}
    fields = (*body["required"], *body["optional"])
    needed = [name for name in body["required"] if name not in either]
    return {"type": "object", "properties": {name: {} for name in fields}, "required": needed}


def _responses(operation: Mapping[str, Any]) -> dict[str, Any]:
    error = {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}
    responses = {code: _answer(error) for code in operation["responses"] if code >= "400"}
    if operation["operationId"] in _TEXTS:
        done = {"description": "", "content": {"text/html": {"schema": {"type": "string"}}}}
    else:
        done = _answer(_shape(operation))
    return {**responses, success_of(operation): done}


def _answer(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "", "content": {"application/json": {"schema": schema}}}


def _shape(operation: Mapping[str, Any]) -> dict[str, Any]:
    known_by = _known_by(operation)
    fields = {name: {"type": kind, **_ITEMS.get(kind, {})} for name, kind in known_by.items()}
    shape = {"type": "object", "properties": fields, "required": list(known_by)}
    is_array = _ARRAYS.fullmatch(operation["operationId"])
    return {"type": "array", "items": shape} if is_array else shape


def _known_by(operation: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields that an answer always has, with their types."""
    name: str = operation["operationId"]
    if "-logs-" in name:
        return {"logs": "string"}
    if name == "deploy-by-tag-or-uuid":
        return {"deployments": "array"}
    if name in {"list-deployments", "get-deployment-by-uuid"}:
        return {"deployment_uuid": "string", "status": "string"}
    if _MESSAGES.fullmatch(name):
        return {"message": "string"}
    return {"id": "integer", "name": "string"} if "team" in name and "env" not in name else {"uuid": "string"}
