"""The OpenAPI document says what the API does, the same on every run, and `--check` notices when it does not."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from app.main import create_app
from app.openapi import main, render
from app.openapi_examples import without_example
from app.settings import Settings

PLANNED = {
    "/deployments/services/{uuid}": "list-deployments-by-service-uuid",
    "/deployments/services/deployment/{uuid}": "get-service-deployment-by-uuid",
    "/deployments/databases/{uuid}": "list-deployments-by-database-uuid",
    "/deployments/databases/deployment/{uuid}": "get-database-deployment-by-uuid",
}


OPEN = ["/components/schemas/DeliveryAnswer/properties/payload"]
"""Objects without named fields: what was sent to a receiver is as the event is."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(Settings(root_path="")).openapi()


def _operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_paths_are_relative_to_the_documented_base(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert document["servers"] == [{"url": "/api/v1"}]
    assert not [path for path in document["paths"] if path.startswith("/api")]
    for path, operation_id in PLANNED.items():
        assert document["paths"][path]["get"]["operationId"] == operation_id


def test_every_operation_has_an_id_of_its_own_a_tag_and_a_summary(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in _operations(document)]
    assert sorted(ids) == sorted(set(ids))
    for name, operation in _operations(document):
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", operation["operationId"]), name
        assert operation["tags"], name
        assert operation["summary"], name


def test_everything_but_health_needs_a_token(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for name, operation in _operations(document):
        if name == "get /health":
            assert "security" not in operation
        else:
            assert operation["security"] == [{"bearer": []}], name
            assert {"401", "403", "503"} <= operation["responses"].keys(), name


def test_every_error_has_our_shape(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in json.dumps(document)
    for name, operation in _operations(document):
        for code, response in operation["responses"].items():
            if code >= "400":
                shape = "ValidationErrorAnswer" if code == "422" else "ErrorAnswer"
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": f"#/components/schemas/{shape}"}, f"{name} {code}"


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert names <= document["components"]["schemas"].keys()


def _contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every body, of the request and of each answer, by what it is."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"request as {kind}", content
    for code, response in operation["responses"].items():
        for kind, content in response.get("content", {}).items():
            yield f"{code} as {kind}", content


def test_every_request_and_every_answer_has_an_example_that_fits(document: dict[str, Any]) -> None:
    wrong = []
    for name, operation in _operations(document):
        for what, content in _contents(operation):
            if "example" not in content:
                wrong.append(f"{name}: {what} has no example")
            elif "schema" in content:
                schema = {**content["schema"], "components": document["components"]}
                errors = jsonschema_rs.Draft202012Validator(schema).iter_errors(content["example"])
                wrong += [f"{name}: the example of {what} is wrong: {error.message[:200]}" for error in errors]
    assert wrong == []


def test_every_field_of_an_example_says_something(document: dict[str, Any]) -> None:
    assert without_example(document) == []


def test_every_operation_and_every_schema_says_what_it_is(document: dict[str, Any]) -> None:
    silent = [name for name, operation in _operations(document) if not operation.get("description")]
    for name, schema in document["components"]["schemas"].items():
        silent += [name] if "properties" in schema and not schema.get("description") else []
    assert silent == []


def _parts(part: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of the document with where it stands, examples left out."""
    if isinstance(part, dict):
        yield place, part
        for name, value in part.items():
            if name not in {"example", "examples", "default"}:
                yield from _parts(value, f"{place}/{name}")
    elif isinstance(part, list):
        for number, value in enumerate(part):
            yield from _parts(value, f"{place}/{number}")


def test_every_enum_has_a_name_and_every_object_its_fields(document: dict[str, Any]) -> None:
    named = {f"/components/schemas/{name}" for name in document["components"]["schemas"]}
    parts = list(_parts(document, ""))
    assert [place for place, part in parts if "enum" in part and place not in named] == []
    holes = []
    for place, part in parts:
        is_open = part.get("type") == "object" and "properties" not in part
        if part.get("additionalProperties") is True or (is_open and "additionalProperties" not in part):
            holes.append(place)
    assert holes == OPEN


def test_a_body_that_may_be_left_out_is_of_its_type_alone(document: dict[str, Any]) -> None:
    optional = []
    for name, operation in _operations(document):
        if "requestBody" in operation and not operation["requestBody"].get("required"):
            optional.append(name)
            assert operation["requestBody"]["content"]["application/json"]["schema"].keys() == {"$ref"}, name
    assert "post /services/{uuid}/start" in optional


def test_the_document_is_the_same_on_every_run(document: dict[str, Any]) -> None:
    text = render(create_app(Settings(root_path="")))
    assert text == json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def test_check_notices_a_stale_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "openapi.json"
    assert main(["--check", "--file", str(file)]) == 1
    assert main(["--file", str(file)]) == 0
    assert main(["--check", "--file", str(file)]) == 0
    file.write_text(file.read_text() + " ")
    capsys.readouterr()
    assert main(["--check", "--file", str(file)]) == 1
    assert "make openapi" in capsys.readouterr().err
