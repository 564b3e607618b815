"""The enums of the document: each is a component with a name, so that generated clients have one type for it."""

from typing import Any

_SCHEMAS = "#/components/schemas/"


def name_enums(document: dict[str, Any]) -> None:
    """Move every enum that stands inside of a schema or parameter to the components, and refer to it there.

    Its name is that of the schema and the field, as generators would call it. A parameter with the same values as a
    field has the field's.
    """
    schemas: dict[str, Any] = document["components"]["schemas"]
    for name in list(schemas):
        for field, schema in schemas[name].get("properties", {}).items():
            _name(schemas, schema, f"{name}{_title(field)}")
    of_values = {tuple(schema["enum"]): name for name, schema in reversed(schemas.items()) if "enum" in schema}
    for methods in document["paths"].values():
        for operation in methods.values():
            for response in operation["responses"].values():
                for content in response.get("content", {}).values():
                    for field, schema in content.get("itemSchema", {}).get("properties", {}).items():
                        _name(schemas, schema, f"Stream{_title(field)}")
            for parameter in operation.get("parameters", ()):
                values = tuple(parameter["schema"].get("enum", ()))
                _name(schemas, parameter["schema"], of_values.setdefault(values, _title(parameter["name"])))


def _name(schemas: dict[str, Any], schema: dict[str, Any], name: str) -> None:
    for part in (schema, *schema.get("anyOf", ()), schema.get("items", {})):
        if "enum" in part:
            schemas[name] = {"type": part.pop("type"), "enum": part.pop("enum"), "title": name}
            part["$ref"] = f"{_SCHEMAS}{name}"


def _title(field: str) -> str:
    return "".join(word.capitalize() for word in field.split("_"))
