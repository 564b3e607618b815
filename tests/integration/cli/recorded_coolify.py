"""A Coolify that answers what one with this content answers, in the shapes of its API; anything else is its 404."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

TOKEN = "3|coolify"

COMPOSE = "services:\n  web:\n    image: registry.example/web:1\n    environment: [GREETING]\n"


def answers(private_key: str | None) -> dict[str, Any]:
    """Return its answers by path; without a private key, as to a token without `read:sensitive`."""
    keys = [
        {"id": 0, "uuid": "key-old", "name": "main", "is_git_related": False, "private_key": private_key},
        {"id": 1, "uuid": "key-git", "name": "github", "is_git_related": True, "private_key": private_key},
    ]
    servers = [
        _server("srv-1", "web1", "192.0.2.10", private_key_id=0),
        _server("srv-0", "localhost", "host.docker.internal", private_key_id=0),
    ]
    environment = {
        "id": 4,
        "uuid": "env-1",
        "name": "staging area",
        "applications": [],
        "postgresqls": [{"uuid": "pg-1", "name": "orders"}],
        "redis": [{"uuid": "rd-1", "name": "cache"}],
        "services": [{"uuid": "svc-1", "name": "shop"}, {"uuid": "svc-0", "name": "local"}],
    }
    services = [_service("svc-1", "shop"), _service("svc-0", "local")]
    databases = [
        {
            "uuid": "pg-1",
            "name": "orders",
            "database_type": "standalone-postgresql",
            "image": "postgres:16-alpine",
            "is_public": True,
            "public_port": 5433,
            "limits_memory": "512m",
            "limits_cpuset": None,
            "postgres_user": "ada",
            "postgres_password": "old-password",
            "postgres_db": "orders",
            "postgres_conf": "max_connections = 50\n",
            "init_scripts": [{"index": 0, "filename": "1.sql", "content": "SELECT 1;"}],
            "backup_configs": [],
            "project_uuid": "of-coolify",
        },
        {"uuid": "rd-1", "name": "cache", "database_type": "standalone-redis", "image": "redis:7.2"},
    ]
    return {
        "/security/keys": keys,
        "/servers": [{"uuid": server["uuid"], "name": server["name"]} for server in servers],
        **{f"/servers/{server['uuid']}": server for server in servers},
        "/servers/srv-1/resources": [{"uuid": "svc-1"}, {"uuid": "pg-1"}, {"uuid": "rd-1"}],
        "/servers/srv-0/resources": [{"uuid": "svc-0"}],
        "/projects": [{"id": 1, "uuid": "prj-1", "name": "yard", "description": None}],
        "/projects/prj-1": {
            "id": 1,
            "uuid": "prj-1",
            "name": "yard",
            "environments": [{"id": 4, "uuid": "env-1", "name": "staging area"}],
        },
        "/projects/prj-1/staging area": environment,
        "/services": [{"uuid": service["uuid"], "name": service["name"]} for service in services],
        **{f"/services/{service['uuid']}": service for service in services},
        "/databases": databases,
        "/applications": [{"uuid": "app-1", "name": "site"}],
        "/team/envs": [_variable("REGION", "eu")],
        "/projects/prj-1/envs": [_variable("STAGE", "blue")],
        "/services/svc-1/envs": [
            _variable("GREETING", "a$b", is_literal=True),
            _variable("HIDDEN", None, is_shown_once=True),
            {**_variable("PREVIEW", "no"), "is_preview": True},
        ],
        "/services/svc-0/envs": [],
        "/databases/pg-1/envs": [],
        "/databases/rd-1/envs": [_variable("REDIS_PASSWORD", "redis-password"), _variable("REDIS_USERNAME", "default")],
    }


def transport(content: Mapping[str, Any]) -> httpx.MockTransport:
    """Return what an `Api` reaches it by."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["Authorization"] != f"Bearer {TOKEN}":
            return httpx.Response(401, json={"message": "Unauthenticated."})
        assert request.method == "GET", "an import changes nothing there"
        path = request.url.path.removeprefix("/api/v1")
        if path not in content:
            return httpx.Response(404, json={"message": "Not found.", "docs": "https://coolify.io/docs"})
        return httpx.Response(200, text=json.dumps(content[path]), headers={"Content-Type": "application/json"})

    return httpx.MockTransport(answer)


def _server(uuid: str, name: str, ip: str, **more: Any) -> dict[str, Any]:
    return {"uuid": uuid, "name": name, "description": None, "ip": ip, "port": 22, "user": "root", **more}


def _service(uuid: str, name: str) -> dict[str, Any]:
    return {"uuid": uuid, "name": name, "description": "sells", "docker_compose_raw": COMPOSE}


def _variable(key: str, value: str | None, **flags: bool) -> dict[str, Any]:
    flags = {"is_literal": False, "is_multiline": False, "is_shown_once": False, "is_preview": False, **flags}
    return {"uuid": f"var-{key}", "key": key, "value": value, "real_value": value, "comment": None, **flags}
