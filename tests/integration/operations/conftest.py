"""The desk of these tests."""

import httpx
import pytest_asyncio

from app.postgres import Sessions
from tests.desk import Desk, open_desk
from tests.fixtures.api import MakeToken


@pytest_asyncio.fixture
async def desk(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> Desk:
    """A place and its callers."""
    return await open_desk(api, sessions, make_token)
