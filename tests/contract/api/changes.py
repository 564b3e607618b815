"""What a newer document takes away from clients of an older one."""

from collections.abc import Iterator
from typing import Any

_METHODS = ("get", "put", "post", "delete", "patch")
_SCHEMAS = "#/components/schemas/"

Document = dict[str, Any]


def breaking_changes(old: Document, new: Document) -> list[str]:
    """Return a sentence for each thing that a client of the old document relies on and the new one does not keep."""
    return sorted(set(_of_operations(old, new)) | set(_of_schemas(old, new)))


def _of_operations(old: Document, new: Document) -> Iterator[str]:
    for path, methods in old["paths"].items():
        for method in _METHODS:
            if method not in methods:
                continue
            name = f"{method.upper()} {path}"
            now = new["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{name}: removed"
                continue
            yield from _of_operation(name, methods[method], now)


def _of_operation(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    if old["operationId"] != new["operationId"]:
        yield f"{name}: the operationId {old['operationId']} is now {new['operationId']}"
    for code in old["responses"].keys() - new["responses"].keys():
        yield f"{name}: the answer {code} is removed"
    for code in old["responses"].keys() & new["responses"].keys():
        kept = new["responses"][code].get("content", {})
        for media_type, content in old["responses"][code].get("content", {}).items():
            if media_type not in kept:
                yield f"{name}: {code} is no longer {media_type}"
            elif _type(content.get("schema", {})) != _type(kept[media_type].get("schema", {})):
                yield f"{name}: {code} as {media_type} has another type"
    yield from _of_parameters(name, old, new)
    if "requestBody" in new:
        if new["requestBody"].get("required") and not old.get("requestBody", {}).get("required"):
            yield f"{name}: the body is now required"
        contents = [each.get("requestBody", {}).get("content", {}).get("application/json", {}) for each in (old, new)]
        if contents[0] and _type(contents[0]["schema"]) != _type(contents[1].get("schema", {})):
            yield f"{name}: the body has another type"


def _of_parameters(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    before, after = ({(each["in"], each["name"]): each for each in one.get("parameters", ())} for one in (old, new))
    for place, parameter in before.keys() - after.keys():
        yield f"{name}: the {place} parameter {parameter} is removed"
    for place, parameter in after:
        was = before.get((place, parameter))
        now = after[place, parameter]
        if now.get("required") and not (was and was.get("required")):
            yield f"{name}: the {place} parameter {parameter} is now required"
        if was and not _accepts(was["schema"], now["schema"]):
            yield f"{name}: the {place} parameter {parameter} has another type"


def _of_schemas(old: Document, new: Document) -> Iterator[str]:
    schemas = new["components"]["schemas"]
    requests = _bodies(old)
    for name, schema in old["components"]["schemas"].items():
        if name not in schemas:
            yield f"{name}: removed"
            continue
        yield from _of_schema(name, schema, schemas[name], is_request=name in requests)


def _of_schema(name: str, old: dict[str, Any], new: dict[str, Any], *, is_request: bool) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for field in before.keys() - after.keys():
        yield f"{name}.{field}: removed"
    for field in before.keys() & after.keys():
        same = _accepts(before[field], after[field]) if is_request else _accepts(after[field], before[field])
        if not same:
            yield f"{name}.{field}: another type"
    required = [set(each.get("required", ())) for each in (old, new)]
    if is_request:
        for field in required[1] - required[0]:
            yield f"{name}.{field}: now required"
    else:
        for field in (required[0] - required[1]) & after.keys():
            yield f"{name}.{field}: may now be absent"
    for value in set(old.get("enum", ())) ^ set(new.get("enum", ())):
        yield f"{name}: the value {value} is {'new' if value in new.get('enum', ()) else 'removed'}"


def _accepts(narrow: dict[str, Any], wide: dict[str, Any]) -> bool:
    """Return whether everything of the type `narrow` is of the type `wide` too."""
    return _alternatives(narrow) <= _alternatives(wide)


def _alternatives(schema: dict[str, Any]) -> set[str]:
    alternatives = {part for each in schema.get("anyOf", [schema]) for part in _type(each)}
    return alternatives | ({"integer"} if "number" in alternatives else set())


def _type(schema: dict[str, Any]) -> tuple[str, ...]:
    """Return what a value is, without its description and bounds: one text for each thing that it can be."""
    if "anyOf" in schema:
        return tuple(sorted(part for each in schema["anyOf"] for part in _type(each)))
    if "$ref" in schema:
        return (str(schema["$ref"]).removeprefix(_SCHEMAS),)
    if "enum" in schema or "const" in schema:
        return tuple(sorted(repr(value) for value in schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array":
        return (f"array of {', '.join(_type(schema.get('items', {})))}",)
    if isinstance(schema.get("additionalProperties"), dict):
        return (f"object of {', '.join(_type(schema['additionalProperties']))}",)
    return (str(schema.get("type", "anything")),)


def _bodies(document: Document) -> set[str]:
    """Return the names of the schemas that clients send, alone or inside of another."""
    waiting = [
        methods[method]["requestBody"]
        for methods in document["paths"].values()
        for method in _METHODS
        if "requestBody" in methods.get(method, {})
    ]
    found: set[str] = set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix(_SCHEMAS)
            if name in document["components"]["schemas"] and name not in found:
                found.add(name)
                waiting.append(document["components"]["schemas"][name])
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return found
