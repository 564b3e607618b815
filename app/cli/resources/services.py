"""Services: a Compose file each."""

import base64
from pathlib import Path

from app.cli.client import Api
from app.cli.finding import SERVICE, none_yet
from app.cli.output import Output, field
from app.cli.reading import read_text
from app.cli.resources.projects import place_for


async def show_all(api: Api, out: Output) -> None:
    """List the services."""
    columns = {
        "Name": field("name"),
        "Uuid": field("uuid"),
        "Status": field("status"),
        "Environment": field("environment_name"),
    }
    out.items(await api.get(SERVICE.path), columns, empty=none_yet(SERVICE))


async def create(
    api: Api, out: Output, *, name: str, file: Path, project: str | None, environment: str, server: str | None
) -> None:
    """Make a service of a Compose file; nothing is deployed yet."""
    compose = base64.b64encode(read_text(file).encode()).decode()
    place = await place_for(api, project=project, environment=environment, server=server)
    made = await api.post(SERVICE.path, {"name": name, "docker_compose_raw": compose, **place})
    out.answer(
        made,
        f"The service {name} is there, {made['uuid']}.",
        f"Next: shiplog deploy {name} --follow; variables first: shiplog env import {name} .env",
    )
