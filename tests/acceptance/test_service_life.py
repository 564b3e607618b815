"""What a service's containers are given and how they are seen: values byte by byte, profiles, networks."""

import json

import pytest

from tests.acceptance.client import Client
from tests.acceptance.compose import compose, service
from tests.acceptance.engine import containers_of
from tests.rig.engine import docker
from tests.rig.parts import Rig

pytestmark = pytest.mark.docker

HARD = 'it\'s "so" \\n $HOME ${X:-y} $$ `id` #\n\tsecond line = é🙂 \\'
VALUES = {"HARD": HARD, "EMPTY": "", "LONG": ("é\"'$\\\n#" * 8192)[: 57 * 1024], "BLANKS": "  a  "}


async def test_values_arrive_in_the_container_byte_by_byte(client: Client, rig: Rig, root_server: str) -> None:
    image = rig.images["web-1"]
    replaced = service(image, environment={key: f"${{{key}}}" for key in VALUES})
    text = compose(replaced=replaced, read=service(image, env_file=[".env"]))
    uuid = await client.add_service(root_server, text)
    for key, value in VALUES.items():
        await client.set_variable(uuid, key, value, is_literal=True, is_multiline="\n" in value)

    deployment = await client.deploy(uuid)

    assert deployment.status == "finished", deployment.text
    for name, container in containers_of(uuid).items():
        environ = docker("exec", container.id, "cat", "/proc/1/environ").split("\0")
        seen = dict(entry.split("=", 1) for entry in environ if entry)
        assert {key: seen.get(key) for key in VALUES} == VALUES, name


async def test_a_profile_decides_what_runs_and_each_container_is_seen(
    client: Client, rig: Rig, root_server: str
) -> None:
    image = rig.images["web-1"]
    broken = service(image, entrypoint=["sh", "-c", "exit 3"], profiles=["broken"])
    debug = service(image, profiles=["debug"], init=True)
    uuid = await client.add_service(root_server, compose(web=service(image), debug=debug, broken=broken))
    await client.set_variable(uuid, "COMPOSE_PROFILES", "debug")
    assert (await client.deploy(uuid)).status == "finished"
    assert sorted(containers_of(uuid)) == ["debug", "web"]
    seen = await client.ask("GET", f"/services/{uuid}", params={"look": True})
    assert [(one["service"], one["state"], one["image"], one["exit_code"]) for one in seen["containers"]] == [
        ("debug", "running", image, None),
        ("web", "running", image, None),
    ]

    await client.ask("PATCH", f"/services/{uuid}/envs", json={"key": "COMPOSE_PROFILES", "value": "none"})
    deployment = await client.deploy(uuid)

    assert deployment.status == "finished", deployment.text
    assert list(containers_of(uuid)) == ["web"]


async def test_a_service_joins_the_network_of_its_destination(client: Client, rig: Rig, root_server: str) -> None:
    network = f"acceptance-{root_server}"
    answer = await client.ask("POST", f"/servers/{root_server}/destinations", json={"network": network})
    try:
        uuid = await client.add_service(
            root_server,
            compose(web=service(rig.images["web-1"], init=True)),
            destination_uuid=answer["uuid"],
            connect_to_docker_network=True,
        )
        deployment = await client.deploy(uuid)
        assert deployment.status == "finished", deployment.text
        joined = containers_of(uuid)["web"].details["NetworkSettings"]["Networks"]
        assert set(joined) == {f"{uuid}_default", network}
        assert f"web-{uuid}" in joined[network]["Aliases"]
        operation = await client.ask("DELETE", f"/services/{uuid}")
        assert (await client.operated(operation["operation_uuid"]))["status"] == "finished"
    finally:
        await client.ask("DELETE", f"/destinations/{answer['uuid']}", status=200)
    (found,) = json.loads(docker("network", "inspect", network))
    docker("network", "rm", found["Id"])
