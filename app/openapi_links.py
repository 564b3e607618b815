"""The links of the document: which operations take what an answer has just named."""

import re
from collections.abc import Iterator
from typing import Any

_METHODS = ("get", "patch", "post", "delete")
_SCHEMAS = "#/components/schemas/"
_STARTED = {
    "deployment_uuid": ("deployment_uuid", "/deployments/{uuid}"),
    "deployments": ("deployments/0/deployment_uuid", "/deployments/{uuid}"),
    "operation_uuid": ("operation_uuid", "/operations/{uuid}"),
}
"""Fields of answers that name what was started: where the uuid stands, and where it leads."""


def add_links(document: dict[str, Any]) -> None:
    """Give every answer to a POST the links to the operations on what it made or started."""
    for path, methods in document["paths"].items():
        for code, response in methods.get("post", {}).get("responses", {}).items():
            if code < "300" and (links := _links(document, path, _properties(document, response))):
                response["links"] = links


def _links(document: dict[str, Any], path: str, properties: set[str]) -> dict[str, Any]:
    links: dict[str, Any] = {}
    for name in _STARTED.keys() & properties:
        pointer, place = _STARTED[name]
        links |= _to_operations(document, {"uuid": f"$response.body#/{pointer}"}, place)
    if "uuid" in properties:
        for place, parameter in _places_of_made(document, path):
            links |= _to_operations(document, {**_kept(path, place), parameter: "$response.body#/uuid"}, place)
    return dict(sorted(links.items()))


def _places_of_made(document: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Yield the path of a thing that a POST to `path` made, and the parameter that names it."""
    collection = path
    if re.fullmatch(r"/databases/[a-z]+", path):
        collection = "/databases"
    elif path.endswith("/destinations"):
        collection = "/destinations"
    for known in document["paths"]:
        found = re.fullmatch(re.escape(collection) + r"/\{(\w+)\}", known)
        if found is not None:
            yield known, found[1]


def _to_operations(document: dict[str, Any], parameters: dict[str, str], place: str) -> dict[str, Any]:
    """Return a link to each operation at `place` or below it that needs no other parameter in its path."""
    return {
        operation["operationId"]: {"operationId": operation["operationId"], "parameters": parameters}
        for path, methods in document["paths"].items()
        if (path == place or path.startswith(f"{place}/")) and set(re.findall(r"\{(\w+)\}", path)) == parameters.keys()
        for method, operation in methods.items()
        if method in _METHODS
    }


def _kept(path: str, place: str) -> dict[str, str]:
    """Return the parameters of `path` that `place` has too: what is made inside of something is found there."""
    return {name: f"$request.path.{name}" for name in re.findall(r"\{(\w+)\}", path) if place.startswith(path)}


def _properties(document: dict[str, Any], response: dict[str, Any]) -> set[str]:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").removeprefix(_SCHEMAS)
    return set(document["components"]["schemas"].get(name, {}).get("properties", ()))
