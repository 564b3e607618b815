"""Going back on a real engine: a tag that was pushed again means what it meant then."""

import pytest

from tests.acceptance.client import Client
from tests.acceptance.compose import web
from tests.acceptance.engine import docker_digests, forget_image, only_container_of, push_behind_the_back
from tests.rig.images import busybox_image, push
from tests.rig.parts import Rig

pytestmark = pytest.mark.docker


async def test_what_ran_runs_again_though_its_tag_means_another_image(
    client: Client, rig: Rig, root_server: str
) -> None:
    tag = f"{rig.registry}/rolled:1"
    busybox_image(tag, files={"/www/index.html": "then\n"})
    push(tag)
    uuid = await client.add_service(root_server, web(tag))
    await client.set_variable(uuid, "LEVEL", "info")
    first = await client.deploy(uuid, pull_latest_images=True)
    then = only_container_of(uuid).details["Image"]
    digest = first.row["image_digests"]["web"]["digest"]
    assert (first.row["image_digests"]["web"]["id"], digest) == (then, docker_digests(then)[0])
    push_behind_the_back(tag, {"/www/index.html": "now\n"}, keep=then)
    await client.ask("PATCH", f"/services/{uuid}/envs", json={"key": "LEVEL", "value": "debug"})
    second = await client.deploy(uuid, pull_latest_images=True)
    assert only_container_of(uuid).details["Image"] != then
    forget_image(digest)

    diff = await client.ask("GET", f"/deployments/{second.uuid}/diff")
    assert diff["against"] == first.uuid
    assert [(one["name"], one["before"]["digest"]) for one in diff["images"]] == [("web", digest)]
    assert [(one["name"], one["before"], one["after"]) for one in diff["variables"]] == [("LEVEL", "info", "debug")]

    answer = await client.ask("POST", f"/deployments/{first.uuid}/rollback")
    rolled = await client.settled(answer["deployment_uuid"])

    assert rolled.status == "finished", rolled.text
    container = only_container_of(uuid)
    assert container.details["Image"] == then
    assert container.image == answer["images"]["web"] == f"{tag}@{digest.partition('@')[2]}"
    assert rolled.row["image_digests"]["web"]["digest"] == digest
    assert f"The image of web is the one that ran then: {container.image}." in rolled.text
