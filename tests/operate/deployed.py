"""Resources and their deployments over the API; that a deployment finished, and what it ran, is written by hand."""

import base64
import json
from typing import Any

from sqlalchemy import text

from app.kit.clock import utcnow
from tests.desk import Desk


def image(name: str, letter: str | None = None) -> dict[str, Any]:
    """Return an image as it is kept; `letter` makes its digest, without one no registry has it."""
    repository = f"registry.example/{name.partition(':')[0]}"
    digest = f"{repository}@sha256:{letter * 64}" if letter else None
    return {"image": f"registry.example/{name}", "id": f"sha256:{name}", "digest": digest}


async def right(desk: Desk, method: str, path: str, **arguments: Any) -> Any:
    """Return the answer to a request of the owner that is granted."""
    answer = await desk.ask(method, path, **arguments)
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json()


async def add_service(desk: Desk, compose: str, **variables: Any) -> str:
    """Make a service with variables and return its uuid."""
    body = desk.of_resource(name="shop", docker_compose_raw=encoded(compose))
    uuid: str = (await right(desk, "POST", "/services", json=body))["uuid"]
    await set_variables(desk, f"/services/{uuid}", **variables)
    return uuid


async def set_variables(desk: Desk, path: str, **variables: Any) -> None:
    """Set variables; a value in a list is locked."""
    data = [
        {"key": key, "value": value[0] if isinstance(value, list) else value, "is_shown_once": isinstance(value, list)}
        for key, value in variables.items()
    ]
    if data:
        await right(desk, "PATCH", f"{path}/envs/bulk", json={"data": data})


async def deploy(desk: Desk, uuid: str, digests: dict[str, Any] | None = None, *, status: str = "finished") -> str:
    """Ask for a deployment, let it have ended, and return its uuid."""
    answer = await right(desk, "POST", "/deploy", json={"uuid": uuid})
    deployment: str = answer["deployments"][0]["deployment_uuid"]
    await settle(desk, deployment, digests, status=status)
    return deployment


async def settle(
    desk: Desk, deployment: str, digests: dict[str, Any] | None = None, *, status: str = "finished"
) -> None:
    """Let a deployment have ended."""
    async with desk.sessions.begin() as session:
        for kind in ("service", "database"):
            statement = text(
                f"UPDATE {kind}_deployment_queues SET status = :status, finished_at = :now, "
                "image_digests = cast(:digests AS jsonb) WHERE deployment_uuid = :uuid"
            )
            kept = None if digests is None else json.dumps(digests)
            values = {"status": status, "now": utcnow(), "uuid": deployment, "digests": kept}
            await session.execute(statement, values)


def encoded(compose: str) -> str:
    """Return a Compose file as the API takes it."""
    return base64.b64encode(compose.encode()).decode()
