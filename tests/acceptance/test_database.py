"""A PostgreSQL database: clients get in with the generated password, and its data outlive its containers."""

import asyncpg
import pytest

from tests.acceptance.client import Client, assert_failed
from tests.acceptance.engine import only_container_of
from tests.rig.engine import docker
from tests.rig.parts import Rig
from tests.rig.processes import RigError, free_port

pytestmark = pytest.mark.docker


async def url_of(client: Client, uuid: str) -> str:
    """Return the URL with the generated password."""
    return str((await client.ask("GET", f"/databases/{uuid}"))["internal_db_url"])


def query(rig: Rig, uuid: str, url: str, statement: str) -> str:
    """Run a statement as a client in a container of its own on the database's network would."""
    (network,) = only_container_of(uuid).details["NetworkSettings"]["Networks"]
    read_url = 'read -r url && exec psql --no-psqlrc -v ON_ERROR_STOP=1 -qtA -c "$0" "$url"'
    client = ["run", "--rm", "--interactive", "--network", network, rig.images["postgres"], "sh", "-c", read_url]
    return docker(*client, statement, stdin=f"{url}\n".encode()).strip()


async def test_a_client_connects_with_the_generated_password(client: Client, rig: Rig, root_server: str) -> None:
    port = free_port()
    uuid = await client.add_database(
        root_server, image=rig.images["postgres"], postgres_user="ada", ports_mappings=f"127.0.0.1:{port}:5432"
    )

    deployment = await client.deploy(uuid)

    assert deployment.status == "finished", deployment.text
    assert deployment.row["database_type"] == "standalone-postgresql"
    url = await url_of(client, uuid)
    assert query(rig, uuid, url, "SELECT current_user") == "ada"
    connection = await asyncpg.connect(url.replace(f"@{uuid}:5432", f"@127.0.0.1:{port}"), ssl=False)
    try:
        assert await connection.fetchval("SELECT current_user") == "ada"
    finally:
        await connection.close()
    with pytest.raises(RigError, match="password authentication failed"):
        query(rig, uuid, url.replace("ada:", "ada:wrong"), "SELECT 1")


async def test_a_second_deployment_recreates_the_container_and_keeps_the_data(
    client: Client, rig: Rig, root_server: str
) -> None:
    uuid = await client.add_database(root_server, image=rig.images["postgres"])
    assert (await client.deploy(uuid)).status == "finished"
    before = only_container_of(uuid)
    url = await url_of(client, uuid)
    query(rig, uuid, url, "CREATE TABLE ships AS SELECT 'Vasa' AS name")

    second = await client.deploy(uuid)

    assert second.status == "finished", second.text
    assert only_container_of(uuid).id != before.id
    assert query(rig, uuid, url, "SELECT name FROM ships") == "Vasa"
    assert len(await client.history("database", uuid)) == 2


async def test_a_crashed_database_can_be_started_again(client: Client, rig: Rig, root_server: str) -> None:
    uuid = await client.add_database(root_server, image=rig.images["postgres"])
    assert (await client.deploy(uuid)).status == "finished"
    url = await url_of(client, uuid)
    query(rig, uuid, url, "CREATE TABLE ships AS SELECT 'Vasa' AS name")
    docker("kill", only_container_of(uuid).id)
    assert only_container_of(uuid).status == "exited"

    started = await client.ask("POST", f"/databases/{uuid}/start")

    again = await client.settled(started["deployment_uuid"])
    assert again.status == "finished", again.text
    assert query(rig, uuid, url, "SELECT name FROM ships") == "Vasa"


async def test_settings_that_postgresql_does_not_know_fail_with_its_own_words(
    client: Client, rig: Rig, root_server: str
) -> None:
    nonsense = "bm9fc3VjaF9zZXR0aW5nID0gMQo="  # no_such_setting = 1
    uuid = await client.add_database(root_server, image=rig.images["postgres"], postgres_conf=nonsense)

    deployment = await client.deploy(uuid)

    assert_failed(deployment, uuid)
    assert 'unrecognized configuration parameter "no_such_setting"' in deployment.text


async def test_init_scripts_run_once_over_new_data(client: Client, rig: Rig, root_server: str) -> None:
    script = {"filename": "ships.sql", "content": "CREATE TABLE ships AS SELECT 'Vasa' AS name;\n"}
    uuid = await client.add_database(root_server, image=rig.images["postgres"], init_scripts=[script])

    assert (await client.deploy(uuid)).status == "finished"
    assert (await client.deploy(uuid)).status == "finished"

    assert query(rig, uuid, await url_of(client, uuid), "SELECT name FROM ships") == "Vasa"
