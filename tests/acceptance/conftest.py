"""The product running on the rig, and one server for each of the rig's logins."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from app.embedded.valkey import embedded_valkey
from tests.acceptance.client import Client
from tests.acceptance.product import Product
from tests.acceptance.servers import Servers
from tests.acceptance.traces import HOME_DATA, Traces
from tests.fixtures.postgres import PostgresServer
from tests.rig.parts import Rig


@pytest_asyncio.fixture(scope="session")
async def product_database(postgres_server: PostgresServer, postgres_template: str) -> str:
    """The URL of the database that the product works on."""
    return postgres_server.url_of(await postgres_server.create_database(postgres_template))


@pytest.fixture(scope="session")
def traces(rig: Rig) -> Iterator[Traces]:
    """What is to be removed in the end, when nothing of the product runs any more."""
    traces = Traces()
    yield traces
    traces.remove()
    for login in rig.logins.values():
        shutil.rmtree(Path(login.home) / HOME_DATA, ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def _quiet_afterwards(traces: Traces) -> Iterator[None]:
    """End the containers of a module with it: forty of them, each asked for its health every 5 s, slow everything down."""
    yield
    traces.remove_containers()


@pytest_asyncio.fixture(scope="session")
async def product_valkey(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of the product's own Valkey: its worker lives as long as the session and would take what others count."""
    async with embedded_valkey(tmp_path_factory.mktemp("product-valkey")) as url:
        yield url


@pytest_asyncio.fixture(scope="session")
async def product(
    traces: Traces, product_database: str, product_valkey: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Product]:
    """API and worker, running."""
    del traces  # they are removed after the product has ended
    product = Product(tmp_path_factory.mktemp("product"), product_database, product_valkey)
    await product.initialise()
    try:
        await product.start()
        yield product
    finally:
        await product.stop()


@pytest_asyncio.fixture(scope="session")
async def client(product: Product, product_database: str, traces: Traces) -> AsyncIterator[Client]:
    """The API as the holder of the root token sees it."""
    headers = {"Authorization": f"Bearer {product.token}"}
    async with httpx.AsyncClient(base_url=f"{product.url}/api/v1", headers=headers, timeout=20) as http:
        yield Client(http, product_database, traces)


@pytest.fixture(scope="session")
def servers(rig: Rig, client: Client) -> Servers:
    """The rig's logins as servers, each added and validated when it is first asked for."""
    return Servers(rig, client)


@pytest_asyncio.fixture
async def root_server(servers: Servers) -> str:
    """The uuid of the server that is reached as root."""
    return await servers.usable("root")
