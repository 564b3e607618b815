"""Projects, and where in them a new resource goes."""

from app.cli.client import Api
from app.cli.finding import PROJECT, SERVER, find_or_only, none_yet
from app.cli.output import Output, field


async def show_all(api: Api, out: Output) -> None:
    """List the projects."""
    columns = {"Name": field("name"), "Uuid": field("uuid"), "Description": field("description")}
    out.items(await api.get(PROJECT.path), columns, empty=none_yet(PROJECT))


async def create(api: Api, out: Output, *, name: str) -> None:
    """Make a project, which has the environment `production` at once."""
    made = await api.post(PROJECT.path, {"name": name})
    out.answer(
        made,
        f"The project {name} is there, {made['uuid']}, with the environment production.",
        "Next: shiplog service create NAME --file compose.yaml, or shiplog database create postgresql NAME",
    )


async def place_for(api: Api, *, project: str | None, environment: str, server: str | None) -> dict[str, str]:
    """Return the fields that say where a new resource goes; what is not named is the only one there is."""
    return {
        "project_uuid": (await find_or_only(api, PROJECT, project))["uuid"],
        "environment_name": environment,
        "server_uuid": (await find_or_only(api, SERVER, server))["uuid"],
    }
