"""Services that cannot be deployed: each ends `failed`, with a reason that names what to look at."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from tests.acceptance.client import Client, assert_failed
from tests.acceptance.compose import compose, service, waiting, web
from tests.acceptance.engine import containers_of, only_container_of, processes_of_run
from tests.rig.images import busybox_image, push
from tests.rig.parts import Rig

pytestmark = pytest.mark.docker

SECRET = "shown-once-and-never-again-4711"


@pytest_asyncio.fixture
async def hasty_server(client: Client, root_server: str) -> AsyncIterator[str]:
    """A server that gives a deployment twelve seconds."""
    await client.ask("PATCH", f"/servers/{root_server}", json={"deployment_timeout": 12})
    yield root_server
    await client.ask("PATCH", f"/servers/{root_server}", json={"deployment_timeout": 3600})


@asynccontextmanager
async def silent_registry() -> AsyncIterator[str]:
    """Listen as a registry that takes every connection and never answers; yield its address."""
    ended = asyncio.Event()

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"
        ended.set()


async def test_an_image_that_nobody_has(client: Client, rig: Rig, root_server: str) -> None:
    uuid = await client.add_service(root_server, web(f"{rig.registry}/nowhere:1"))

    deployment = await client.deploy(uuid)

    assert_failed(deployment, "Pull images", "nowhere:1")
    assert containers_of(uuid) == {}


async def test_a_program_that_is_not_in_the_image(client: Client, rig: Rig, root_server: str) -> None:
    uuid = await client.add_service(root_server, compose(web=service(rig.images["web-1"], entrypoint=["/no/such"])))

    assert_failed(await client.deploy(uuid), "Start containers", "/no/such")


async def test_a_broken_image_fails_with_what_it_said(client: Client, rig: Rig, root_server: str) -> None:
    broken = f"{rig.registry}/broken:1"
    busybox_image(broken, files={"/entrypoint.sh": "#!/bin/sh\necho 'no configuration found' >&2\nexit 3\n"})
    push(broken)
    uuid = await client.add_service(root_server, compose(web=service(broken)))

    deployment = await client.deploy(uuid)

    assert_failed(deployment, "web", "exited with code 3")
    assert "no configuration found" in deployment.text


async def test_an_unhealthy_container_is_named_and_its_last_fifty_lines_are_redacted(
    client: Client, rig: Rig, root_server: str
) -> None:
    talk = 'i=0; while [ $$i -lt 60 ]; do i=$$((i + 1)); echo "line $$i of $$PASSWORD"; done; sleep 600'
    probe = {"test": ["CMD-SHELL", "echo the probe says no; exit 1"], "interval": "1s", "retries": 2}
    stack = service(
        rig.images["web-1"],
        entrypoint=["sh", "-c", talk],
        environment={"PASSWORD": "${PASSWORD}"},
        healthcheck=probe,
        init=True,
    )
    uuid = await client.add_service(root_server, compose(sick=stack))
    await client.set_variable(uuid, "PASSWORD", SECRET, is_shown_once=True)

    deployment = await client.deploy(uuid)

    assert_failed(deployment, f"{uuid}-sick-1", "unhealthy", "the probe says no")
    shown = [entry["output"] for entry in deployment.entries if entry["output"].startswith("line ")]
    assert shown == [f"line {number} of <REDACTED>" for number in range(11, 61)]
    assert SECRET not in deployment.text


async def test_a_mistake_in_the_compose_file_stops_nothing(client: Client, rig: Rig, root_server: str) -> None:
    uuid = await client.add_service(root_server, web(rig.images["web-1"]))
    assert (await client.deploy(uuid)).status == "finished"
    before = only_container_of(uuid)
    await client.change_service(uuid, web(rig.images["web-1"], networks=["not-defined"]))

    deployment = await client.deploy(uuid, stop_before_start=True)

    assert_failed(deployment, "Validate configuration", "not-defined")
    after = only_container_of(uuid)
    assert (after.id, after.status) == (before.id, "running")
    assert after.details["State"]["StartedAt"] == before.details["State"]["StartedAt"]


async def test_what_is_not_ready_by_the_deadline_fails(client: Client, rig: Rig, hasty_server: str) -> None:
    uuid = await client.add_service(hasty_server, waiting(rig.images["web-1"]))

    assert_failed(await client.deploy(uuid), f"{uuid}-web-1", "was not ready in time")


async def test_a_step_that_hangs_is_killed_at_the_deadline(client: Client, hasty_server: str) -> None:
    async with silent_registry() as registry:
        uuid = await client.add_service(hasty_server, web(f"{registry}/never:1"))

        deployment = await client.deploy(uuid)

    assert_failed(deployment, "Deadline of 12 s exceeded")
    assert processes_of_run(deployment.uuid) == []
