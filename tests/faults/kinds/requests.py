"""The API killed in the middle of a POST: no row, or one that runs; with the same key never two."""

import asyncio

import httpx

from app.models import ServiceDeploymentQueue
from tests.faults.run import Kind, Run


async def _killed_in_post(run: Run) -> None:
    """A POST that got no answer made one row or none; with none it is asked for again."""
    service = await run.make_service()
    await _post_and_kill(run, {})
    rows = await run.cell.rows_of(service)
    if not rows:
        await _post(run, {})
        rows = await run.cell.rows_of(service)
    _take(run, rows)


async def _killed_with_key(run: Run) -> None:
    """The same request with the same key, once more after the kill: one row in all."""
    service = await run.make_service()
    key = {"Idempotency-Key": run.name}
    await _post_and_kill(run, key)
    answered = await _post(run, key)
    _take(run, await run.cell.rows_of(service))
    if answered != run.uuid:
        run.findings.wrong(f"the answer names {answered}, the row is {run.uuid}")


async def _post_and_kill(run: Run, headers: dict[str, str]) -> None:
    async with await run.cell.api() as client:
        assert run.service is not None
        posting = asyncio.create_task(client.post("/deploy", params={"uuid": run.service.uuid}, headers=headers))
        await asyncio.sleep(run.random.uniform(0, 0.06))
        run.counted = not posting.done()
        await run.cell.kill_api()
        await asyncio.wait({posting})
        if posting.exception() is None:
            run.counted = False


async def _post(run: Run, headers: dict[str, str]) -> str:
    assert run.service is not None
    async with await run.cell.api() as client:
        answer = await client.post("/deploy", params={"uuid": run.service.uuid}, headers=headers)
        uuid: str = answer.raise_for_status().json()["deployments"][0]["deployment_uuid"]
        return uuid


def _take(run: Run, rows: list[ServiceDeploymentQueue]) -> None:
    if len(rows) != 1:
        run.findings.doubled += len(rows) > 1
        run.findings.wrong(f"there are {len(rows)} rows of one request")
    run.found(rows[0])


async def _nothing_more(run: Run) -> None:
    return


async def _start_api(run: Run) -> None:
    # The first request of a process takes longer than those that follow: all of them are to be hit.
    async with await run.cell.api() as client:
        try:
            await client.get("/teams/current")
        except httpx.TransportError as error:
            raise RuntimeError("the API does not answer") from error


KINDS = (
    Kind("api: killed in a POST", _nothing_more, prepare=_start_api, ask=_killed_in_post),
    Kind("api: killed in a POST with a key", _nothing_more, prepare=_start_api, ask=_killed_with_key),
)
