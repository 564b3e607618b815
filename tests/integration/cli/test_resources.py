"""From an empty team to a deployment, by commands alone; each empty list leads to the next command."""

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from app.cli import remote
from app.cli.client import Refused
from app.cli.problem import Problem
from app.cli.resources import databases, deployments, keys, projects, servers, services, teams, variables
from app.remote.keys import generate_private_key
from tests.integration.cli.terminal import Terminal

Write = Callable[[str, str], Path]
PLACE = {"project": None, "environment": "production", "server": None}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return `write(name, text)`, which gives the path of a new file."""

    def write_file(name: str, text: str) -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write_file


@pytest.fixture
def compose(write: Write) -> Path:
    """A Compose file."""
    return write("compose.yaml", "services:\n  web:\n    image: registry.example/web:1\n")


async def furnish(terminal: Terminal, write: Write) -> None:
    """Make a key, a server that nobody has looked at, and a project."""
    await terminal.run(keys.add, name="laptop", file=write("id", generate_private_key()))
    await terminal.run(servers.add, name="web1", ip="192.0.2.10", port=22, user="root", key=None, is_validated=False)
    await terminal.run(projects.create, name="yard")


@pytest.mark.parametrize(
    ("work", "next_command"),
    [
        (keys.show_all, "shiplog key add NAME --file ~/.ssh/id_ed25519"),
        (servers.show_all, "shiplog server add NAME --ip 192.0.2.10"),
        (projects.show_all, "shiplog project create NAME"),
        (services.show_all, "shiplog service create NAME --file compose.yaml"),
        (databases.show_all, "shiplog database create postgresql NAME"),
    ],
    ids=["keys", "servers", "projects", "services", "databases"],
)
async def test_an_empty_list_leads_to_the_next_command(
    terminal: Terminal, work: Callable[..., Awaitable[None]], next_command: str
) -> None:
    assert (await terminal.run(work)).endswith(f" yet. Make one: {next_command}\n")
    assert await terminal.json(work) == []


async def test_everything_up_to_a_deployment(terminal: Terminal, write: Write, compose: Path) -> None:
    with pytest.raises(Problem, match=r"^No project yet\. Make one: shiplog project create NAME$"):
        await terminal.run(services.create, name="shop", file=compose, **PLACE)
    await furnish(terminal, write)

    await terminal.run(services.create, name="shop", file=compose, **PLACE)
    made = await terminal.json(databases.create, kind="redis", name="cache", image=None, fields=None, **PLACE)

    url = await terminal.run(databases.show_url, database="cache", is_external=False)
    assert url == f"{made['internal_db_url']}\n"
    with pytest.raises(Problem, match="There is no external_db_url"):
        await terminal.run(databases.show_url, database="cache", is_external=True)

    await terminal.run(variables.import_file, resource="shop", file=write(".env", "A=1\nB='$C'\n"), are_locked=False)
    await terminal.run(
        variables.set_one, resource="shop", key="A", file=write("a", "two\n"), is_literal=False, is_locked=True
    )
    listed = await terminal.json(variables.show_all, resource="shop", with_values=False)
    assert {one["key"]: (one.get("value"), one["is_literal"], one["is_shown_once"]) for one in listed} == {
        "A": (None, False, True),
        "B": ("$C", True, False),
    }
    assert "$C" not in await terminal.run(variables.show_all, resource="shop", with_values=False)
    assert "$C" in await terminal.run(variables.show_all, resource="shop", with_values=True)

    empty = await terminal.run(deployments.show_history, resource="shop", take=10)
    assert empty == "shop was never deployed. Next: shiplog deploy shop --follow\n"
    answer = await terminal.json(remote.deploy, resources=["shop", "cache"], force=False, following=False)
    uuids = [one["deployment_uuid"] for one in answer["deployments"]]
    status = await terminal.json(deployments.show_status, resource=None)
    assert [one["name"] for one in status["resources"]] == ["shop", "cache"]
    assert [one["deployment_uuid"] for one in status["deployments"]] == uuids
    assert uuids[0] in await terminal.run(deployments.show_status, resource="shop")

    assert await terminal.run(deployments.cancel, deployment="shop") == f"Deployment {uuids[0]}: cancelled-by-user\n"
    history = await terminal.run(deployments.show_history, resource="shop", take=10)
    assert re.search(rf"{uuids[0]} +cancelled-by-user", history)
    with pytest.raises(Problem, match=r"^shop is not being deployed: shiplog history shop"):
        await terminal.run(deployments.cancel, deployment="shop")
    with pytest.raises(Refused, match=r"with 400: Deployment cannot be cancelled.* \(request [a-z0-9]{24}\)$"):
        await terminal.run(deployments.cancel, deployment=uuids[0])
    log = await terminal.ended(
        remote.show_log, as_json=True, deployment="shop", following=True, tail=None, timestamps=False
    )
    assert log[0] == 130
    assert all(json.loads(line)["order"] for line in log[1].splitlines())


async def test_a_name_that_several_have_is_refused_and_a_uuid_is_not(
    terminal: Terminal, write: Write, compose: Path
) -> None:
    await furnish(terminal, write)
    made = [await terminal.json(services.create, name="shop", file=compose, **PLACE) for _ in range(2)]
    with pytest.raises(Problem, match=r"^Several are called shop: name one by its uuid, ") as caught:
        await terminal.run(deployments.show_history, resource="shop", take=1)
    assert caught.value.exit_code == 2
    assert all(one["uuid"] in str(caught.value) for one in made)
    assert "was never deployed" in await terminal.run(deployments.show_history, resource=made[0]["uuid"], take=1)
    with pytest.raises(Problem, match=r"^There is no service or database cache\. There are: shop, shop\.$"):
        await terminal.run(deployments.show_history, resource="cache", take=1)


async def test_keys_are_listed_without_their_private_halves(terminal: Terminal, write: Write) -> None:
    await furnish(terminal, write)
    assert [one["private_key"] for one in await terminal.json(keys.show_all)] == [None]
    assert "web1" in await terminal.run(servers.show_all)
    assert "not looked at" in await terminal.run(servers.show_all)


async def test_the_team_is_shown_with_its_members(terminal: Terminal) -> None:
    assert re.search(r"^Team \d+: Shipyard\n", await terminal.run(teams.show))
    assert [one["role"] for one in (await terminal.json(teams.show))["members"]] == ["owner"]


async def test_fields_of_a_database_come_from_a_file(terminal: Terminal, write: Write) -> None:
    await furnish(terminal, write)
    fields = write("fields.json", json.dumps({"postgres_password": "chosen", "limits_memory": "512m"}))
    made = await terminal.json(
        databases.create, kind="postgresql", name="orders", image="postgres:17-alpine", fields=fields, **PLACE
    )
    assert "postgres:chosen@" in made["internal_db_url"]
    (listed,) = await terminal.json(databases.show_all)
    assert (listed["image"], listed["limits_memory"]) == ("postgres:17-alpine", "512m")
    for text, message in (("[]", "should hold a JSON object"), ("{", "is not JSON")):
        with pytest.raises(Problem, match=message):
            await terminal.run(
                databases.create, kind="redis", name="x", image=None, fields=write("bad.json", text), **PLACE
            )
