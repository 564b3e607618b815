"""The token's team."""

from app.cli.client import Api
from app.cli.output import Output, field


async def show(api: Api, out: Output) -> None:
    """Show the team and who is in it."""
    team = await api.get("/teams/current")
    members = await api.get("/teams/current/members")
    if out.as_json:
        out.document({**team, "members": members})
        return
    out.say(f"Team {team['id']}: {team['name']}")
    columns = {"Name": field("name"), "E-mail": field("email"), "Role": field("role")}
    out.items(members, columns, empty="It has no members: `shiplog member add` on its own machine adds one.")
