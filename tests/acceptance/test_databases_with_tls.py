"""Databases with TLS: a client that checks the certificate gets in, one without TLS does not."""

from dataclasses import replace

import pytest
import pytest_asyncio

from app.databases.definition import KEY_AND_CERTIFICATE_FILE, KEY_FILE
from app.databases.registry import DEFINITIONS
from tests.acceptance.client import Client
from tests.acceptance.databases import Deployed, deploy
from tests.acceptance.engine import only_container_of
from tests.acceptance.logins import REAL, RefusedError
from tests.acceptance.servers import Servers
from tests.rig.engine import docker
from tests.rig.parts import Rig
from tests.rig.standins import STAND_INS

pytestmark = pytest.mark.docker

SECURED = ("postgresql", "redis", "mariadb")
"""The Valkey that is at hand was built without TLS."""


@pytest_asyncio.fixture(scope="module")
async def secured(client: Client, rig: Rig, servers: Servers) -> dict[str, Deployed]:
    """Deploy those that can have TLS with it."""
    server = await servers.usable("root")
    return await deploy(client, rig, server, [*SECURED, *STAND_INS], enable_ssl=True)


@pytest.mark.parametrize("name", SECURED)
async def test_with_ssl_nobody_gets_in_without_it_and_the_certificate_can_be_checked(
    client: Client, servers: Servers, secured: dict[str, Deployed], name: str
) -> None:
    database, kind = secured[name], REAL[name]
    assert database.deployment.status == "finished", database.deployment.text
    server = await servers.usable("root")
    authority = await client.ask("GET", f"/servers/{server}/ca-certificate")
    trusting = replace(database.place, authority=authority)

    await kind.ask(trusting, database.password, kind.write)
    assert await kind.ask(trusting, database.password, kind.read) == "Vasa"
    for place, password in ((trusting, "wrong"), (database.place, database.password)):
        with pytest.raises(RefusedError):
            await kind.ask(place, password, kind.read)


@pytest.mark.parametrize("name", STAND_INS)
async def test_with_ssl_the_stand_in_takes_certificate_and_key(secured: dict[str, Deployed], name: str) -> None:
    database = secured[name]
    assert database.deployment.status == "finished", database.deployment.text
    tls = DEFINITIONS[f"standalone-{name}"].tls
    assert tls is not None
    shown = ("exec", only_container_of(database.place.uuid).id, "stat", "-c", "%U:%G %a")
    for key in (KEY_FILE, KEY_AND_CERTIFICATE_FILE):
        assert docker(*shown, tls.path(key)).strip() == f"{tls.key_owner} 600"
