"""A user of the API: keys, servers, services and databases, and deployments followed to their end."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import asyncpg
import httpx

from tests.acceptance.traces import Traces
from tests.rig.ssh import Login

Kind = Literal["service", "database"]
Found = TypeVar("Found")
SETTLED = {"finished", "failed", "cancelled-by-user"}


@dataclass(frozen=True)
class Deployment:
    """A deployment as the API answered it last."""

    row: dict[str, Any]

    @property
    def uuid(self) -> str:
        """Its uuid."""
        return str(self.row["deployment_uuid"])

    @property
    def status(self) -> str:
        """Its status."""
        return str(self.row["status"])

    @property
    def reason(self) -> str:
        """Why it failed."""
        return str(self.row["failure_reason"])

    @property
    def entries(self) -> list[dict[str, Any]]:
        """Its log."""
        entries: list[dict[str, Any]] = json.loads(self.row["logs"] or "[]")
        return entries

    @property
    def text(self) -> str:
        """All the log's output."""
        return "\n".join(entry["output"] for entry in self.entries)

    @property
    def step_names(self) -> list[str]:
        """The names of the steps that were opened, in order, each as often as it was."""
        return [entry["name"] for entry in self.entries if entry.get("name")]


class Client:
    """Speaks HTTP alone. An unexpected status is an AssertionError with the answer."""

    def __init__(self, http: httpx.AsyncClient, database_url: str, traces: Traces) -> None:
        """`traces` gets what is made."""
        self.http = http
        self._database_url = database_url
        self._traces = traces
        self._project = ""

    async def ask(self, method: str, path: str, *, status: int | None = None, **arguments: Any) -> Any:
        """Send a request and return the decoded answer; any 2xx will do where `status` is not given."""
        answer = await self.http.request(method, path, **arguments)
        right = answer.is_success if status is None else answer.status_code == status
        assert right, f"{method} {path} answered {answer.status_code}: {answer.text}"
        return answer.json() if answer.headers["content-type"].startswith("application/json") else answer.text

    async def add_server(self, login: Login, *, private_key: str | None = None, **settings: Any) -> str:
        """Add key and server without validating it; return the server's uuid."""
        pem = private_key or login.private_key
        known = await self.ask("GET", "/security/keys")
        key_uuid = next((key["uuid"] for key in known if key.get("private_key", "").strip() == pem.strip()), None)
        if key_uuid is None:
            body = {"name": f"key of {login.user}", "private_key": pem}
            key_uuid = (await self.ask("POST", "/security/keys", json=body))["uuid"]
        where = {"ip": login.host, "port": login.port, "user": login.user}
        server = await self.ask("POST", "/servers", json={"name": login.user, "private_key_uuid": key_uuid, **where})
        if settings:
            await self.ask("PATCH", f"/servers/{server['uuid']}", json=settings)
        return str(server["uuid"])

    async def validate(self, server_uuid: str) -> dict[str, Any]:
        """Validate a server and return it as it is afterwards."""
        before = (await self.ask("GET", f"/servers/{server_uuid}"))["validated_at"]
        await self.ask("POST", f"/servers/{server_uuid}/validate")

        async def look() -> dict[str, Any] | None:
            server: dict[str, Any] = await self.ask("GET", f"/servers/{server_uuid}")
            return server if server["validated_at"] != before else None

        return await eventually(look, f"the validation of {server_uuid} ends")

    async def add_service(self, server_uuid: str, compose: str, **fields: Any) -> str:
        """Add a service and return its uuid."""
        encoded = base64.b64encode(compose.encode()).decode()
        return await self._add("/services", server_uuid, docker_compose_raw=encoded, **fields)

    async def change_service(self, uuid: str, compose: str) -> None:
        """Give a service another Compose text."""
        encoded = base64.b64encode(compose.encode()).decode()
        await self.ask("PATCH", f"/services/{uuid}", json={"docker_compose_raw": encoded})

    async def add_database(self, server_uuid: str, slug: str = "postgresql", **fields: Any) -> str:
        """Add a database whose health is looked at every second, and return its uuid."""
        uuid = await self._add(f"/databases/{slug}", server_uuid, **fields)
        # Docker's first look comes after one interval, of 15 s at first, and the API has no field for it.
        connection = await asyncpg.connect(self._database_url.replace("+asyncpg", ""), ssl=False)
        try:
            await connection.execute(
                f"UPDATE standalone_{slug} SET health_check_interval = 1, health_check_retries = 60 WHERE uuid = $1",
                uuid,
            )
        finally:
            await connection.close()
        return uuid

    async def set_variable(self, uuid: str, key: str, value: str, **fields: Any) -> None:
        """Give a service a variable."""
        await self.ask("POST", f"/services/{uuid}/envs", json={"key": key, "value": value, **fields})

    async def begin(self, uuid: str, **options: Any) -> str:
        """Ask for a deployment and return its uuid."""
        answer = await self.ask("POST", "/deploy", json={"uuid": uuid, **options})
        uuid = str(answer["deployments"][0]["deployment_uuid"])
        self._traces.deployments.add(uuid)
        return uuid

    async def deploy(self, uuid: str, **options: Any) -> Deployment:
        """Deploy and return the settled deployment."""
        return await self.settled(await self.begin(uuid, **options))

    async def deployment(self, uuid: str) -> Deployment:
        """Return a deployment as it is now."""
        self._traces.deployments.add(uuid)
        return Deployment(await self.ask("GET", f"/deployments/{uuid}"))

    async def settled(self, uuid: str, *, seconds: float = 60) -> Deployment:
        """Wait for a deployment's end and return it."""

        async def look() -> Deployment | None:
            deployment = await self.deployment(uuid)
            return deployment if deployment.status in SETTLED else None

        return await eventually(look, f"deployment {uuid} settles", seconds=seconds)

    async def operated(self, uuid: str, *, seconds: float = 60) -> dict[str, Any]:
        """Wait for the end of a stop or a delete and return the operation."""

        async def look() -> dict[str, Any] | None:
            operation: dict[str, Any] = await self.ask("GET", f"/operations/{uuid}")
            return operation if operation["status"] in SETTLED else None

        return await eventually(look, f"operation {uuid} settles", seconds=seconds)

    async def history(self, kind: Kind, uuid: str) -> list[dict[str, Any]]:
        """Return a resource's deployments with their logs, newest first."""
        rows: list[dict[str, Any]] = await self.ask(
            "GET", f"/deployments/{kind}s/{uuid}", params={"take": 100, "include": "logs"}
        )
        return rows

    async def _add(self, path: str, server_uuid: str, **fields: Any) -> str:
        if not self._project:
            self._project = (await self.ask("POST", "/projects", json={"name": "acceptance"}))["uuid"]
        place = {"project_uuid": self._project, "environment_name": "production", "server_uuid": server_uuid}
        uuid = str((await self.ask("POST", path, status=201, json={**place, **fields}))["uuid"])
        self._traces.resources.add(uuid)
        return uuid


async def eventually(look: Callable[[], Awaitable[Found | None]], what: str, *, seconds: float = 60) -> Found:
    """Look ten times a second until there is an answer; AssertionError naming `what` after `seconds`."""
    for _ in range(int(seconds * 10)):
        if (found := await look()) is not None:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds:g} s")


def assert_failed(deployment: Deployment, *words: str) -> None:
    """Check that it failed for a reason with these words, which is also the last entry of its log."""
    assert deployment.status == "failed", deployment.text
    assert all(word in deployment.reason for word in words), deployment.reason
    last = deployment.entries[-1]
    assert last["type"] == "stderr"
    assert deployment.reason in last["output"]
