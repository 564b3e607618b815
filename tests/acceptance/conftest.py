"""The product running on the rig, and one server for each of the rig's logins."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.acceptance.client import Client
from tests.acceptance.engine import remove_everything_of
from tests.acceptance.product import Product
from tests.acceptance.servers import DATA, HOME_DATA, Servers
from tests.fixtures.postgres import PostgresServer
from tests.rig.parts import Rig


@pytest_asyncio.fixture(scope="session")
async def product_database(postgres_server: PostgresServer, postgres_template: str) -> str:
    """The URL of the database that the product works on."""
    return postgres_server.url_of(await postgres_server.create_database(postgres_template))


@pytest_asyncio.fixture(scope="session")
async def product(
    rig: Rig, product_database: str, valkey_server: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Product]:
    """API and worker, running."""
    del rig  # without it there is nothing to deploy to
    product = Product(tmp_path_factory.mktemp("product"), product_database, valkey_server)
    await product.initialise()
    try:
        await product.start()
        yield product
    finally:
        await product.stop()


@pytest_asyncio.fixture(scope="session")
async def client(product: Product, product_database: str) -> AsyncIterator[Client]:
    """The API as the holder of the root token sees it; what was deployed is removed in the end."""
    headers = {"Authorization": f"Bearer {product.token}"}
    async with httpx.AsyncClient(base_url=f"{product.url}/api/v1", headers=headers, timeout=20) as http:
        client = Client(http, product_database)
        yield client
        remove_everything_of(client.resources)


@pytest.fixture(scope="session")
def data_folders(rig: Rig) -> Iterator[None]:
    """Leave no data folder that was not there before."""
    was_there = [folder for folder in (DATA, DATA.parent) if folder.exists()]
    yield
    for login in rig.logins.values():
        shutil.rmtree(Path(login.home) / HOME_DATA, ignore_errors=True)
    if DATA not in was_there:
        shutil.rmtree(DATA, ignore_errors=True)
    if DATA.parent not in was_there:
        with suppress(OSError):  # somebody else put something there
            DATA.parent.rmdir()


@pytest.fixture(scope="session")
def servers(rig: Rig, client: Client, data_folders: None) -> Servers:
    """The rig's logins as servers, each added and validated when it is first asked for."""
    return Servers(rig, client)


@pytest_asyncio.fixture
async def root_server(servers: Servers) -> str:
    """The uuid of the server that is reached as root."""
    return await servers.usable("root")
