"""A day with the command line alone: from a login to a deployment that is followed, read, and one that is cancelled."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.embedded.valkey import embedded_valkey
from tests.acceptance.compose import waiting, web
from tests.acceptance.engine import only_container_of
from tests.acceptance.product import OWNER, Product
from tests.acceptance.traces import Traces
from tests.fixtures.postgres import PostgresServer
from tests.integration.cli.running import environment, shiplog
from tests.rig.parts import Rig

pytestmark = pytest.mark.docker


@dataclass(frozen=True)
class Person:
    """Types commands in a folder of their own."""

    folder: Path

    async def types(self, *command: str | Path, code: int = 0) -> str:
        """Run a command that ends with `code`; return what it printed, of one that fails its one line."""
        ended, out, err = await shiplog(*command, env=environment(XDG_CONFIG_HOME=str(self.folder)), cwd=self.folder)
        assert ended == code, (command, out, err)
        if code == 0:
            return out
        assert err.count("\n") == (1 if err else 0), err
        return out + err

    async def reads(self, *command: str | Path) -> Any:
        """Return the JSON that a command prints."""
        return json.loads(await self.types(*command, "--json"))

    def writes(self, name: str, text: str) -> Path:
        """Return the path of a new file."""
        (self.folder / name).write_text(text)
        return self.folder / name


@pytest_asyncio.fixture
async def fresh_product(
    traces: Traces, postgres_server: PostgresServer, postgres_template: str, tmp_path: Path
) -> AsyncIterator[Product]:
    """A product with nothing in it."""
    del traces  # they are removed after the product has ended
    (tmp_path / "product").mkdir()
    database_url = postgres_server.url_of(await postgres_server.create_database(postgres_template))
    async with embedded_valkey(tmp_path / "valkey") as redis_url:
        product = Product(tmp_path / "product", database_url, redis_url)
        await product.initialise()
        try:
            await product.start()
            yield product
        finally:
            await product.stop()


async def test_everything_by_commands(fresh_product: Product, rig: Rig, traces: Traces, tmp_path: Path) -> None:
    (tmp_path / "person").mkdir()
    ada, login = Person(tmp_path / "person"), rig.logins["root"]
    await _log_in(ada, fresh_product)
    await ada.types("key", "add", "laptop", "--file", login.private_key_path)
    where = ("--ip", login.host, "--port", str(login.port), "--user", login.user)
    assert (await ada.reads("server", "add", "web1", *where))["is_usable"] is True
    assert (await ada.reads("server", "validate", "web1"))["is_usable"] is True
    await ada.types("project", "create", "yard")

    compose = ada.writes("compose.yaml", web(rig.images["web-1"], environment={"GREETING": "$GREETING"}))
    uuid = (await ada.reads("service", "create", "shop", "-f", compose))["uuid"]
    traces.resources.add(uuid)
    await ada.types("env", "import", "shop", ada.writes(".env", "GREETING=hello\nCOLOUR=blue\n"))
    await ada.types("env", "set", "shop", "GREETING", "--file", ada.writes("greeting", "good morning\n"))
    assert {one["key"] for one in await ada.reads("env", "list", "shop")} == {"GREETING", "COLOUR"}

    followed = await ada.types("deploy", "shop", "--follow")
    assert "finished" in followed
    assert "GREETING=good morning" in only_container_of(uuid).details["Config"]["Env"]
    (first,) = await ada.reads("history", "shop")
    traces.deployments.add(first["deployment_uuid"])
    assert first["status"] == "finished"
    *_, last = (await ada.types("logs", "shop", "--tail", "2", "--json")).splitlines()
    assert json.loads(last)["order"] == first["log_count"]

    await _cancel(ada, rig, traces)
    refused = await ada.types("cancel", first["deployment_uuid"], code=1)
    assert re.fullmatch(r"shiplog: .* 400: Deployment cannot be cancelled.* \(request \w{24}\)\n", refused)
    assert "There are: " in await ada.types("deploy", "shopp", code=1)
    assert "No context is called home" in await ada.types("--context", "home", "status", code=2)


async def _log_in(ada: Person, product: Product) -> None:
    code, printed = await product.run("token", "create", "--email", OWNER, "--ability", "root", "--name", "laptop")
    assert code == 0, printed
    (token,) = re.findall(r"\d+\|\w+", printed)
    file = ada.writes("token", token)
    await ada.types("login", product.url, "--name", "work", "--token-file", file)
    assert await ada.reads("context", "list") == [{"name": "work", "url": product.url, "current": True}]
    assert [member["email"] for member in (await ada.reads("team"))["members"]] == [OWNER]

    spare = (await product.make_token("read")).partition("|")[0]
    assert re.search(rf"^ *{spare} ", (await product.run("token", "list"))[1], re.MULTILINE)
    assert (await product.run("token", "revoke", spare))[0] == 0
    assert not re.search(rf"^ *{spare} ", (await product.run("token", "list"))[1], re.MULTILINE)


async def _cancel(ada: Person, rig: Rig, traces: Traces) -> None:
    """Cancel a deployment that waits for a container to become healthy."""
    compose = ada.writes("slow.yaml", waiting(rig.images["web-1"]))
    traces.resources.add((await ada.reads("service", "create", "slow", "-f", compose))["uuid"])
    asked = await ada.reads("deploy", "slow")
    uuid = asked["deployments"][0]["deployment_uuid"]
    traces.deployments.add(uuid)
    assert await ada.types("cancel", "slow") == f"Deployment {uuid}: cancelled-by-user\n"
    assert [one["status"] for one in await ada.reads("history", "slow")] == ["cancelled-by-user"]
    await ada.types("logs", uuid, "--follow", code=130)
