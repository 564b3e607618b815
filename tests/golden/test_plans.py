"""Plans as text, one file a case: a missing or different file fails, SHIPLOG_UPDATE_GOLDEN=1 writes what is planned."""

import os
from pathlib import Path
from typing import Any

import pytest

from app.compose.plan import DeploymentPlan
from app.compose_services.planning import plan_service_start
from app.databases.planning import plan_database_start
from tests.snapshots import FACTS, TLS, database_snapshot, registry, service_snapshot, variable

FOLDER = Path(__file__).parent / "plans"
LONG = {"verify.sh"}

NETWORKS = """\
name: mine
services:
  web:
    image: registry.example/web:1
    networks: [front]
    depends_on:
      migrate:
        condition: service_completed_successfully
  migrate:
    profiles: [migrate]
    build:
      dockerfile_inline: FROM registry.example/migrate:1
    volumes: [./kept:/kept]
  agent:
    image: registry.example/agent:1
    network_mode: none
networks:
  front:
"""

SERVICES: dict[str, dict[str, Any]] = {
    "service": {},
    "service-with-everything": {
        "compose": NETWORKS,
        "connect_to_network": True,
        "pull_latest_images": True,
        "stop_before_start": True,
        "registries": [registry(), registry("docker.io", "someone", "hub-password")],
        "env": [
            variable("A_URL", "http://$HOST/"),
            variable("HOST", "web"),
            variable("PASSWORD", "it's $5 \\ more", is_literal=True, is_shown_once=True),
            variable("TEXT", "one\ntwo", is_multiline=True),
        ],
        "secrets": ["it's $5 \\ more", "pull-me"],
    },
}
DATABASES: dict[str, dict[str, Any]] = {
    "postgresql": {},
    "postgresql-18": {"columns": {"image": "postgres:18"}},
    "postgresql-without-health-check": {"columns": {"health_check_enabled": False}},
    "postgresql-with-everything": {
        "columns": {
            "is_public": True,
            "public_port": 15432,
            "ports_mappings": "127.0.0.1:25432:5432, 9187:9187",
            "limits_memory": "512m",
            "limits_memory_swap": "1g",
            "limits_memory_swappiness": 0,
            "limits_memory_reservation": "256m",
            "limits_cpus": "1.5",
            "limits_cpuset": "0-1",
            "limits_cpu_shares": 512,
            "custom_docker_run_options": "--shm-size=256m --cap-add SYS_NICE --ulimit nofile=1024:2048 --ip 172.20.0.9",
            "postgres_initdb_args": "--data-checksums",
            "postgres_host_auth_method": "scram-sha-256",
            "postgres_conf": "max_connections = 50",
            "init_scripts": [
                {"filename": "schema.sql", "content": "CREATE TABLE t ();\n"},
                {"filename": "../../etc/cron d/$(id).sh", "content": "echo hello\n"},
            ],
        },
        "env": [variable("TZ", "Europe/Berlin")],
        "registries": [registry()],
        "secrets": ["pull-me"],
    },
    "postgresql-with-tls": {"columns": {"enable_ssl": True}, "tls": TLS},
    "mongodb-with-tls": {
        "type": "standalone-mongodb",
        "columns": {
            "image": "mongo:8",
            "mongo_initdb_root_username": "keeper",
            "mongo_initdb_root_password": "secret",
            "mongo_initdb_database": "shop",
            "enable_ssl": True,
        },
        "tls": TLS,
    },
}


@pytest.mark.parametrize("case", SERVICES)
def test_service_plan(case: str) -> None:
    _compare(case, plan_service_start(service_snapshot(**SERVICES[case]), FACTS))


@pytest.mark.parametrize("case", DATABASES)
def test_database_plan(case: str) -> None:
    _compare(case, plan_database_start(database_snapshot(**DATABASES[case]), FACTS))


def test_no_golden_file_is_left_over() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted([*SERVICES, *DATABASES])


def _compare(case: str, plan: DeploymentPlan) -> None:
    path = FOLDER / f"{case}.txt"
    text = _text(plan)
    if os.environ.get("SHIPLOG_UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{path.name} is missing: SHIPLOG_UPDATE_GOLDEN=1 writes it"
    assert text == path.read_text(encoding="utf-8")


def _text(plan: DeploymentPlan) -> str:
    parts = [f"folder: {plan.folder}", f"deadline: {plan.deadline_seconds} s"]
    parts += [f"environment keys: {', '.join(plan.environment_keys)}", f"secrets: {sorted(plan.secrets)}"]
    for file in plan.files:
        place = " in the run" if file.in_run else ""
        parts.append(f"\n=== file {file.path} {file.mode:04o}{place}")
        parts.append("…" if file.path in LONG else file.content.reveal().rstrip("\n"))
    for number, step in enumerate(plan.steps, start=1):
        parts.append(f"\n=== step {number} {step.name}{' (hidden)' if step.hidden else ''}\n$ {step.shown}")
        parts.append("…" if step.name == "Check Docker" else step.script)
    return "\n".join(parts) + "\n"
