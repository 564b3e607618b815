"""Databases of several types, deployed at once for the tests of one file."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.databases.registry import DEFINITIONS
from tests.acceptance.client import Client, Deployment
from tests.acceptance.logins import REAL, Place
from tests.rig.parts import Rig
from tests.rig.processes import free_port

_IMAGES = {"postgresql": "postgres"}
"""Images that the rig calls otherwise than the API calls the type."""

# Limits that these types ask to be raised, which not every machine that tests run on may do.
_LIMITS = {"clickhouse": "--ulimit nofile=1024:1024", "dragonfly": "--ulimit memlock=65536:65536"}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _script(statement: str) -> list[dict[str, str]]:
    return [{"filename": "harbours.sql", "content": f"{statement};\n"}]


_OWN: dict[str, dict[str, Any]] = {
    "redis": {"redis_conf": _encoded("maxmemory 64mb\n")},
    "valkey": {"valkey_conf": _encoded("maxmemory 64mb\n")},
    "mariadb": {
        "mariadb_conf": _encoded("[mariadbd]\nmax_connections = 77\n"),
        "init_scripts": _script("CREATE TABLE harbours AS SELECT 'Karlskrona' AS name"),
    },
    "clickhouse": {"init_scripts": _script("CREATE TABLE harbours ENGINE = Log AS SELECT 'Karlskrona' AS name")},
    "mysql": {"mysql_conf": _encoded("[mysqld]\n"), "init_scripts": _script("SELECT 1")},
    "mongodb": {"mongo_conf": _encoded("storage: {}\n"), "init_scripts": _script("1")},
    "keydb": {"keydb_conf": _encoded("maxmemory 64mb\n")},
}
"""Configurations and scripts of the user's own; those of PostgreSQL have their tests elsewhere."""


@dataclass(frozen=True)
class Deployed:
    """A database that was deployed once, and where its clients find it."""

    name: str
    place: Place
    deployment: Deployment
    answer: dict[str, Any]

    @property
    def secrets(self) -> dict[str, str]:
        """The values of all its secret columns."""
        columns = DEFINITIONS[f"standalone-{self.name}"].secret_columns
        return {column: self.answer[column] for column in columns if self.answer[column]}

    @property
    def password(self) -> str:
        """What its client logs in with: the user's own where root has another."""
        passwords = {column: text for column, text in self.secrets.items() if column.endswith("_password")}
        own = [text for column, text in passwords.items() if not column.endswith("_root_password")]
        (password,) = own or passwords.values()
        return password


async def deploy(client: Client, rig: Rig, server: str, names: Sequence[str], **fields: Any) -> dict[str, Deployed]:
    """Deploy one of each type and return them by name, finished or not; `fields` are for all of them."""
    places = {}
    for name in names:
        port = free_port()
        inside = REAL[name].port if name in REAL else DEFINITIONS[f"standalone-{name}"].port
        image = rig.images[_IMAGES.get(name, name)]
        limits = {"custom_docker_run_options": _LIMITS[name]} if name in _LIMITS else {}
        uuid = await client.add_database(
            server,
            name,
            image=image,
            ports_mappings=f"127.0.0.1:{port}:{inside}",
            **limits,
            **_OWN.get(name, {}),
            **fields,
        )
        places[name] = Place(uuid, port)
    begun = {name: await client.begin(place.uuid) for name, place in places.items()}
    return {
        name: Deployed(
            name,
            places[name],
            await client.settled(deployment, seconds=180),
            await client.ask("GET", f"/databases/{places[name].uuid}"),
        )
        for name, deployment in begun.items()
    }
