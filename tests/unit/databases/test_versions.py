"""Which version an image is, and which changes of it would break the data."""

import pytest

from app.databases.registry import DEFINITIONS
from app.databases.versions import Version, version_of


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("mysql:8.4-oracle", (8, 4)),
        ("mysql:8", (8,)),
        ("mysql", None),
        ("mysql:lts", None),
        ("127.0.0.1:5000/mysql", None),
        ("127.0.0.1:5000/mysql:9.1.0@sha256:16aa", (9, 1)),
        ("docker.dragonflydb.io/dragonflydb/dragonfly:v1.25.1", (1, 25)),
        ("eqalpha/keydb:x86_64_v6.3.4", (6, 3)),
        ("example/db:20250101", None),
    ],
)
def test_the_version_of_an_image(image: str, version: Version | None) -> None:
    assert version_of(image) == version


@pytest.mark.parametrize(
    ("name", "before", "after", "is_in_danger"),
    [
        ("postgresql", "postgres:16", "postgres:18", True),
        ("postgresql", "postgres:18", "postgres:16", True),
        ("postgresql", "postgres:16.3", "postgres:16.1", False),
        ("postgresql", "postgres:16", "pgvector/pgvector:pg17", True),
        ("mysql", "mysql:8", "mysql:9", True),
        ("mysql", "mysql:8.4", "mysql:8.0", True),
        ("mysql", "mysql:8.0", "mysql:8.4", False),
        ("mysql", "mysql:8.4", "mysql:8", False),
        ("mariadb", "mariadb:11", "mariadb:10", True),
        ("mariadb", "mariadb:10.11", "mariadb:11", False),
        ("mongodb", "mongo:6", "mongo:8", True),
        ("mongodb", "mongo:7", "mongo:8", False),
        ("mongodb", "mongo:8", "mongo:7", True),
        ("redis", "redis:8", "redis:7.2", True),
        ("redis", "redis:7.2", "redis:8", False),
        ("clickhouse", "clickhouse/clickhouse-server:25.11", "clickhouse/clickhouse-server:25.8", True),
        ("clickhouse", "clickhouse/clickhouse-server:25.8", "clickhouse/clickhouse-server:25.11", False),
    ],
)
def test_which_changes_would_break_the_data(name: str, before: str, after: str, is_in_danger: bool) -> None:
    definition = DEFINITIONS[f"standalone-{name}"]
    versions = definition.version(before), definition.version(after)
    assert versions[0] is not None
    assert versions[1] is not None
    assert definition.cannot_read(versions[0], versions[1]) is is_in_danger
    assert definition.move.endswith(".")
