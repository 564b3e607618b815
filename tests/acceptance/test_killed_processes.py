"""What `kill -9` of the product's own processes changes: nothing."""

import pytest

from tests.acceptance.client import Client, eventually
from tests.acceptance.compose import waiting, web
from tests.acceptance.engine import containers_of, make_ready, only_container_of
from tests.acceptance.product import Product
from tests.rig.parts import Rig

pytestmark = pytest.mark.docker


async def test_after_a_kill_of_both_processes_the_history_is_the_same(
    client: Client, product: Product, rig: Rig, root_server: str
) -> None:
    service = await client.add_service(root_server, web(rig.images["web-1"]))
    database = await client.add_database(root_server, image=rig.images["postgres"])
    for uuid in (service, database):
        assert (await client.deploy(uuid)).status == "finished"
    before = [await client.history("service", service), await client.history("database", database)]
    assert all(row["logs"] for history in before for row in history)

    await product.kill("api", "worker")
    await product.start()

    assert [await client.history("service", service), await client.history("database", database)] == before


async def test_a_deployment_goes_on_without_its_worker_and_the_next_one_reads_the_rest(
    client: Client, product: Product, rig: Rig, root_server: str
) -> None:
    uuid = await client.add_service(root_server, waiting(rig.images["web-1"]))
    deployment_uuid = await client.begin(uuid)

    async def waiting_for_health() -> bool | None:
        # The last step has begun, so everything before it is in the log already.
        deployment = await client.deployment(deployment_uuid)
        return True if "Wait for containers" in deployment.step_names and containers_of(uuid) else None

    await eventually(waiting_for_health, "the last step begins")
    container = only_container_of(uuid)
    await product.kill("worker")
    before = await client.deployment(deployment_uuid)
    assert before.status == "in_progress"
    make_ready(container)
    await product.start_worker()

    after = await client.settled(deployment_uuid)

    assert after.status == "finished", after.text
    assert after.entries[: len(before.entries)] == before.entries
    assert [entry["order"] for entry in after.entries] == list(range(1, len(after.entries) + 1))
    assert len(after.entries) > len(before.entries)
    assert len(after.step_names) == len(set(after.step_names))
    assert only_container_of(uuid).id == container.id


async def test_a_deployment_asked_for_without_a_worker_waits_for_the_next_one(
    client: Client, product: Product, rig: Rig, root_server: str
) -> None:
    uuid = await client.add_service(root_server, web(rig.images["web-1"]))
    await product.kill("worker")

    deployment_uuid = await client.begin(uuid)
    assert (await client.deployment(deployment_uuid)).status == "queued"
    await product.start_worker()

    assert (await client.settled(deployment_uuid)).status == "finished"
