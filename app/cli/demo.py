"""`shiplog demo`: a service and databases deployed to this machine, through the HTTP API as any client would."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from app.cli.client import Api
from app.cli.demo_resources import DemoResource, make_resources, register_this_machine
from app.cli.following import STATUS_STYLES, follow
from app.cli.installation import installation
from app.cli.problem import Problem
from app.cli.resources.servers import look_at
from app.cli.signals import run_until_signal
from app.cli.up import ready_screen, report
from app.logs import configure_logging

_INSTALL = "install the Docker Engine with its Compose plugin (docs.docker.com/engine/install)"
_PULL = "Pull images"
_SHOWN = 5
"""Deployments of each resource in the table."""


def run_demo(
    data_dir: Path, *, port: int | None, images: Mapping[str, str], once: bool, selective: bool = False
) -> int:
    """Run the demo; return 0 when it was left with Ctrl-C, with `once` 0 only when every deployment is finished.

    `images` has one of the service and of each database type by its slug. `selective` passes over what cannot be
    pulled, as long as anything can.
    """
    work = _demo(data_dir, port, images, once=once, selective=selective)
    return run_until_signal(work, interrupted=130 if once else 0)


async def _demo(data_dir: Path, port: int | None, images: Mapping[str, str], *, once: bool, selective: bool) -> int:
    configure_logging("WARNING")
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=120)
    if missing := await missing_of_docker():
        console.print(f"{missing} The deployments below will fail, and say so.", style="yellow", soft_wrap=True)
    console.print(f"Starting Shiplog with its data in {data_dir}", soft_wrap=True)
    async with installation(data_dir, port=port, report=report) as running, Api(running.url, running.token) as api:
        console.print(f"The API answers on {running.url}/api/v1")
        server_uuid = await register_this_machine(api, running.this_machine)
        server = await look_at(api, server_uuid)
        console.print(_described(server), soft_wrap=True)
        resources = await make_resources(api, server_uuid, images)
        deployed = await _deploy(api, resources)
        await follow(api, console, {uuid: resource.name for uuid, resource in deployed.items()})
        console.print()
        console.print(await _history(api, resources))
        finished = await _judge(api, console, deployed, selective=selective)
        if once:
            return 0 if finished else 1
        console.print(ready_screen(running), soft_wrap=True, markup=False)
        await asyncio.Event().wait()
    return 0


async def missing_of_docker() -> str | None:
    """Return what this machine lacks for a deployment and what to do about it; None when all is there."""
    if shutil.which("docker") is None:
        return f"Docker is missing: {_INSTALL}."
    plugin, engine = await asyncio.gather(
        _succeeds("docker compose version"), _succeeds("docker version || sudo -n docker version")
    )
    if not plugin:
        return f"The Docker Compose plugin is missing: {_INSTALL}."
    return None if engine else "The Docker engine does not answer: start it, or let this user reach it."


async def _succeeds(command: str) -> bool:
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_shell(command, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        return await asyncio.wait_for(process.wait(), 15) == 0
    except TimeoutError:
        process.kill()
        await process.wait()
        return False


async def _deploy(api: Api, resources: Sequence[DemoResource]) -> dict[str, DemoResource]:
    """Queue one deployment of each and return what is deployed by deployment uuid."""
    answer = await api.post("/deploy", uuid=",".join(resource.uuid for resource in resources))
    by_uuid = {resource.uuid: resource for resource in resources}
    deployments = {item["deployment_uuid"]: by_uuid[item["resource_uuid"]] for item in answer["deployments"]}
    if None in deployments:
        raise Problem(answer["deployments"][0]["message"])
    return deployments


async def _history(api: Api, resources: Sequence[DemoResource]) -> Table:
    # Fits into 80 columns with whole uuids.
    table = Table(title="History", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Resource", "Deployment", "Status", "Started", "Took", "Lines"):
        table.add_column(heading, no_wrap=True)
    for resource in resources:
        for row in await api.get(f"/deployments/{resource.kind}s/{resource.uuid}", take=_SHOWN):
            status = row["status"]
            table.add_row(
                resource.name,
                row["deployment_uuid"],
                f"[{STATUS_STYLES.get(status, 'red')}]{status}[/]",
                _local_time(row["started_at"]),
                "" if row["duration_ms"] is None else f"{row['duration_ms'] / 1000:.1f} s",
                str(row["log_count"]),
            )
    return table


async def _judge(api: Api, console: Console, deployed: Mapping[str, DemoResource], *, selective: bool) -> bool:
    """Print why deployments failed; tell whether all are finished but, with `selective`, those that had no image."""
    outcomes = []
    for uuid, resource in deployed.items():
        row = await api.get(f"/deployments/{uuid}")
        if selective and any(step["name"] == _PULL and step["exit_code"] for step in row["steps"]):
            text = f"{resource.name}: {resource.image} cannot be pulled; {resource.variable} names another image."
            console.print(text, style="yellow", soft_wrap=True, markup=False)
            continue
        outcomes.append(row["status"] == "finished")
        if row["failure_reason"]:
            console.print(f"{uuid}: {row['failure_reason']}", style="red", soft_wrap=True, markup=False)
    return bool(outcomes) and all(outcomes)


def _described(server: dict[str, Any]) -> str:
    state = (
        "ready" if server["is_usable"] else "reachable, but not ready" if server["is_reachable"] else "not reachable"
    )
    versions = [f"{name} {server[key]}" for name, key in _VERSIONS.items() if server.get(key)]
    return f"The server “{server['name']}” is {', '.join([state, *versions])}"


_VERSIONS = {"Docker": "docker_version", "Compose": "compose_version"}


def _local_time(timestamp: str | None) -> str:
    return "" if timestamp is None else datetime.fromisoformat(timestamp).astimezone().strftime("%m-%d %H:%M:%S")
