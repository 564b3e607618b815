"""The parts of a service: each entry of its Compose file, as an application or, going by its image, a database."""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Any, Literal

from app.compose.document import ComposeInvalid, ComposeService, read_compose
from app.models.service import Service

PartKind = Literal["application", "database"]

_DATABASES = frozenset(
    {
        "clickhouse",
        "clickhouse-server",
        "couchdb",
        "dragonfly",
        "influxdb",
        "keydb",
        "mariadb",
        "memcached",
        "mongo",
        "mongodb",
        "mysql",
        "mysql-server",
        "neo4j",
        "postgis",
        "postgres",
        "postgresql",
        "redis",
        "timescaledb",
        "valkey",
    }
)
"""The last word of an image's name, without its tag."""
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_UUID_LENGTH = 24


@dataclass(frozen=True)
class Part:
    """One entry of `services`."""

    uuid: str
    name: str
    kind: PartKind
    image: str | None
    status: str
    human_name: str | None
    description: str | None


async def parts_of(service: Service) -> list[Part]:
    """Return the parts in the order of the text, each as its containers were seen last."""
    # Half a second for a large file: too long for the event loop.
    try:
        document = await asyncio.to_thread(read_compose, service.docker_compose_raw)
    except ComposeInvalid:  # of before a rule that is stricter now; its next deployment says so
        return []
    return [_part(service, one) for one in document.services]


def uuid_of(service_uuid: str, name: str) -> str:
    """Return the uuid of a part: the same as long as its name is, so that nothing has to be kept."""
    number = int.from_bytes(hashlib.sha256(f"{service_uuid}/{name}".encode()).digest())
    digits = ""
    while len(digits) < _UUID_LENGTH:
        number, digit = divmod(number, len(_DIGITS))
        digits += _DIGITS[digit]
    return digits


def _part(service: Service, one: ComposeService) -> Part:
    notes = service.part_notes.get(one.name, {})
    return Part(
        uuid=uuid_of(service.uuid, one.name),
        name=one.name,
        kind=kind_of(one.image),
        image=one.image,
        status=_status(service, one.name),
        human_name=notes.get("human_name"),
        description=notes.get("description"),
    )


def kind_of(image: str | None) -> PartKind:
    """Return what an image is, going by its name."""
    name = (image or "").partition("@")[0].rpartition("/")[2].partition(":")[0]
    return "database" if name in _DATABASES else "application"


def _status(service: Service, name: str) -> str:
    containers = [one for one in service.containers if one["service"] == name]
    if not containers:
        return "exited" if service.status.startswith("exited") else "unknown"
    return min((_status_of(one) for one in containers), key=lambda status: status.startswith("running"))


def _status_of(container: dict[str, Any]) -> str:
    state, health = container["state"], container["health"]
    return f"{state}:{health}" if state == "running" and health else str(state)
