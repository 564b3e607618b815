"""Clients of a released document go on working: what the newer one takes away is found, change by change."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from app.openapi import FILE
from tests.contract.api.changes import Document, breaking_changes

RELEASED = FILE.parent / "docs" / "released"


def _old() -> Document:
    answer = {"description": "OK", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ship"}}}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewShip"}}}}
    query = {"in": "query", "name": "take", "schema": {"type": "integer"}}
    post = {"operationId": "make", "parameters": [query], "requestBody": body, "responses": {"200": answer}}
    text = {"type": "string"}
    return {
        "paths": {"/ships": {"post": post}},
        "components": {
            "schemas": {
                "Ship": {"properties": {"name": text, "kind": {"enum": ["bark"]}}, "required": ["name"]},
                "NewShip": {"properties": {"name": text, "crew": {"type": "integer"}}, "required": ["name"]},
            }
        },
    }


def _set(*path: Any, to: Any = None) -> Callable[[Document], None]:
    """Return a change of one place in a document; without a value it is taken away."""

    def change(document: Document) -> None:
        part: Any = document
        for name in path[:-1]:
            part = part[name]
        if to is None:
            del part[path[-1]]
        else:
            part[path[-1]] = to

    return change


POST = ("paths", "/ships", "post")
SCHEMAS = ("components", "schemas")
TEXT_OR_NULL = {"anyOf": [{"type": "string"}, {"type": "null"}]}

CHANGES = {
    "operation": (_set(*POST), ["POST /ships: removed"]),
    "operation id": (_set(*POST, "operationId", to="b"), ["POST /ships: the operationId make is now b"]),
    "answer": (_set(*POST, "responses", "200"), ["POST /ships: the answer 200 is removed"]),
    "parameter": (_set(*POST, "parameters", 0), ["POST /ships: the query parameter take is removed"]),
    "required parameter": (
        _set(*POST, "parameters", 0, "required", to=True),
        ["POST /ships: the query parameter take is now required"],
    ),
    "type of a parameter": (
        _set(*POST, "parameters", 0, "schema", to={"type": "boolean"}),
        ["POST /ships: the query parameter take has another type"],
    ),
    "required body": (_set(*POST, "requestBody", "required", to=True), ["POST /ships: the body is now required"]),
    "schema": (_set(*SCHEMAS, "Ship"), ["Ship: removed"]),
    "field of an answer": (_set(*SCHEMAS, "Ship", "properties", "name"), ["Ship.name: removed"]),
    "field of a body": (_set(*SCHEMAS, "NewShip", "properties", "crew"), ["NewShip.crew: removed"]),
    "type of a field": (
        _set(*SCHEMAS, "Ship", "properties", "name", to={"type": "integer"}),
        ["Ship.name: another type"],
    ),
    "null in an answer": (_set(*SCHEMAS, "Ship", "properties", "name", to=TEXT_OR_NULL), ["Ship.name: another type"]),
    "absence in an answer": (_set(*SCHEMAS, "Ship", "required"), ["Ship.name: may now be absent"]),
    "required field": (_set(*SCHEMAS, "NewShip", "required", to=["name", "crew"]), ["NewShip.crew: now required"]),
    "value": (_set(*SCHEMAS, "Ship", "properties", "kind", "enum", to=["brig"]), ["Ship.kind: another type"]),
    # What clients of the old document do not notice.
    "null in a body": (_set(*SCHEMAS, "NewShip", "properties", "name", to=TEXT_OR_NULL), []),
    "more in an answer": (_set(*SCHEMAS, "Ship", "properties", "age", to={"type": "integer"}), []),
    "more in a body": (_set(*SCHEMAS, "NewShip", "properties", "age", to={"type": "integer"}), []),
    "another operation": (_set("paths", "/docks", to={"get": {}}), []),
    "an error more": (_set(*POST, "responses", "429", to={"description": "Later"}), []),
}


TAKEN = {
    # An operation is read by the uuid that its request was answered with: only who uses the new ones sees their kinds.
    f"OperationKind: the value {verb}-part is new"
    for verb in ("restart", "start", "stop")
}
"""Changes that were taken all the same, with the reason why nobody of the release notices."""


@pytest.mark.parametrize("name", CHANGES)
def test_each_breaking_change_is_found_and_no_other(name: str) -> None:
    change, expected = CHANGES[name]
    new = copy.deepcopy(_old())
    change(new)
    assert breaking_changes(_old(), new) == expected


@pytest.mark.parametrize("release", sorted(file.name for file in RELEASED.glob("openapi-*.json")))
def test_what_is_released_is_kept(release: str) -> None:
    released = json.loads((RELEASED / release).read_text(encoding="utf-8"))
    assert set(breaking_changes(released, json.loads(FILE.read_text(encoding="utf-8")))) == TAKEN


def test_there_is_a_release() -> None:
    assert (RELEASED / "openapi-0.1.json").exists()
