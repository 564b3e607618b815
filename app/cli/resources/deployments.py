"""What was deployed, what is being deployed, and how to end that."""

import asyncio
from datetime import datetime

from app.cli.client import Api
from app.cli.finding import Resource, find_resource, is_uuid, list_resources
from app.cli.output import Item, Output, field
from app.cli.problem import Problem

_ENDING_SECONDS = 60


async def show_history(api: Api, out: Output, *, resource: str, take: int) -> None:
    """List the deployments of a service or database, newest first."""
    found = await find_resource(api, resource)
    columns = {
        "Deployment": field("deployment_uuid"),
        "Status": field("status"),
        "By": field("requested_by"),
        "Started": lambda row: _local_time(row["started_at"]),
        "Took": _duration,
        "Lines": field("log_count"),
        "Reason": field("failure_reason"),
    }
    empty = f"{found.name} was never deployed. Next: shiplog deploy {found.name} --follow"
    out.items(await _history(api, found, take), columns, empty=empty)


async def show_status(api: Api, out: Output, *, resource: str | None) -> None:
    """Show every service and database, and what is being deployed or waits."""
    resources = [await find_resource(api, resource)] if resource else await list_resources(api)
    uuids = {one.uuid for one in resources}
    active = [row for row in await api.get("/deployments") if row["resource_uuid"] in uuids]
    if out.as_json:
        out.document({"resources": [one.item for one in resources], "deployments": active})
        return
    columns = {
        "Name": field("name"),
        "Type": lambda item: item.get("database_type", "service").removeprefix("standalone-"),
        "Status": field("status"),
        "Seen": lambda item: _local_time(item["status_at"]),
        "Uuid": field("uuid"),
    }
    empty = "Nothing to deploy yet. Next: shiplog service create NAME --file compose.yaml"
    out.items([one.item for one in resources], columns, empty=empty)
    if active:
        names = {one.uuid: one.name for one in resources}
        columns = {
            "Deploying": lambda row: names[row["resource_uuid"]],
            "Deployment": field("deployment_uuid"),
            "Status": field("status"),
            "Place": field("queue_position"),
            "Waits for": field("failure_reason"),
        }
        out.items(active, columns, empty="")


async def cancel(api: Api, out: Output, *, deployment: str) -> int:
    """Cancel a deployment and wait until its run has ended; 1 when that had another end."""
    uuid = deployment if is_uuid(deployment) else await _active_of(api, deployment)
    answer = await api.post(f"/deployments/{uuid}/cancel")
    status = answer["status"]
    for _ in range(_ENDING_SECONDS * 5):
        if status not in {"queued", "in_progress"}:
            break
        await asyncio.sleep(0.2)
        status = (await api.get(f"/deployments/{uuid}"))["status"]
    out.answer({**answer, "status": status}, f"Deployment {uuid}: {status}")
    return 0 if status == "cancelled-by-user" else 1


async def newest_of(api: Api, resource: str) -> str:
    """Return the uuid of a resource's newest deployment."""
    found = await find_resource(api, resource)
    rows = await _history(api, found, 1)
    if not rows:
        raise Problem(f"{found.name} was never deployed: shiplog deploy {found.name} --follow")
    uuid: str = rows[0]["deployment_uuid"]
    return uuid


async def _history(api: Api, resource: Resource, take: int) -> list[Item]:
    rows: list[Item] = await api.get(f"/deployments{resource.path}", take=take)
    return rows


async def _active_of(api: Api, resource: str) -> str:
    found = await find_resource(api, resource)
    for row in await api.get("/deployments"):
        if row["resource_uuid"] == found.uuid:
            uuid: str = row["deployment_uuid"]
            return uuid
    raise Problem(f"{found.name} is not being deployed: shiplog history {found.name} shows what was.")


def _duration(row: Item) -> str:
    return "" if row["duration_ms"] is None else f"{row['duration_ms'] / 1000:.1f} s"


def _local_time(timestamp: str | None) -> str:
    return "" if timestamp is None else datetime.fromisoformat(timestamp).astimezone().strftime("%m-%d %H:%M:%S")
