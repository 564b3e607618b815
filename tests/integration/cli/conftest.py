"""Settings of a production process, as files: the way README and compose.yaml have it; and a terminal without one."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from app.cli.client import Api
from app.kit import private_file
from tests.fixtures.api import MakeToken
from tests.fixtures.sessions import KEY
from tests.integration.cli.running import environment
from tests.integration.cli.terminal import Terminal


@pytest.fixture
def configured(postgres_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation that is migrated and empty."""
    return environment(**files(tmp_path, DATABASE_URL=postgres_url, REDIS_URL=redis_url, ENCRYPTION_KEYS=KEY))


def files(folder: Path, **secrets: str) -> dict[str, str]:
    """Write each secret to a file and return the settings that name the files."""
    for name, secret in secrets.items():
        private_file.write(folder / name.lower(), secret)
    return {f"SHIPLOG_{name}_FILE": str(folder / name.lower()) for name in secrets}


@pytest_asyncio.fixture
async def terminal(api: httpx.AsyncClient, _application: FastAPI, make_token: MakeToken) -> AsyncIterator[Terminal]:
    """Somebody with a root token of a team that has nothing yet; the API is in this process."""
    token = await make_token()
    async with Api("http://api.test", token.plain, transport=httpx.ASGITransport(_application)) as client:
        yield Terminal(client)
