"""The release before this one works beside this one, on this one's schema, and hands its runs over."""

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from app.embedded.valkey import embedded_valkey
from app.kit import encryption
from tests.acceptance.client import Client, eventually
from tests.acceptance.compose import waiting, web
from tests.acceptance.engine import containers_of, make_ready, only_container_of
from tests.acceptance.product import SHIPLOG, Product
from tests.acceptance.traces import Traces
from tests.fixtures.postgres import PostgresServer
from tests.released import unpacked_wheel
from tests.rig.parts import Rig

pytestmark = pytest.mark.docker


class Versions:
    """Both versions on one database, each with an API of its own."""

    def __init__(self, old: Product, new: Product, database_url: str, traces: Traces) -> None:
        self.old = old
        self.new = new
        self._database_url = database_url
        self._traces = traces
        self._http: list[httpx.AsyncClient] = []

    def client_of(self, product: Product) -> Client:
        """Return a user of one version's API; the token is the same for both."""
        headers = {"Authorization": f"Bearer {self.old.token}"}
        self._http.append(httpx.AsyncClient(base_url=f"{product.url}/api/v1", headers=headers, timeout=20))
        return Client(self._http[-1], self._database_url, self._traces)

    async def stop(self) -> None:
        """End everything."""
        for http in self._http:
            await http.aclose()
        await self.old.stop()
        await self.new.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def versions(
    traces: Traces, postgres_server: PostgresServer, postgres_template: str, tmp_path: Path
) -> AsyncIterator[Versions]:
    """The old version, working; the new one, not started yet."""
    wheel = unpacked_wheel(tmp_path)
    url = postgres_server.url_of(await postgres_server.create_database(postgres_template))
    keys = encryption.new_key()
    async with embedded_valkey(tmp_path / "valkey") as redis_url:
        for name in ("old", "new"):
            (tmp_path / name).mkdir()
        old = Product(tmp_path / "old", url, redis_url, encryption_keys=keys, environment={"PYTHONPATH": str(wheel)})
        new = Product(tmp_path / "new", url, redis_url, encryption_keys=keys)
        versions = Versions(old, new, url, traces)
        try:
            await old.initialise()
            await old.start()
            yield versions
        finally:
            await versions.stop()


async def test_a_run_of_the_old_version_is_handed_over_to_the_new_one(versions: Versions, rig: Rig) -> None:
    old_client = versions.client_of(versions.old)
    server = await old_client.add_server(rig.logins["root"])
    assert (await old_client.validate(server))["is_usable"]
    service = await old_client.add_service(server, waiting(rig.images["web-1"]))

    # The new API beside the old one, and the old worker does what it is asked for.
    await versions.new.start_api()
    new_client = versions.client_of(versions.new)
    deployment_uuid = await new_client.begin(service)

    async def waiting_for_health() -> bool | None:
        deployment = await old_client.deployment(deployment_uuid)
        return True if "Wait for containers" in deployment.step_names and containers_of(service) else None

    await eventually(waiting_for_health, "the last step begins")
    container = only_container_of(service)
    before = await old_client.deployment(deployment_uuid)

    await versions.new.start_worker()
    await versions.old.end("worker")
    make_ready(container)
    after = await new_client.settled(deployment_uuid)

    assert after.status == "finished", after.text
    assert after.entries[: len(before.entries)] == before.entries
    assert [entry["order"] for entry in after.entries] == list(range(1, len(after.entries) + 1))
    assert len(after.step_names) == len(set(after.step_names))
    assert only_container_of(service).id == container.id

    # And the other way: asked for over the old API, done by the new worker, read over both.
    await new_client.change_service(service, web(rig.images["web-1"]))
    again = await old_client.deploy(service)
    assert again.status == "finished", again.text
    assert (await new_client.deployment(again.uuid)).entries == again.entries


def test_the_old_version_is_the_recorded_one(tmp_path: Path) -> None:
    printed = subprocess.run(
        [SHIPLOG.with_name("python"), "-P", "-c", "import app; print(app.__file__)"],
        env={"PYTHONPATH": str(unpacked_wheel(tmp_path))},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.startswith(str(tmp_path))
