"""What runs tracked on a server besides deployments, waited for until it has ended."""

import asyncio
from typing import Any

from app.cli.client import Api
from app.cli.finding import find_resource
from app.cli.output import Output

_BETWEEN_SECONDS = 0.2


async def stop(api: Api, out: Output, *, resource: str, docker_cleanup: bool) -> int:
    """Stop a service or database and wait until that has ended; 1 when it failed."""
    found = await find_resource(api, resource)
    asked = await api.post(f"{found.path}/stop", docker_cleanup=docker_cleanup)
    out.say(f"Operation {asked['operation_uuid']}")
    operation = await _ended(api, asked["operation_uuid"])
    is_done = operation["status"] == "finished"
    end = "stopped" if is_done else f"not stopped. {operation['failure_reason']}"
    out.answer(operation, f"{found.name}: {end}")
    return 0 if is_done else 1


async def _ended(api: Api, uuid: str) -> dict[str, Any]:
    while True:
        operation: dict[str, Any] = await api.get(f"/operations/{uuid}")
        if operation["status"] in {"finished", "failed"}:
            return operation
        await asyncio.sleep(_BETWEEN_SECONDS)
