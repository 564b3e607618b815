"""Environment variables of a service or database."""

import io
from pathlib import Path
from typing import Any

from app.cli.client import Api
from app.cli.finding import find_resource
from app.cli.output import Item, Output, field
from app.cli.problem import Problem
from app.cli.reading import read_secret, read_text


async def show_all(api: Api, out: Output, *, resource: str, with_values: bool) -> None:
    """List variables; a person sees the values only when asked for."""
    found = await find_resource(api, resource)
    columns = {"Key": field("key"), "Value": _value if with_values else _masked, "Locked": field("is_shown_once")}
    empty = f"{found.name} has no variables. Next: shiplog env import {found.name} .env"
    out.items(await api.get(f"{found.path}/envs"), columns, empty=empty)


async def set_one(
    api: Api, out: Output, *, resource: str, key: str, file: Path | None, is_literal: bool, is_locked: bool
) -> None:
    """Make or change one variable; its value comes from a file, stdin or is typed."""
    found = await find_resource(api, resource)
    value = read_secret(file, f"Value of {key}")
    variable = {
        "key": key,
        "value": value,
        "is_literal": is_literal,
        "is_multiline": "\n" in value,
    }
    if is_locked:  # one that is locked already stays so
        variable["is_shown_once"] = True
    answer = await api.patch(f"{found.path}/envs/bulk", {"data": [variable]})
    out.answer(answer, f"{key} is set. {_next(found.name)}")


async def import_file(api: Api, out: Output, *, resource: str, file: Path, are_locked: bool) -> None:
    """Make or change every variable of a `.env` file; those that are not in it stay."""
    variables = parse(read_text(file), str(file))
    if not variables:
        raise Problem(f"{file} has no variables.", exit_code=2)
    found = await find_resource(api, resource)
    if are_locked:
        variables = [{**variable, "is_shown_once": True} for variable in variables]
    answer = await api.patch(f"{found.path}/envs/bulk", {"data": variables})
    keys = ", ".join(variable["key"] for variable in variables)
    out.answer(answer, f"Set: {keys}. {_next(found.name)}")


def parse(text: str, name: str) -> list[dict[str, Any]]:
    """Return the variables of a `.env` text, the last one of each key; raise Problem for a line that is none.

    What stands in single quotes is literal, as Compose reads it; anything else may refer to `$NAME`.
    """
    from dotenv.parser import parse_stream

    found: dict[str, dict[str, Any]] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            raise Problem(f"{name}, line {binding.original.line}: a line looks like NAME=value.", exit_code=2)
        if binding.key is not None and binding.value is not None:
            written = binding.original.string.partition("=")[2].lstrip()
            found[binding.key] = {
                "key": binding.key,
                "value": binding.value,
                "is_literal": written.startswith("'"),
                "is_multiline": "\n" in binding.value,
            }
    return list(found.values())


def _next(name: str) -> str:
    return f"It counts from the next deployment on: shiplog deploy {name} --follow"


def _masked(variable: Item) -> str:
    return "" if variable.get("value") is None else "•••"


def _value(variable: Item) -> str | None:
    return variable.get("value")
