"""A Docker Compose service, from the request to the running containers."""

import pytest

from tests.acceptance.client import Client
from tests.acceptance.compose import compose, service, web
from tests.acceptance.engine import containers_of, only_container_of, push_behind_the_back
from tests.acceptance.traces import DATA
from tests.rig.images import busybox_image, push
from tests.rig.parts import Rig

pytestmark = pytest.mark.docker


async def test_the_container_runs_and_the_history_has_the_whole_log(client: Client, rig: Rig, root_server: str) -> None:
    uuid = await client.add_service(root_server, web(rig.images["web-1"]))

    deployment = await client.deploy(uuid)

    assert deployment.status == "finished", deployment.text
    container = only_container_of(uuid)
    assert (container.status, container.image) == ("running", rig.images["web-1"])
    assert container.details["State"]["Health"]["Status"] == "healthy"
    assert [entry["order"] for entry in deployment.entries] == list(range(1, deployment.row["log_count"] + 1))
    assert deployment.step_names == [step["name"] for step in deployment.row["steps"]]
    assert all(step["exit_code"] == 0 for step in deployment.row["steps"])
    (row,) = await client.history("service", uuid)
    assert row == deployment.row
    assert (await client.ask("GET", f"/services/{uuid}"))["status"] == "running:healthy"


async def test_a_second_deployment_recreates_the_containers(client: Client, rig: Rig, root_server: str) -> None:
    uuid = await client.add_service(root_server, web(rig.images["web-1"]))
    first = await client.deploy(uuid)
    before = only_container_of(uuid)

    second = await client.deploy(uuid)

    assert (first.status, second.status) == ("finished", "finished"), second.text
    assert only_container_of(uuid).id != before.id
    assert only_container_of(uuid).status == "running"
    history = await client.history("service", uuid)
    assert [row["deployment_uuid"] for row in history] == [second.uuid, first.uuid]


async def test_a_changed_tag_is_fetched_only_when_that_is_asked_for(client: Client, rig: Rig, root_server: str) -> None:
    tag = f"{rig.registry}/changing:1"
    busybox_image(tag, files={"/www/index.html": "old\n"})
    push(tag)
    uuid = await client.add_service(root_server, web(tag))
    assert (await client.deploy(uuid)).status == "finished"
    old = only_container_of(uuid).details["Image"]
    push_behind_the_back(tag, {"/www/index.html": "new\n"}, keep=old)

    kept = await client.deploy(uuid)
    assert kept.status == "finished", kept.text
    assert only_container_of(uuid).details["Image"] == old

    pulled = await client.deploy(uuid, pull_latest_images=True)
    assert pulled.status == "finished", pulled.text
    assert pulled.row["pull_latest_images"] is True
    assert only_container_of(uuid).details["Image"] != old


async def test_the_compose_file_reaches_the_server_byte_for_byte(client: Client, rig: Rig, root_server: str) -> None:
    text = f'# as I wrote it: "quotes", $dollars and ümlauts\n{web(rig.images["web-1"], labels={"mine": "kept"})}'
    uuid = await client.add_service(root_server, text)

    assert (await client.deploy(uuid)).status == "finished"

    container = only_container_of(uuid)
    folder = container.details["Config"]["Labels"]["com.docker.compose.project.working_dir"]
    assert (DATA / "services" / uuid).as_posix() == folder
    assert (DATA / "services" / uuid / "docker-compose.yml").read_text() == text
    assert container.details["Config"]["Labels"]["mine"] == "kept"
    assert container.details["Config"]["Labels"]["shiplog.resource"] == uuid


async def test_containers_that_have_done_their_work_are_a_success(client: Client, rig: Rig, root_server: str) -> None:
    image = rig.images["web-1"]
    migration = service(image, entrypoint=["true"], restart="no")
    seed = service(image, entrypoint=["true"], restart="on-failure")
    after = {"seed": {"condition": "service_completed_successfully"}}
    text = compose(migration=migration, seed=seed, web=service(image, depends_on=after, restart="always"))
    uuid = await client.add_service(root_server, text)

    deployment = await client.deploy(uuid)

    assert deployment.status == "finished", deployment.text
    found = {name: (container.status, container.exit_code) for name, container in containers_of(uuid).items()}
    assert found == {"migration": ("exited", 0), "seed": ("exited", 0), "web": ("running", 0)}
