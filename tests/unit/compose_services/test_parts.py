"""What of a Compose file is a database, and how each part is."""

import pytest

from app.compose_services.parts import kind_of, parts_of, uuid_of
from app.models import Service

IMAGES = {
    "postgres:16": "database",
    "docker.io/library/mysql@sha256:0": "database",
    "registry.example:5000/bitnami/mongodb:8": "database",
    "postgres-exporter:1": "application",
    "nginx": "application",
    None: "application",
}
COMPOSE = "services: {web: {image: 'shop:1'}, db: {image: 'postgres:16'}, job: {build: {dockerfile_inline: FROM a}}}"


def _container(service: str, state: str, health: str | None = None) -> dict[str, str | None]:
    return {"service": service, "state": state, "health": health}


@pytest.mark.parametrize("image", IMAGES, ids=str)
def test_a_database_is_known_by_its_image(image: str | None) -> None:
    assert kind_of(image) == IMAGES[image]


async def test_a_part_is_as_its_worst_container_was_seen() -> None:
    containers = [
        _container("web", "running", "healthy"),
        _container("web", "restarting"),
        _container("db", "running", "healthy"),
    ]
    service = Service(
        uuid="a" * 24, docker_compose_raw=COMPOSE, containers=containers, status="running:unhealthy", part_notes={}
    )
    parts = await parts_of(service)
    assert [(part.name, part.kind, part.image, part.status) for part in parts] == [
        ("web", "application", "shop:1", "restarting"),
        ("db", "database", "postgres:16", "running:healthy"),
        ("job", "application", None, "unknown"),
    ]
    assert [part.uuid for part in parts] == [uuid_of("a" * 24, name) for name in ("web", "db", "job")]


def test_the_uuid_of_a_part_is_like_any_other_and_stays() -> None:
    assert uuid_of("a" * 24, "web") == uuid_of("a" * 24, "web")
    names = [("a" * 24, "web"), ("a" * 24, "db"), ("b" * 24, "web")]
    uuids = {uuid_of(*name) for name in names}
    assert len(uuids) == 3
    assert all(len(uuid) == 24 and uuid.isalnum() and uuid.islower() for uuid in uuids)


async def test_a_text_that_is_refused_by_now_has_no_parts() -> None:
    service = Service(uuid="a" * 24, docker_compose_raw="services: {}", containers=[], status="exited")
    assert await parts_of(service) == []
