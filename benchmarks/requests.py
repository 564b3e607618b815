"""Requests a second of one deployment by uuid, against a bare FastAPI route that returns the same bytes from memory.

Both are served by uvicorn in a process of their own, without a line of log for each request, and asked in turns over
connections that stay open. Ours checks the token, counts the request and reads the row each time. Sizes from the
environment: REQUESTS a round, CLIENTS at once, ROUNDS.
"""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from fastapi import FastAPI, Response

from app.postgres import create_engine, create_sessions
from app.settings import Settings
from benchmarks.measuring import configured, environment_of, make_token, serving, serving_api, size, spread
from tests.deploying import create_deployment, create_place, create_service

REQUESTS, CLIENTS, ROUNDS = size("REQUESTS", 4_000), size("CLIENTS", 16), size("ROUNDS", 7)
NEVER_REACHED = 1_000_000_000
"""The limit of requests a minute: they are counted, in Redis too, as always."""


def bare() -> FastAPI:
    """Return an application that knows one answer."""
    app = FastAPI()
    body = Path(os.environ["BODY"]).read_bytes()

    @app.get("/api/v1/deployments/services/deployment/{uuid}")
    async def answer(uuid: str) -> Response:
        del uuid
        return Response(body, media_type="application/json")

    return app


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """Send a request and return the body of its answer."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert head.startswith(b"http/1.1 200"), head
    return await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))


async def asking(port: int, request: bytes, count: int) -> None:
    """Ask `count` times over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count):
        await exchange(reader, writer, request)
    writer.close()


async def rate(port: int, request: bytes) -> float:
    """Return requests a second."""
    began = time.perf_counter()
    await asyncio.gather(*(asking(port, request, REQUESTS // CLIENTS) for _ in range(CLIENTS)))
    return REQUESTS / (time.perf_counter() - began)


async def once(port: int, request: bytes) -> bytes:
    """Ask once, as soon as there is somebody, and return the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = await exchange(reader, writer, request)
    writer.close()
    return body


async def measure(settings: Settings) -> None:
    """Print the figures, then the row."""
    engine = create_engine(settings)
    sessions = create_sessions(engine)
    async with sessions.begin() as session:
        place = await create_place(session)
        row = await create_deployment(
            session, place, await create_service(session, place), status="finished", logs="[]"
        )
    token = await make_token(sessions, place.team.id, "read:sensitive")
    await engine.dispose()
    path = f"/api/v1/deployments/services/deployment/{row.deployment_uuid}"
    request = f"GET {path} HTTP/1.1\r\nHost: shiplog\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    with tempfile.NamedTemporaryFile() as body:
        async with serving_api(settings) as (ours, _):
            answer = await once(ours, request)
            body.write(answer)
            body.flush()
            command = ("-m", "uvicorn", "--factory", "benchmarks.requests:bare", "--fd", "0", "--log-level", "warning")
            async with serving(*command, env=environment_of(settings, BODY=body.name)) as (theirs, _):
                assert await once(theirs, request) == answer
                rates = [(await rate(ours, request), await rate(theirs, request)) for _ in range(ROUNDS)]
    print(f"Shiplog     {spread([one for one, _ in rates], ' requests/s')}")
    print(f"bare route  {spread([other for _, other in rates], ' requests/s')}, {len(answer)} bytes each")
    share = statistics.median(one / other for one, other in rates)
    print(f"requests: {share:.0%} of a bare route, {CLIENTS} clients")


if __name__ == "__main__":
    with configured(rate_limit=NEVER_REACHED) as found_settings:
        asyncio.run(measure(found_settings))
