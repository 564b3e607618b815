"""Stopping and deleting leave on the server what they say, and nothing else."""

import pytest

from tests.acceptance.client import Client
from tests.acceptance.compose import compose, service
from tests.acceptance.engine import containers_of, networks_of, volumes_of
from tests.acceptance.traces import DATA
from tests.rig.parts import Rig

pytestmark = pytest.mark.docker


def stack_with_a_volume(image: str) -> str:
    """Return a stack that keeps something."""
    text = compose(web=service(image, volumes=["kept:/kept"]))
    return text.removesuffix("}") + ', "volumes": {"kept": {}}}'


async def test_a_stopped_service_keeps_its_volume_and_starts_again(client: Client, rig: Rig, root_server: str) -> None:
    uuid = await client.add_service(root_server, stack_with_a_volume(rig.images["web-1"]))
    assert (await client.deploy(uuid)).status == "finished"
    (volume,) = volumes_of(uuid)

    answer = await client.ask("POST", f"/services/{uuid}/stop")

    assert answer["message"] == "Service stopping request queued."
    operation = await client.operated(answer["operation_uuid"])
    assert operation["status"] == "finished", operation
    assert containers_of(uuid) == {}
    assert volumes_of(uuid) == [volume]
    assert (await client.ask("GET", f"/services/{uuid}"))["status"] == "exited"
    await client.ask("POST", f"/services/{uuid}/stop", status=400)
    started = await client.ask("POST", f"/services/{uuid}/start")
    assert (await client.settled(started["deployment_uuid"])).status == "finished"
    assert volumes_of(uuid) == [volume]


@pytest.mark.parametrize("kind", ["services", "databases"])
async def test_nothing_is_left_of_what_was_deleted(client: Client, rig: Rig, root_server: str, kind: str) -> None:
    if kind == "services":
        uuid = await client.add_service(root_server, stack_with_a_volume(rig.images["web-1"]))
    else:
        uuid = await client.add_database(root_server, image=rig.images["postgres"])
    deployment = await client.deploy(uuid)
    assert deployment.status == "finished"
    assert containers_of(uuid)
    assert volumes_of(uuid)
    assert (DATA / kind / uuid).is_dir()

    answer = await client.ask("DELETE", f"/{kind}/{uuid}", status=200)

    await client.ask("GET", f"/{kind}/{uuid}", status=404)
    operation = await client.operated(answer["operation_uuid"])
    assert operation["status"] == "finished", operation
    await client.ask("GET", f"/deployments/{deployment.uuid}", status=404)  # the history goes with the resource
    assert containers_of(uuid) == {}
    assert volumes_of(uuid) == []
    assert networks_of(uuid) == []
    assert not (DATA / kind / uuid).exists()


async def test_a_delete_can_leave_the_volumes(client: Client, rig: Rig, root_server: str) -> None:
    uuid = await client.add_database(root_server, image=rig.images["postgres"])
    assert (await client.deploy(uuid)).status == "finished"
    (volume,) = volumes_of(uuid)

    answer = await client.ask("DELETE", f"/databases/{uuid}", params={"delete_volumes": False})

    assert (await client.operated(answer["operation_uuid"]))["status"] == "finished"
    assert containers_of(uuid) == {}
    assert not (DATA / "databases" / uuid).exists()
    assert volumes_of(uuid) == [volume]
