"""Snapshots and databases' columns as deployments have them, for tests of what is planned from them."""

from typing import Any

from app.compose.plan import ServerFacts
from app.compose_services.snapshot import ServiceSnapshot
from app.databases.snapshot import DatabaseSnapshot

FACTS = ServerFacts(data_folder="/data/shiplog")
UUID = "f3k9q2x7w1"
COMPOSE = "services:\n  web:\n    image: registry.example/web:1\n"

COMMON: dict[str, Any] = {
    "name": "store",
    "image": "postgres:16-alpine",
    "is_public": False,
    "public_port": None,
    "public_port_timeout": 3600,
    "ports_mappings": None,
    "limits_memory": "0",
    "limits_memory_swap": "0",
    "limits_memory_swappiness": 60,
    "limits_memory_reservation": "0",
    "limits_cpus": "0",
    "limits_cpuset": None,
    "limits_cpu_shares": 1024,
    "custom_docker_run_options": None,
    "health_check_enabled": True,
    "health_check_interval": 5,
    "health_check_timeout": 5,
    "health_check_retries": 10,
    "health_check_start_period": 30,
}
POSTGRESQL: dict[str, Any] = {
    **COMMON,
    "postgres_user": "keeper",
    "postgres_password": "p@ss/w$rd'é",
    "postgres_db": "shop",
    "postgres_initdb_args": None,
    "postgres_host_auth_method": None,
    "postgres_conf": None,
    "init_scripts": None,
    "enable_ssl": False,
    "ssl_mode": "require",
}
SPECIAL = "p@ss/w:rd?#%"
DATABASES: dict[str, dict[str, Any]] = {
    "standalone-postgresql": POSTGRESQL,
    "standalone-redis": {
        **COMMON,
        "image": "redis:7.2",
        "redis_username": "default",
        "redis_password": SPECIAL,
        "redis_conf": None,
        "enable_ssl": False,
    },
    "standalone-mongodb": {
        **COMMON,
        "image": "mongo:7",
        "mongo_initdb_root_username": "root",
        "mongo_initdb_root_password": SPECIAL,
        "mongo_initdb_database": "shop",
        "mongo_conf": None,
        "init_scripts": None,
        "enable_ssl": False,
        "ssl_mode": "require",
    },
    "standalone-mysql": {
        **COMMON,
        "image": "mysql:8",
        "mysql_root_password": "root-" + SPECIAL,
        "mysql_user": "keeper",
        "mysql_password": SPECIAL,
        "mysql_database": "shop",
        "mysql_conf": None,
        "init_scripts": None,
        "enable_ssl": False,
        "ssl_mode": "REQUIRED",
    },
    "standalone-mariadb": {
        **COMMON,
        "image": "mariadb:11",
        "mariadb_root_password": "root-" + SPECIAL,
        "mariadb_user": "keeper",
        "mariadb_password": SPECIAL,
        "mariadb_database": "shop",
        "mariadb_conf": None,
        "init_scripts": None,
        "enable_ssl": False,
    },
    "standalone-keydb": {
        **COMMON,
        "image": "eqalpha/keydb:latest",
        "keydb_password": SPECIAL,
        "keydb_conf": None,
        "enable_ssl": False,
    },
    "standalone-dragonfly": {
        **COMMON,
        "image": "docker.dragonflydb.io/dragonflydb/dragonfly",
        "dragonfly_password": SPECIAL,
        "enable_ssl": False,
    },
    "standalone-clickhouse": {
        **COMMON,
        "image": "clickhouse/clickhouse-server:25.11",
        "clickhouse_admin_user": "keeper",
        "clickhouse_admin_password": SPECIAL,
        "clickhouse_db": "shop",
        "init_scripts": None,
    },
    "standalone-valkey": {
        **COMMON,
        "image": "valkey/valkey:9-alpine",
        "valkey_username": "default",
        "valkey_password": SPECIAL,
        "valkey_conf": None,
        "enable_ssl": False,
    },
}
"""Columns of a database of each type."""

TLS: dict[str, str] = {
    "authority": "-----BEGIN CERTIFICATE-----\nYXV0aG9yaXR5\n-----END CERTIFICATE-----\n",
    "certificate": "-----BEGIN CERTIFICATE-----\nY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n",
    "private_key": "-----BEGIN PRIVATE KEY-----\nZmlyc3Qga2V5IGxpbmU=\nc2Vjb25kIGtleSBsaW5l\n-----END PRIVATE KEY-----\n",
    "note": "The certificate of It's a $HOME for tests is renewed, valid until 2027-12-26.",
}
"""A certificate as a snapshot holds it; planning does not look into it."""


def service_snapshot(**fields: Any) -> ServiceSnapshot:
    """Return the snapshot of a service."""
    return ServiceSnapshot.model_validate({**_common("service"), "compose": COMPOSE, **fields})


def database_snapshot(
    columns: dict[str, Any] | None = None, *, type: str = "standalone-postgresql", **fields: Any
) -> DatabaseSnapshot:
    """Return the snapshot of a database with some columns changed."""
    return DatabaseSnapshot.model_validate(
        {**_common("database"), "type": type, "columns": {**DATABASES.get(type, {}), **(columns or {})}, **fields}
    )


def variable(key: str, value: str, **flags: bool) -> dict[str, Any]:
    """Return a variable as a snapshot holds it."""
    return {"key": key, "value": value, "is_literal": False, "is_multiline": False, "is_shown_once": False, **flags}


def registry(
    host: str = "registry.example:5000", username: str = "puller", password: str = "pull-me"
) -> dict[str, str]:
    """Return a registry's credentials as a snapshot holds them."""
    return {"registry": host, "username": username, "password": password}


def _common(kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "uuid": UUID,
        "name": "It's a $HOME for tests",
        "project": "project",
        "environment": "production",
        "env": [],
        "network": "shiplog",
        "registries": [],
        "secrets": [],
        "nonce": "abcdefghijklmnopqrstuvwx",
        "deadline_seconds": 600,
    }
