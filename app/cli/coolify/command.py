"""`shiplog import coolify`: reads, shows, and makes only when told to."""

from pathlib import Path

from app.cli.access import checked_url
from app.cli.asking import ask
from app.cli.client import Api
from app.cli.coolify.making import Made, find_here, make
from app.cli.coolify.planning import plan_import
from app.cli.coolify.reading import read
from app.cli.output import Item, Output, field
from app.cli.reading import read_token


def run_import(url: str, *, token_file: Path | None, is_applied: bool, as_json: bool) -> int:
    """Bring a Coolify over, or only show what would be; return 1 when something was refused."""
    url = checked_url(url)
    token = read_token(token_file, "API token of Coolify")

    async def work(api: Api, out: Output) -> int:
        async with Api(url, token, name="Coolify") as coolify:
            return await bring_over(coolify, api, out, is_applied=is_applied)

    return ask(work, as_json=as_json)


async def bring_over(coolify: Api, api: Api, out: Output, *, is_applied: bool) -> int:
    """Read, show, make; return 1 when something was refused."""
    found = await read(coolify)
    here = await find_here(api, found)
    plan = plan_import(found, here)
    if is_applied:
        outcomes = await make(api, plan, here)
    else:
        outcomes = [Made(step, "there" if step.uuid in here else "would be made") for step in plan.steps]
    items = [_item(outcome) for outcome in outcomes]
    if out.as_json:
        out.document({"steps": items, "left_out": plan.left_out})
    else:
        columns = {"Kind": field("kind"), "Name": field("name"), "State": field("state"), "Reason": field("reason")}
        out.items(items, columns, empty="There is nothing to bring over.")
        if plan.left_out:
            out.say("Not brought over:", *(f"- {sentence}" for sentence in plan.left_out))
    if is_applied:
        out.say(
            "Nothing runs yet, and the data of volumes stays where it is. Next: shiplog server list, shiplog status"
        )
    elif items:
        out.say("Nothing was made. With --apply it is.")
    return int(any(outcome.state in {"refused", "skipped"} for outcome in outcomes))


def _item(outcome: Made) -> Item:
    step = outcome.step
    name = f"{step.name}: {', '.join(one['key'] for one in step.variables)}" if step.variables else step.name
    return {"kind": step.kind, "name": name, "state": outcome.state, "reason": outcome.reason}
