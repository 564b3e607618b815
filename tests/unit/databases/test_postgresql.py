"""PostgreSQL's definition: paths, URLs, variables, files and the check that logs in."""

from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.databases.catalog.postgresql import POSTGRESQL
from app.models.standalone import StandalonePostgresql
from tests.snapshots import POSTGRESQL as COLUMNS


def file(name: str, **columns: Any) -> str | None:
    contents = {one.name: one.content.reveal() for one in POSTGRESQL.files({**COLUMNS, **columns})}
    return contents.get(name)


def test_what_it_is() -> None:
    assert (POSTGRESQL.type, POSTGRESQL.slug, POSTGRESQL.port) == ("standalone-postgresql", "postgresql", 5432)
    assert POSTGRESQL.model is StandalonePostgresql
    assert POSTGRESQL.secret_columns == ("postgres_password",)


@pytest.mark.parametrize(
    ("image", "is_new"),
    [
        ("postgres:16-alpine", False),
        ("postgres:17.6", False),
        ("postgres:18", True),
        ("postgres:18-alpine3.22", True),
        ("postgres:19beta1", True),
        ("127.0.0.1:5000/postgres", False),
        ("127.0.0.1:5000/postgres:18.1", True),
        ("postgres:18@sha256:16aa", True),
        ("postgres@sha256:18aa", False),
        ("postgres:latest", False),
        ("postgres:alpine3.22", False),
        ("pgvector/pgvector:pg17", False),
        ("pgvector/pgvector:0.8.1-pg18", True),
        ("timescale/timescaledb:2.23.0-pg18", True),
        ("example/postgres:20250101", False),
    ],
)
def test_the_data_path_of_an_image(image: str, is_new: bool) -> None:
    path = "/var/lib/postgresql" if is_new else "/var/lib/postgresql/data"
    assert POSTGRESQL.volumes(image) == {"postgres-data": path}


def test_urls() -> None:
    columns = {"postgres_user": "it's me", "postgres_password": "p@ss/w:rd?#%", "postgres_db": "my db"}
    secret = "it%27s%20me:p%40ss%2Fw%3Ard%3F%23%25"
    assert POSTGRESQL.internal_url(columns, "u1") == f"postgres://{secret}@u1:5432/my%20db"
    assert POSTGRESQL.external_url(columns, "db.example", 15432) == f"postgres://{secret}@db.example:15432/my%20db"
    assert POSTGRESQL.external_url(columns, "fd00::1", 1) == f"postgres://{secret}@[fd00::1]:1/my%20db"


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_user_and_password_come_back_from_the_url(user: str, password: str) -> None:
    columns = {"postgres_user": user, "postgres_password": password, "postgres_db": "d"}
    url = urlsplit(POSTGRESQL.internal_url(columns, "u1"))
    assert (unquote(url.username or ""), unquote(url.password or "")) == (user, password)
    assert (url.hostname, url.port, url.path) == ("u1", 5432, "/d")


def test_variables() -> None:
    assert POSTGRESQL.environment(COLUMNS) == {
        "POSTGRES_USER": "keeper",
        "POSTGRES_DB": "shop",
        "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres-password",
        "PGUSER": "keeper",
    }
    more = {"postgres_initdb_args": "--data-checksums", "postgres_host_auth_method": "md5"}
    environment = POSTGRESQL.environment({**COLUMNS, **more})
    assert environment["POSTGRES_INITDB_ARGS"] == "--data-checksums"
    assert environment["POSTGRES_HOST_AUTH_METHOD"] == "md5"


def test_the_password_is_in_a_file_alone() -> None:
    password = COLUMNS["postgres_password"]
    assert file("postgres-password") == password
    seen = f"{POSTGRESQL.environment(COLUMNS)}{POSTGRESQL.command(COLUMNS)}{POSTGRESQL.healthcheck(COLUMNS, 'u1')}"
    assert password not in seen


@pytest.mark.parametrize(
    ("config", "written"),
    [
        ("max_connections = 50", "max_connections = 50\nlisten_addresses = '*'\n"),
        ("# listen_addresses = 'a'\n", "# listen_addresses = 'a'\nlisten_addresses = '*'\n"),
        ("a = 1\n  Listen_Addresses='localhost'\n", "a = 1\n  Listen_Addresses='localhost'\n"),
    ],
)
def test_a_configuration_listens_unless_it_says_where(config: str, written: str) -> None:
    assert file("postgresql.conf", postgres_conf=config) == written


def test_the_configuration_is_used_when_there_is_one() -> None:
    assert POSTGRESQL.command({**COLUMNS, "postgres_conf": "a = 1"}) == (
        "postgres",
        "-c",
        "config_file=/etc/postgresql/postgresql.conf",
    )
    assert POSTGRESQL.command(COLUMNS) == ()
    assert file("postgresql.conf") is None


def test_the_check_logs_in_through_the_network_with_the_password() -> None:
    kind, command = POSTGRESQL.healthcheck(COLUMNS, "u1")
    assert kind == "CMD-SHELL"
    assert command.startswith('PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") psql ')
    assert " -h u1 -p 5432 " in command
