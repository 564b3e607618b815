"""Databases of the nine types."""

import json
from pathlib import Path
from typing import Any

from app.cli.client import Api
from app.cli.finding import DATABASE, find, none_yet
from app.cli.output import Output, field
from app.cli.problem import Problem
from app.cli.reading import read_text
from app.cli.resources.projects import place_for


async def show_all(api: Api, out: Output) -> None:
    """List the databases."""
    columns = {
        "Name": field("name"),
        "Uuid": field("uuid"),
        "Type": lambda item: item["database_type"].removeprefix("standalone-"),
        "Status": field("status"),
        "Image": field("image"),
        "Environment": field("environment_name"),
    }
    out.items(await api.get(DATABASE.path), columns, empty=none_yet(DATABASE))


async def create(
    api: Api,
    out: Output,
    *,
    kind: str,
    name: str,
    image: str | None,
    fields: Path | None,
    project: str | None,
    environment: str,
    server: str | None,
) -> None:
    """Make a database; passwords are made up unless the file of fields has them. Nothing is deployed yet."""
    body = _fields_of(fields) | {"name": name} | ({} if image is None else {"image": image})
    place = await place_for(api, project=project, environment=environment, server=server)
    made = await api.post(f"{DATABASE.path}/{kind}", {**body, **place})
    out.answer(
        made,
        f"The database {name} is there, {made['uuid']}.",
        f"Next: shiplog deploy {name} --follow; how to reach it, with its password: shiplog database url {name}",
    )


async def show_url(api: Api, out: Output, *, database: str, is_external: bool) -> None:
    """Print the URL of a database, its password included."""
    name = "external_db_url" if is_external else "internal_db_url"
    found = await find(api, DATABASE, database)
    if name not in found:
        raise Problem(f"There is no {name}: the token lacks read:sensitive, or the database is not public.")
    out.answer({name: found[name]}, found[name])


def _fields_of(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        fields = json.loads(read_text(file))
    except ValueError as error:
        raise Problem(f"{file} is not JSON: {error}.", exit_code=2) from None
    if not isinstance(fields, dict):
        raise Problem(f"{file} should hold a JSON object of fields.", exit_code=2)
    return fields
