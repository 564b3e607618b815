"""The API as a process of its own, which clients of every kind reach over HTTP."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from app.settings import Settings

ROOT = Path(__file__).parents[1]


@asynccontextmanager
async def serving_api(settings: Settings) -> AsyncIterator[str]:
    """Yield the base URL of an API process with the database, Redis and keys of `settings`."""
    env = {
        "PATH": os.environ["PATH"],
        "SHIPLOG_DATABASE_URL": settings.database(),
        "SHIPLOG_REDIS_URL": settings.redis(),
        "SHIPLOG_ENCRYPTION_KEYS_FILE": str(settings.encryption_keys_file),
        "SHIPLOG_LOG_LEVEL": "WARNING",
        "SHIPLOG_RATE_LIMIT": "0",
    }
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "app", "api", "--fd", "0"), cwd=ROOT, env=env, stdin=listener.fileno()
        )
    try:
        async with httpx.AsyncClient(timeout=60) as client:
            assert (await client.get(f"{url}/health")).text == "OK"
        yield url
    finally:
        process.terminate()
        await process.wait()
