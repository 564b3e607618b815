"""The examples of the document: of each request and each answer one, put together from the examples of its fields."""

from collections.abc import Iterator
from typing import Any

_SCHEMAS = "#/components/schemas/"
_METHODS = ("get", "put", "post", "delete", "patch")
_UUID = "k3v0q6n2m9x1c8b7z5a4s6d2"
_TIME = "2025-10-30T15:29:39.123456Z"
_OF_TYPE = {"integer": 1, "number": 1.5, "boolean": False, "null": None}
_BY_NAME = {
    "action": "start",
    "command": "docker compose up --detach",
    "content": "services:\n  web:\n    image: nginx:1\n",
    "database_id": "1",
    "id": "sha256:9d3c",
    "limits_memory": "512m",
    "limits_memory_reservation": "0",
    "limits_memory_swap": "0",
    "limits_cpus": "1.5",
    "name": "shop",
    "output": "web Pulled",
    "rollback_of": _UUID,
    "server_id": "1",
    "server_name": "front",
    "ticket": "eyJ0b2tlbiI6MX0.c2lnbmF0dXJl",
    "url": "https://shiplog.example/api/v1/deployments/tz4a98xxat96iws9zmbrgj3a",
    "user": "root",
    "username": "ada",
}
"""Of fields that mean the same wherever they stand; `…_uuid` and `…_name` are among them."""
_TEXTS = {
    "400": "Invalid request.",
    "401": "Unauthenticated.",
    "403": "Missing required permissions: write",
    "404": "Not found.",
    "409": "Something else has this name already.",
    "413": "The request body may have at most 1 MiB.",
    "422": "Validation failed.",
    "429": "Too Many Attempts.",
    "503": "The database is not reachable. Please try again shortly.",
}


def add_examples(document: dict[str, Any]) -> None:
    """Give each request body and each answer that has none an example."""
    schemas = document["components"]["schemas"]
    for operation in _operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            content.setdefault("example", _example(schemas, content["schema"], is_request=True))
        for code, response in operation["responses"].items():
            for content in response.get("content", {}).values():
                if "schema" in content and "example" not in content:
                    content["example"] = _example(schemas, content["schema"])
                    if code in _TEXTS:
                        content["example"]["message"] = _TEXTS[code]


def without_example(document: dict[str, Any]) -> list[str]:
    """Return the fields, as `Schema.field`, whose example would be an empty word: a person has to write one."""
    schemas = document["components"]["schemas"]
    return sorted(
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, of_field in schema.get("properties", {}).items()
        if _leaf(schemas, field, of_field) == ""
    )


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from (methods[method] for method in _METHODS if method in methods)


def _example(schemas: dict[str, Any], schema: dict[str, Any], name: str = "", *, is_request: bool = False) -> Any:
    """Return an example; of a request only what it needs, and what has an example of its own."""
    schema = _resolved(schemas, schema)
    if "examples" in schema:
        return schema["examples"][0]
    if "properties" in schema:
        needed = schema.get("required", ())
        return {
            field: _example(schemas, of_field, field, is_request=is_request)
            for field, of_field in schema["properties"].items()
            if not is_request or field in needed or "examples" in of_field
        }
    if schema.get("type") == "array":
        return [_example(schemas, schema["items"], name, is_request=is_request)]
    return _leaf(schemas, name, schema)


def _resolved(schemas: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema behind references, and the first of alternatives."""
    while True:
        if "$ref" in schema:
            schema = {**schemas[schema["$ref"].removeprefix(_SCHEMAS)], **_own(schema)}
        elif "anyOf" in schema or "oneOf" in schema:
            first = (schema.get("anyOf") or schema["oneOf"])[0]
            is_null = {"type": "null"} in schema.get("anyOf", ()) and "examples" not in {**first, **schema}
            schema = {"type": "null"} if is_null else {**first, **_own(schema)}
        else:
            return schema


def _own(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: schema[key] for key in ("examples", "default") if key in schema}


def _leaf(schemas: dict[str, Any], name: str, schema: dict[str, Any]) -> Any:
    schema = _resolved(schemas, schema)
    for key in ("examples", "enum"):
        if key in schema:
            return schema[key][0]
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if schema.get("type") != "string":
        return schema.get("minimum", _OF_TYPE.get(schema.get("type", "")))
    if schema.get("format") == "date-time" or name == "timestamp":
        return _TIME
    return _UUID if name.endswith("uuid") else _BY_NAME.get(name, _BY_NAME["name"] if name.endswith("_name") else "")
