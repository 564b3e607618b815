"""Snapshots and databases' columns as deployments have them, for tests of what is planned from them."""

from typing import Any

from app.compose.plan import ServerFacts
from app.compose_services.snapshot import ServiceSnapshot
from app.databases.snapshot import DatabaseSnapshot

FACTS = ServerFacts(data_folder="/data/shiplog")
UUID = "f3k9q2x7w1"
COMPOSE = "services:\n  web:\n    image: registry.example/web:1\n"

POSTGRESQL: dict[str, Any] = {
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


def database_snapshot(columns: dict[str, Any] | None = None, **fields: Any) -> DatabaseSnapshot:
    """Return the snapshot of a PostgreSQL database with some columns changed."""
    return DatabaseSnapshot.model_validate(
        {**_common("database"), "type": "standalone-postgresql", "columns": {**POSTGRESQL, **(columns or {})}, **fields}
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
