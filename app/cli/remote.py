"""`shiplog deploy` and `shiplog logs`: deployments and their logs, followed until they end."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.text import Text

from app.cli.asking import INTERRUPTED
from app.cli.client import Api
from app.cli.finding import find_resource, is_uuid
from app.cli.following import STATUS_STYLES, LogPrinter, follow
from app.cli.output import Output
from app.cli.resources.deployments import newest_of

_PAGE = 1000


async def deploy(api: Api, out: Output, *, resources: Sequence[str], force: bool, following: bool) -> int:
    """Deploy resources and return the exit code: with `following` by how the deployments end."""
    # A uuid is not looked up: a token for deploying alone may not read.
    uuids = [word if is_uuid(word) else (await find_resource(api, word)).uuid for word in resources]
    names = dict(zip(uuids, resources, strict=True))
    answer = await api.post("/deploy", uuid=",".join(names), force=force)
    started = {}
    for item in answer["deployments"]:
        out.say(item["message"])
        if item["deployment_uuid"] is not None:
            out.say(f"Deployment {item['deployment_uuid']} of {item['resource_uuid']}")
            started[item["deployment_uuid"]] = names[item["resource_uuid"]] if len(names) > 1 else ""
    is_partial = len(started) < len(answer["deployments"])
    if not following or not started:
        out.document(answer)
        return int(is_partial)
    if out.as_json:
        statuses = await _until_ended(api, started)
        out.document([await api.get(f"/deployments/{uuid}") for uuid in started])
        return max(exit_code(statuses), int(is_partial))
    return max(await _follow(api, out, started), int(is_partial))


async def start(api: Api, out: Output, *, resource: str, following: bool) -> int:
    """Deploy what does not run and return the exit code: with `following` by how that ends."""
    found = await find_resource(api, resource)
    answer = await api.post(f"{found.path}/start")
    uuid = answer["deployment_uuid"]
    out.say(answer["message"], f"Deployment {uuid}")
    if not following:
        out.document(answer)
        return 0
    return await _follow_one(api, out, uuid)


async def roll_back(api: Api, out: Output, *, deployment: str, following: bool) -> int:
    """Deploy again what a deployment deployed and return the exit code: with `following` by how that ends."""
    answer = await api.post(f"/deployments/{deployment}/rollback")
    uuid = answer["deployment_uuid"]
    out.say(answer["message"], f"Deployment {uuid}")
    if not following:
        out.say(*answer["notes"])  # its log has them, too
        out.document(answer)
        return 0
    return await _follow_one(api, out, uuid)


async def show_log(
    api: Api, out: Output, *, deployment: str, following: bool, tail: int | None, timestamps: bool
) -> int:
    """Print the log of a deployment and return the exit code: with `following` by how the deployment ends.

    For a program each entry is a line of JSON.
    """
    uuid = deployment if is_uuid(deployment) else await newest_of(api, deployment)
    printer = LogPrinter(out.console, Text(), timestamps=timestamps)
    path = f"/deployments/{uuid}/logs"
    after = 0
    if tail is not None:
        page = await api.get(path, tail=tail)
        _print(out, printer, page["entries"])
        after = page["next_after"]
    if following and out.as_json:
        return exit_code([await _follow_as_json(api, out, uuid, after)])
    if following:
        return await _follow(api, out, {uuid: ""}, after=after, timestamps=timestamps)
    while tail is None:
        page = await api.get(path, after=after, limit=_PAGE)
        _print(out, printer, page["entries"])
        if page["next_after"] in {after, page["log_count"]}:
            break
        after = page["next_after"]
    return 0


def exit_code(statuses: Iterable[str]) -> int:
    """Return 0 when all are finished, 1 when one has failed, else 130: one was cancelled."""
    found = set(statuses)
    if "failed" in found:
        return 1
    return 0 if found <= {"finished"} else INTERRUPTED


async def _follow_one(api: Api, out: Output, uuid: str) -> int:
    if out.as_json:
        statuses = await _until_ended(api, [uuid])
        out.document(await api.get(f"/deployments/{uuid}"))
        return exit_code(statuses)
    return await _follow(api, out, {uuid: ""})


async def _follow(api: Api, out: Output, deployments: dict[str, str], **how: Any) -> int:
    statuses = await follow(api, out.console, deployments, **how)
    for uuid, status in statuses.items():
        style = STATUS_STYLES.get(status, "red")
        out.console.print(Text(f"Deployment {uuid}: {status}", style=style), soft_wrap=True)
        reason = (await api.get(f"/deployments/{uuid}"))["failure_reason"]
        if reason:
            out.console.print(Text(reason, style="red"), soft_wrap=True)
    return exit_code(statuses.values())


async def _until_ended(api: Api, uuids: Iterable[str]) -> list[str]:
    return [str(data["status"]) for uuid in uuids async for name, data in api.follow(uuid) if name == "end"]


async def _follow_as_json(api: Api, out: Output, uuid: str, after: int) -> str:
    status = ""
    async for name, data in api.follow(uuid, after=after):
        if name == "message":
            out.document(data)
        elif name == "end":
            status = str(data["status"])
    return status


def _print(out: Output, printer: LogPrinter, entries: Iterable[dict[str, Any]]) -> None:
    for entry in entries:
        if out.as_json:
            out.document(entry)
        else:
            printer.print(entry)
