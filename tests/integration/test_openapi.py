"""The OpenAPI document says what the API does, the same on every run, and `--check` notices when it does not."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.main import create_app
from app.openapi import main, render
from app.settings import Settings

PLANNED = {
    "/deployments/services/{uuid}": "list-deployments-by-service-uuid",
    "/deployments/services/deployment/{uuid}": "get-service-deployment-by-uuid",
    "/deployments/databases/{uuid}": "list-deployments-by-database-uuid",
    "/deployments/databases/deployment/{uuid}": "get-database-deployment-by-uuid",
}


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
