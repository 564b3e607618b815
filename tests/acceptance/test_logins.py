"""Servers whose SSH user is not root: in the group docker, allowed `sudo -n docker`, or neither."""

from pathlib import Path

import pytest

from tests.acceptance.client import Client, assert_failed
from tests.acceptance.compose import web
from tests.acceptance.engine import only_container_of
from tests.acceptance.servers import Servers
from tests.acceptance.traces import HOME_DATA
from tests.rig.parts import Rig

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("name", ["docker", "sudo"])
async def test_a_service_is_deployed_and_its_files_are_the_user_s_own(
    client: Client, rig: Rig, servers: Servers, name: str
) -> None:
    server = await servers.usable(name)
    uuid = await client.add_service(server, web(rig.images["web-1"]))

    deployment = await client.deploy(uuid)

    assert deployment.status == "finished", deployment.text
    assert only_container_of(uuid).status == "running"
    folder = Path(rig.logins[name].home) / HOME_DATA / "services" / uuid
    assert folder.owner() == rig.logins[name].user
    assert {path.owner() for path in folder.iterdir()} == {rig.logins[name].user}


@pytest.mark.parametrize("name", ["docker", "sudo"])
async def test_a_database_is_deployed_and_stopped(client: Client, rig: Rig, servers: Servers, name: str) -> None:
    uuid = await client.add_database(await servers.usable(name), image=rig.images["postgres"])

    deployment = await client.deploy(uuid)
    assert deployment.status == "finished", deployment.text
    stopped = await client.ask("POST", f"/databases/{uuid}/stop")

    operation = await client.operated(stopped["operation_uuid"])
    assert operation["status"] == "finished", operation


async def test_a_user_without_docker_is_told_what_to_do(client: Client, rig: Rig) -> None:
    server = await client.add_server(rig.logins["plain"])
    validated = await client.validate(server)
    assert (validated["is_reachable"], validated["is_usable"]) == (True, False)
    assert 'add it to the group "docker"' in validated["validation_logs"]
    uuid = await client.add_service(server, web(rig.images["web-1"]))

    deployment = await client.deploy(uuid)

    assert_failed(deployment, "Check Docker", 'add it to the group "docker"')
