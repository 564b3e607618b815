"""Each database type over the API: what it is made with, what it answers, what it refuses."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from app.databases.definition import DatabaseDefinition
from app.databases.registry import DEFINITIONS
from app.models import DatabaseDeploymentQueue
from tests.desk import Desk, error_of, in_base64

OTHERS = [definition for definition in DEFINITIONS.values() if definition.slug != "postgresql"]
DEFAULTS: dict[str, dict[str, Any]] = {
    "redis": {"redis_username": "default", "redis_conf": None, "enable_ssl": False},
    "mongodb": {
        "mongo_initdb_root_username": "root",
        "mongo_initdb_database": "default",
        "mongo_conf": None,
        "init_scripts": None,
        "enable_ssl": False,
        "ssl_mode": "require",
    },
    "mysql": {
        "mysql_user": "mysql",
        "mysql_database": "default",
        "mysql_conf": None,
        "init_scripts": None,
        "enable_ssl": False,
        "ssl_mode": "REQUIRED",
    },
    "mariadb": {
        "mariadb_user": "mariadb",
        "mariadb_database": "default",
        "mariadb_conf": None,
        "init_scripts": None,
        "enable_ssl": False,
    },
    "keydb": {"keydb_conf": None, "enable_ssl": False},
    "dragonfly": {"enable_ssl": False},
    "clickhouse": {"clickhouse_admin_user": "default", "clickhouse_db": "default", "init_scripts": None},
    "valkey": {"valkey_username": "default", "valkey_conf": None, "enable_ssl": False},
}
SCRIPTS = [{"filename": "01.js", "content": "// $HOME\n"}]
CHOSEN: dict[str, dict[str, Any]] = {
    "redis": {"redis_password": "pw", "redis_conf": "maxmemory 5mb\n"},
    "mongodb": {"mongo_initdb_root_username": "me", "mongo_conf": "net: {}\n", "ssl_mode": "verify-full"},
    "mysql": {"mysql_user": "me", "mysql_conf": "[mysqld]\n", "init_scripts": SCRIPTS, "ssl_mode": "PREFERRED"},
    "mariadb": {"mariadb_root_password": "r", "mariadb_conf": "[mariadbd]\n", "init_scripts": SCRIPTS},
    "keydb": {"keydb_password": "pw", "keydb_conf": "save 60 1\n"},
    "dragonfly": {"dragonfly_password": "pw", "custom_docker_run_options": "--shm-size 64m"},
    "clickhouse": {"clickhouse_admin_user": "me", "clickhouse_db": "shop", "init_scripts": SCRIPTS},
    "valkey": {"valkey_password": "pw", "ports_mappings": "16379:6379"},
}
FOREIGN: dict[str, dict[str, Any]] = {
    "redis": {"keydb_password": "pw"},
    "mongodb": {"postgres_conf": in_base64("a = 1")},
    "mysql": {"mariadb_user": "me"},
    "mariadb": {"ssl_mode": "REQUIRED"},
    "keydb": {"init_scripts": []},
    "dragonfly": {"redis_conf": in_base64("a")},
    "clickhouse": {"enable_ssl": False},
    "valkey": {"valkey_username": "me"},
}


@pytest.mark.parametrize("definition", OTHERS, ids=lambda definition: definition.slug)
async def test_a_type_from_its_defaults_to_what_it_refuses(desk: Desk, definition: DatabaseDefinition) -> None:
    slug = definition.slug
    uuid = await _created_with_defaults(desk, definition)
    await _takes_what_is_chosen(desk, uuid, slug)
    await _refuses_what_another_type_has(desk, uuid, slug)
    await _fixes_what_its_image_reads_once(desk, uuid, definition)


async def _created_with_defaults(desk: Desk, definition: DatabaseDefinition) -> str:
    answer = await desk.ask("POST", f"/databases/{definition.slug}", json=desk.of_resource(), by="write")
    assert answer.status_code == 201, answer.text
    uuid: str = answer.json()["uuid"]
    read = (await desk.ask("GET", f"/databases/{uuid}", by="sensitive")).json()
    assert read["internal_db_url"] == answer.json()["internal_db_url"]
    secrets = {column: read[column] for column in definition.secret_columns}
    assert all(re.fullmatch(r"[A-Za-z0-9]{64}", secret) for secret in secrets.values())
    assert len({*secrets.values()}) == len(secrets)
    assert any(secret in read["internal_db_url"] for secret in secrets.values())
    wanted = {
        "database_type": definition.type,
        "name": f"{definition.slug}-database-{uuid}",
        "image": definition.default_image,
        **DEFAULTS[definition.slug],
    }
    assert {name: read[name] for name in wanted} == wanted
    plain = (await desk.ask("GET", f"/databases/{uuid}", by="read")).json()
    hidden = {name for name in wanted if name.endswith("_conf") or name == "init_scripts"}
    assert read.keys() - plain.keys() == {*secrets, *hidden, "internal_db_url"}
    return uuid


async def _takes_what_is_chosen(desk: Desk, uuid: str, slug: str) -> None:
    chosen = CHOSEN[slug]
    body = {name: in_base64(value) if name.endswith("_conf") else value for name, value in chosen.items()}
    answer = await desk.ask("PATCH", f"/databases/{uuid}", json=body, by="write")
    assert answer.status_code == 200, answer.text
    read = (await desk.ask("GET", f"/databases/{uuid}", by="sensitive")).json()
    assert {name: read[name] for name in chosen} == chosen


async def _refuses_what_another_type_has(desk: Desk, uuid: str, slug: str) -> None:
    fields = FOREIGN[slug]
    for answer in (
        await desk.ask("POST", f"/databases/{slug}", json=desk.of_resource(**fields), by="write"),
        await desk.ask("PATCH", f"/databases/{uuid}", json=fields, by="write"),
    ):
        errors = {key: ["This field is not allowed."] for key in fields}
        assert (answer.status_code, error_of(answer)["errors"]) == (422, errors)


async def _fixes_what_its_image_reads_once(desk: Desk, uuid: str, definition: DatabaseDefinition) -> None:
    started = await desk.ask("POST", f"/databases/{uuid}/start", by="deploy")
    assert started.status_code == 200, started.text
    names = {*definition.secret_columns, *definition.fixed}
    for name in sorted(names):
        answer = await desk.ask("PATCH", f"/databases/{uuid}", json={name: "another"}, by="write")
        if name in definition.fixed:
            (text,) = error_of(answer)["errors"][name]
            assert text.startswith(f"{definition.title} reads this only when it initialises an empty data folder")
        else:
            assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("slug", ["mysql", "mariadb"])
async def test_the_user_of_mysql_is_not_root(desk: Desk, slug: str) -> None:
    body = desk.of_resource(**{f"{slug}_user": "root"})
    answer = await desk.ask("POST", f"/databases/{slug}", json=body, by="write")
    text = "The user may not be root: that one is there anyway, with a password of its own."
    assert (answer.status_code, error_of(answer)["errors"]) == (422, {f"{slug}_user": [text]})


async def test_both_urls_of_a_public_database_are_redacted(desk: Desk) -> None:
    body = desk.of_resource(is_public=True, public_port=16379, instant_deploy=True)
    created = (await desk.ask("POST", "/databases/redis", json=body, by="write")).json()
    async with desk.sessions() as session:
        queue = DatabaseDeploymentQueue
        statement = select(queue.configuration_snapshot).where(queue.resource_uuid == created["uuid"])
        snapshot = (await session.execute(statement)).scalar_one()
    assert snapshot is not None
    assert {created["internal_db_url"], created["external_db_url"]} <= set(snapshot["secrets"])
