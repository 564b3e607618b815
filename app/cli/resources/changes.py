"""What changed between deployments, and what the next one would change."""

from collections.abc import Iterable
from typing import Any

from rich.text import Text

from app.cli.client import Api
from app.cli.finding import find_resource, is_uuid
from app.cli.output import Item, Output
from app.cli.resources.deployments import newest_of

_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}
_PARTS = {
    "fields": "Settings",
    "variables": "Variables",
    "logins": "Logins",
    "compose_services": "Compose services",
    "images": "Images",
}


async def show_diff(api: Api, out: Output, *, deployment: str, against: str | None) -> None:
    """Show what a deployment changed."""
    uuid = deployment if is_uuid(deployment) else await newest_of(api, deployment)
    query = {"against": against} if against else {}
    answer = await api.get(f"/deployments/{uuid}/diff", **query)
    out.document(answer)
    if answer["against"] is None:
        out.say(f"Deployment {uuid}; nothing was deployed before.")
    else:
        out.say(f"Deployment {uuid} against {answer['against']}.")
    _show(out, answer)


async def show_plan(api: Api, out: Output, *, resource: str, with_files: bool) -> int:
    """Show what a deployment of a resource would do; 1 when it would fail at once."""
    found = await find_resource(api, resource)
    answer = await api.get(f"{found.path}/plan")
    out.document(answer)
    if answer["problem"] is not None:
        out.say(f"It would fail: {answer['problem']}")
        return 1
    against = answer["against"]
    out.say(f"Against the deployment {against}." if against else "Nothing was deployed before.")
    _show(out, answer["changes"])
    if with_files:
        for file in answer["files"]:
            _print(out, f"── {file['path']} {file['mode']}", "bold")
            out.say(file["content"].rstrip("\n"))
    out.say("Steps:")
    for step in answer["steps"]:
        _print(out, f"── {step['name']}", "bold")
        _print(out, f"$ {step['command']}", "dim")
    return 0


def _show(out: Output, changes: Item) -> None:
    for part, heading in _PARTS.items():
        if changes[part]:
            out.say(f"{heading}:")
        for change in changes[part]:
            sign, style = _SIGNS[change["change"]]
            _print(out, f"  {sign} {change['name']}{_values(change)}", style)
    for line in changes["text"].splitlines():
        _print(out, line, _style_of(line))
    out.say(*changes["notes"])
    if changes["is_same"]:
        out.say("Nothing changed.")


def _values(change: Item) -> str:
    values = [_short(change[side]) for side in ("before", "after") if change.get(side) is not None]
    if change.get("is_secret"):
        return " (secret)"
    return f": {' → '.join(values)}" if values and all(values) else ""


def _short(value: Any) -> str:
    """Return a value that fits into a line, else nothing: the diff has the rest."""
    text: str = value if isinstance(value, str) else value["digest"] or value["id"]
    return text if len(text) <= 100 and "\n" not in text else ""


def _style_of(line: str) -> str:
    styles: Iterable[tuple[str, str]] = (
        ("+++", "bold"),
        ("---", "bold"),
        ("@@", "cyan"),
        ("+", "green"),
        ("-", "red"),
    )
    return next((style for start, style in styles if line.startswith(start)), "")


def _print(out: Output, line: str, style: str) -> None:
    if not out.as_json:
        out.console.print(Text(line, style=style), soft_wrap=True)
