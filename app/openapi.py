"""The OpenAPI document, and `python -m app.openapi`, which writes it to `openapi.json` (`--check`: is it current?)."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.errors import answers
from app.kit.generated import write_or_check
from app.openapi_enums import name_enums
from app.openapi_examples import add_examples
from app.openapi_links import add_links

PREFIX = "/api/v1"
FILE = Path(__file__).parents[1] / "openapi.json"

_DESCRIPTION = """Deploys Docker Compose services and standalone databases to servers over SSH, and keeps the log of
every deployment.

Every answer but `/health` needs `Authorization: Bearer {id}|{secret}`. A token belongs to one team and sees nothing
of any other. Its abilities: `read`, `read:sensitive` (logs and secrets; includes `read`), `write`, `deploy`, and `root`
for all. Errors are `{"message": …, "request_id": …}`.
"""
_METHODS = ("get", "put", "post", "delete", "patch")
_SCHEMAS = "#/components/schemas/"


def install_openapi(app: FastAPI) -> None:
    """Make `app.openapi()` and `/openapi.json` answer the document of the API."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def render(app: FastAPI) -> str:
    """Return the document as it stands in `openapi.json`."""
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the document, or check it; return the exit code."""
    # Here, because `app.main` builds on this module.
    from app.main import create_app
    from app.settings import Settings

    return write_or_check(
        FILE,
        lambda: render(create_app(Settings(root_path=""))),
        arguments,
        program="python -m app.openapi",
        source="the code says",
        remedy="run `make openapi` and commit it",
    )


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
    document["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    document["servers"] = [{"url": f"{app.state.settings.root_path.rstrip('/')}{PREFIX}"}]
    document["paths"] = {path.removeprefix(PREFIX): operations for path, operations in document["paths"].items()}
    for operation in _operations(document):
        _leave_out_null(operation)
        _leave_out_null_body(operation)
        _complete_answers(operation)
    add_links(document)
    name_enums(document)
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own shape, which no endpoint answers
        schemas.pop(name, None)
    add_examples(document)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        for method in _METHODS:
            if method in methods:
                yield methods[method]


def _leave_out_null(operation: dict[str, Any]) -> None:
    """Have a parameter that may be left out be of its type alone: neither a query nor a header can hold null."""
    for parameter in operation.get("parameters", ()):
        *others, last = parameter["schema"].get("anyOf", [{}])
        if len(others) == 1 and last == {"type": "null"}:
            del parameter["schema"]["anyOf"]
            parameter["schema"] = {**others[0], **parameter["schema"]}


def _leave_out_null_body(operation: dict[str, Any]) -> None:
    """Have a body that may be left out be of its type alone, as `OPTIONAL_BODY` has it."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        *others, last = content["schema"].get("anyOf", [{}])
        if len(others) == 1 and last == {"type": "null"}:
            content["schema"] = others[0]


def _complete_answers(operation: dict[str, Any]) -> None:
    """Put in the answers that come from around the endpoints, in ours and not in FastAPI's shape."""
    responses = operation["responses"]
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    has_body = "requestBody" in operation
    if "422" in responses and not has_body and places <= {"path"}:
        del responses["422"]  # FastAPI expects one; a wrong path answers 404
    is_secured = "security" in operation
    wanted = {"400": has_body, "404": "path" in places, "413": has_body, "429": is_secured, "503": is_secured}
    codes = {code for code in responses if code >= "400"} | {code for code, is_wanted in wanted.items() if is_wanted}
    for code in codes:
        if not _is_ours(responses.get(code)):
            responses[code] = _answer(int(code))
    operation["responses"] = dict(sorted(responses.items()))


def _is_ours(response: dict[str, Any] | None) -> bool:
    """Return whether an endpoint has declared it; FastAPI gives an error the media type of the success."""
    content = (response or {}).get("content", {})
    return "application/json" in content and "HTTPValidationError" not in json.dumps(content)


def _answer(code: int) -> dict[str, Any]:
    declared = answers(code)[code]
    schema = {"$ref": f"{_SCHEMAS}{declared['model'].__name__}"}
    return {"description": declared["description"], "content": {"application/json": {"schema": schema}}}


if __name__ == "__main__":
    sys.exit(main())
