"""Every type has everything that makes a type: what one lacks is named."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect

from app.compose.plan import PlanError
from app.databases.planning import plan_database_start
from app.databases.registry import DEFINITIONS
from app.databases.render import mounted_files, optional_file_names, render_database
from app.databases.schemas import SCHEMAS, DatabaseUpdate
from app.models.standalone import STANDALONE_MODELS
from tests.golden.test_databases import FOLDER as GOLDEN
from tests.golden.test_databases import cases_of
from tests.snapshots import DATABASES, FACTS, UUID, database_snapshot, variable

MIGRATIONS = Path(__file__).parents[3] / "migrations/versions"
TYPES = sorted(STANDALONE_MODELS)


def columns_of(name: str, **columns: Any) -> dict[str, Any]:
    return {**DATABASES[name], **columns}


@pytest.mark.parametrize("name", TYPES)
def test_a_type_is_complete(name: str) -> None:
    assert name in DEFINITIONS, "it has no definition in app/databases/catalog"
    definition = DEFINITIONS[name]
    table = inspect(definition.model).local_table.name
    texts = [path.read_text() for path in MIGRATIONS.glob("*.py")]
    assert any(f'"{table}"' in text for text in texts), f"no migration makes the table {table}"
    assert definition.secret_columns, "no column of its model is a secret"
    assert name in SCHEMAS, "it has no schemas in app/databases/schemas"
    assert issubclass(DatabaseUpdate, SCHEMAS[name].update), "PATCH does not take its fields"
    columns = set(inspect(definition.model).columns.keys())
    for schema in (SCHEMAS[name].create, SCHEMAS[name].update, SCHEMAS[name].answer):
        assert {*definition.secret_columns} <= schema.model_fields.keys(), f"{schema.__name__} lacks a secret"
    assert definition.fixed <= SCHEMAS[name].update.model_fields.keys() & columns
    assert name in DATABASES, "tests/snapshots.py has no columns of it"
    assert DATABASES[name].keys() <= columns
    missing = [case for case in cases_of(definition) if not (GOLDEN / f"{case}.txt").is_file()]
    assert not missing, "golden files are missing"


@pytest.mark.parametrize("name", DEFINITIONS)
def test_optional_features_have_their_columns(name: str) -> None:
    definition = DEFINITIONS[name]
    columns = set(inspect(definition.model).columns.keys())
    assert (definition.tls is not None) is ("enable_ssl" in columns)
    assert bool(definition.tls and definition.tls.modes) is ("ssl_mode" in columns)
    assert (definition.init_directory is not None) is ("init_scripts" in columns)
    assert (definition.config_path is not None) is any(column.endswith("_conf") for column in columns)
    if definition.tls and definition.tls.modes:
        assert inspect(definition.model).columns["ssl_mode"].default.arg == definition.tls.default_mode
        schema = SCHEMAS[name].create.model_json_schema()["properties"]["ssl_mode"]
        assert schema["anyOf"][0]["enum"] == list(definition.tls.modes)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_secrets_are_in_files_alone_and_all_redacted(name: str) -> None:
    definition = DEFINITIONS[name]
    secrets = {column: f"Secret{number}OfThisType" for number, column in enumerate(definition.secret_columns)}
    changed: dict[str, Any] = {**secrets, "enable_ssl": True} if definition.tls else dict(secrets)
    columns = columns_of(name, **changed)
    compose = json.dumps(render_database(definition, columns, uuid=UUID, network="shiplog", labels={}, has_env=False))
    files = "".join(file.content.reveal() for file in mounted_files(definition, columns))
    plan = plan_database_start(database_snapshot(secrets, type=name), FACTS)
    for secret in secrets.values():
        assert secret not in compose
        assert secret in files
        assert secret in plan.secrets
        assert secret not in "".join(step.shown + step.script for step in plan.steps)
    assert definition.internal_url({**columns, "enable_ssl": False}, UUID) in plan.secrets


@pytest.mark.parametrize("name", DEFINITIONS)
def test_files_are_not_in_the_data_and_each_has_a_name_of_its_own(name: str) -> None:
    definition = DEFINITIONS[name]
    columns = columns_of(name, enable_ssl=True, init_scripts=[])
    files = mounted_files(definition, columns)
    assert len({file.name for file in files}) == len({file.target for file in files}) == len(files)
    targets = [file.target for file in files] + ([definition.tls.directory] if definition.tls else [])
    for path in definition.volumes(definition.default_image).values():
        # Images give everything below their data to their own user; what is read-only would stop them.
        assert not [target for target in targets if target.startswith(f"{path}/")]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_what_a_database_may_lack_is_removed_when_it_does(name: str) -> None:
    definition = DEFINITIONS[name]
    changed: dict[str, Any] = {column: "a 1" for column in DATABASES[name] if column.endswith("_conf")}
    most = columns_of(name, **changed, enable_ssl=True)
    extra = {file.name for file in definition.files(most)} - {file.name for file in definition.files(DATABASES[name])}
    assert extra <= set(optional_file_names(definition))


@pytest.mark.parametrize("name", DEFINITIONS)
@settings(deadline=None)
@given(
    password=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1),
)
def test_any_password_comes_back_from_the_url(name: str, password: str) -> None:
    definition = DEFINITIONS[name]
    columns = columns_of(name, **dict.fromkeys(definition.secret_columns, password))
    for url in (definition.internal_url(columns, "u1"), definition.external_url(columns, "fd00::1", 15432)):
        assert unquote(urlsplit(url).password or "") == password
    parts = urlsplit(definition.external_url(columns, "fd00::1", 15432))
    assert (parts.hostname, parts.port) == ("fd00::1", 15432)


@pytest.mark.parametrize(
    ("name", "columns", "url"),
    [
        ("standalone-postgresql", {}, "postgres://keeper:{}@u1:5432/shop?sslmode=require"),
        ("standalone-postgresql", {"ssl_mode": "verify-full"}, "postgres://keeper:{}@u1:5432/shop?sslmode=verify-full"),
        ("standalone-redis", {}, "rediss://default:{}@u1:6379/0"),
        ("standalone-mongodb", {}, "mongodb://root:{}@u1:27017/?directConnection=true&tls=true&tlsCAFile=/etc/mongo/certs/ca.pem"),
        ("standalone-mysql", {"ssl_mode": None}, "mysql://keeper:{}@u1:3306/shop?ssl-mode=REQUIRED"),
        ("standalone-mysql", {"ssl_mode": "VERIFY_CA"}, "mysql://keeper:{}@u1:3306/shop?ssl-mode=VERIFY_CA"),
        ("standalone-mariadb", {}, "mysql://keeper:{}@u1:3306/shop?ssl-mode=REQUIRED"),
        ("standalone-keydb", {}, "rediss://:{}@u1:6379/0"),
        ("standalone-dragonfly", {}, "rediss://:{}@u1:6379/0"),
        ("standalone-valkey", {}, "rediss://default:{}@u1:6379/0"),
    ],
    ids=str,
)  # fmt: skip
def test_urls_say_how_strict_tls_is(name: str, columns: dict[str, Any], url: str) -> None:
    definition = DEFINITIONS[name]
    values = columns_of(name, **columns, **dict.fromkeys(definition.secret_columns, "pw"), enable_ssl=True)
    assert definition.internal_url(values, "u1") == url.format("pw")


@pytest.mark.parametrize(("image", "user"), [("redis:5-alpine", ""), ("redis:6.0", "default"), ("redis", "default")])
def test_an_old_redis_knows_no_users(image: str, user: str) -> None:
    url = DEFINITIONS["standalone-redis"].internal_url(columns_of("standalone-redis", image=image), "u1")
    assert url.startswith(f"redis://{user}:")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("standalone-mysql", "MYSQL_ROOT_PASSWORD"),
        ("standalone-mariadb", "MARIADB_PASSWORD_FILE"),
        ("standalone-mongodb", "MONGO_INITDB_ROOT_PASSWORD"),
        ("standalone-clickhouse", "CLICKHOUSE_PASSWORD"),
    ],
)
def test_a_variable_that_contradicts_the_columns_is_refused(name: str, key: str) -> None:
    with pytest.raises(PlanError, match=f"The environment variable {key} is set by the database's own settings"):
        plan_database_start(database_snapshot(type=name, env=[variable(key, "x")]), FACTS)


def test_the_users_configuration_of_redis_cannot_undo_ours() -> None:
    columns = columns_of("standalone-redis", redis_conf="requirepass other\nport 7000\nappendonly no\n")
    lines = DEFINITIONS["standalone-redis"].files(columns)[1].content.reveal().splitlines()
    last = {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}
    assert (last["requirepass"], last["port"], last["appendonly"]) == ('"p@ss/w:rd?#%"', "6379", "no")


def test_clickhouse_makes_a_database_only_when_it_is_not_there_anyway() -> None:
    environment = DEFINITIONS["standalone-clickhouse"].environment
    assert "CLICKHOUSE_DB" not in environment(columns_of("standalone-clickhouse", clickhouse_db="default"))
    assert environment(columns_of("standalone-clickhouse"))["CLICKHOUSE_DB"] == "shop"


@pytest.mark.parametrize(
    ("mode", "method", "image", "line"),
    [
        ("require", None, "postgres:16", "hostssl all all all scram-sha-256"),
        ("verify-full", None, "postgres:13-alpine", "hostssl all all all md5"),
        ("require", "md5", "postgres:latest", "hostssl all all all md5"),
        ("prefer", None, "postgres:16", None),
    ],
)
def test_postgresql_lets_nobody_in_without_tls_when_it_is_required(
    mode: str, method: str | None, image: str, line: str | None
) -> None:
    columns = columns_of(
        "standalone-postgresql", enable_ssl=True, ssl_mode=mode, image=image, postgres_host_auth_method=method
    )
    definition = DEFINITIONS["standalone-postgresql"]
    access = [file.content.reveal() for file in definition.files(columns) if file.name == "pg_hba.conf"]
    assert [text.splitlines()[-1] for text in access] == ([line] if line else [])
    assert ("hba_file=/etc/postgresql/pg_hba.conf" in definition.command(columns)) is bool(line)
