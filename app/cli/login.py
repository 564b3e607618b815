"""`shiplog login` and `shiplog context`: which installations are known, and which one is used."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from app.cli import contexts
from app.cli.access import checked_url
from app.cli.client import Api
from app.cli.contexts import Context
from app.cli.output import Output, field
from app.cli.reading import read_token


def log_in(url: str, *, name: str | None, token_file: Path | None) -> None:
    """Check a token, keep it and use it from now on."""
    url = checked_url(url)
    context = Context(url, read_token(token_file, "API token"))
    team = asyncio.run(_team_of(context))
    name = name or urlsplit(url).netloc
    contexts.save(contexts.load().with_one(name, context))
    Output().say(f"Logged in to {url} as the team {team}; the context is called {name}.", "Next: shiplog status")


def show_all(*, as_json: bool) -> None:
    """List the contexts without their tokens."""
    known = contexts.load()
    items = [
        {"name": name, "url": context.url, "current": name == known.current}
        for name, context in sorted(known.by_name.items())
    ]
    columns = {"Name": field("name"), "URL": field("url"), "Current": field("current")}
    Output(as_json=as_json).items(
        items, columns, empty="No context yet. Next: shiplog login https://shiplog.example.org"
    )


def use(name: str) -> None:
    """Make a context the current one."""
    known = contexts.load().using(name)
    contexts.save(known)
    Output().say(f"{name} is used from now on: {known[name].url}")


def remove(name: str) -> None:
    """Forget a context with its token."""
    contexts.save(contexts.load().without(name))
    Output().say(f"{name} is forgotten. Its token is good until `shiplog token revoke`.")


async def _team_of(context: Context) -> str:
    async with Api(context.url, context.token) as api:
        name: str = (await api.get("/teams/current"))["name"]
        return name
