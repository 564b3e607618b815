"""Every operation of Coolify's description is served with its fields and codes, or stands among what is not here."""

import json
from typing import Any

import pytest

from app.compatibility import (
    BETTER,
    FIELDS_NOT_HERE,
    NOT_HERE,
    area_of,
    main,
    name_of,
    operations,
    served_as,
    shape_of,
)
from app.openapi import FILE

DOCUMENT: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
SERVED = {
    shape_of(f"{method.upper()} {path}"): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
HERE = [operation for operation in operations() if area_of(operation) is None]
WITH_FIELDS = [operation for operation in HERE if "body" in operation or "query" in operation]

AROUND = {"400", "401", "404", "409", "422", "501"}
"""Codes that ours may lack: the reference's words for what cannot happen here, such as a swarm."""

OURS_NEED = {"docker_compose_raw", "ip", "key", "name", "private_key_uuid"}
"""Fields that the description calls optional though the reference refuses a request without them."""


@pytest.mark.parametrize("operation", HERE, ids=name_of)
def test_an_operation_is_served_with_its_codes(operation: dict[str, Any]) -> None:
    served = SERVED[served_as(operation)]
    said = [code for code in operation["responses"] if code < "300"]
    assert operation.get("success_in_controller", said[0]) in served["responses"]
    assert set(operation["responses"]) - set(said) - set(served["responses"]) <= AROUND


@pytest.mark.parametrize("operation", WITH_FIELDS, ids=name_of)
def test_an_operation_takes_the_fields_of_the_reference_and_needs_no_others(operation: dict[str, Any]) -> None:
    served = SERVED[served_as(operation)]
    taken, needed = _fields(served)
    taken |= {parameter["name"] for parameter in served.get("parameters", ()) if parameter["in"] == "query"}
    for part in ("body", "query"):
        asked = operation.get(part, {"required": [], "optional": []})
        assert set(asked["required"]) <= taken
        assert set(asked["optional"]) - taken <= FIELDS_NOT_HERE.keys()
    assert needed - set(operation.get("body", {"required": []})["required"]) <= OURS_NEED


def test_what_is_said_about_an_operation_is_about_one_that_is_there() -> None:
    names = {name_of(operation) for operation in operations()}
    assert names >= BETTER.keys()
    unused = [area.name for area in NOT_HERE if not any(area_of(one) == area for one in operations())]
    assert unused == []
    asked = {
        field
        for operation in HERE
        for part in ("body", "query")
        for field in operation.get(part, {"optional": []})["optional"]
    }
    assert asked >= FIELDS_NOT_HERE.keys()


def test_nothing_is_served_that_is_said_not_to_be_here() -> None:
    served = {shape_of(name_of(operation)) for operation in operations() if area_of(operation) is not None}
    assert not served & SERVED.keys()


def test_the_page_is_current() -> None:
    assert main(["--check"]) == 0


def _fields(operation: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Return the fields of the body and those of them that are needed."""
    if "requestBody" not in operation:
        return set(), set()
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    taken: set[str] = set()
    needed: set[str] = set()
    for one in (schema, *schema.get("anyOf", ())):
        if "$ref" in one:
            referred = DOCUMENT["components"]["schemas"][one["$ref"].rpartition("/")[2]]
            taken |= referred["properties"].keys()
            needed |= set(referred.get("required", ()))
    return taken, needed
