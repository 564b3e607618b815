"""A place with the tokens of its team and of another one: what a test of the resources' endpoints starts from."""

import base64
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import func, select

from app.kit.base import Base
from app.models import AuditEvent, StandaloneDocker
from app.postgres import Sessions
from tests.deploying import Place, create_place
from tests.fixtures.api import MadeToken, MakeToken

UNKNOWN_UUID = "a" * 24


@dataclass(frozen=True)
class Desk:
    """Asks the API as one of several callers: `root`, `write`, `deploy`, `read`, `sensitive`, or `other` (another team)."""

    api: httpx.AsyncClient
    sessions: Sessions
    place: Place
    tokens: dict[str, MadeToken]

    async def ask(self, method: str, path: str, *, by: str | None = "root", **arguments: Any) -> httpx.Response:
        """Return the answer to a request."""
        headers = {} if by is None else self.tokens[by].headers
        return await self.api.request(method, path, headers={**headers, **arguments.pop("headers", {})}, **arguments)

    def of_resource(self, **fields: Any) -> dict[str, Any]:
        """Return the body that makes a resource at the place."""
        return {
            "project_uuid": self.place.project.uuid,
            "environment_name": self.place.environment.name,
            "server_uuid": self.place.server.uuid,
            **fields,
        }

    async def add_destination(self) -> StandaloneDocker:
        """Give the server a second destination."""
        async with self.sessions.begin() as session:
            destination = StandaloneDocker(server_id=self.place.server.id, name="second", network="second")
            session.add(destination)
        return destination


async def open_desk(api: httpx.AsyncClient, sessions: Sessions, make_token: MakeToken) -> Desk:
    """Make a place, a token per ability, and one with all abilities in another team."""
    async with sessions.begin() as session:
        place = await create_place(session)
    abilities = {
        "root": ["root"],
        "write": ["write"],
        "deploy": ["deploy"],
        "read": ["read"],
        "sensitive": ["read:sensitive"],
    }
    tokens = {name: await make_token(names, team_id=place.team.id) for name, names in abilities.items()}
    return Desk(api, sessions, place, {**tokens, "other": await make_token(["root"])})


def in_base64(text: str) -> str:
    """Return a text as it travels in a body."""
    return base64.b64encode(text.encode()).decode()


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the body of an error without the request's id, which must be there."""
    body: dict[str, Any] = answer.json()
    assert len(body.pop("request_id")) == 24
    return body


async def row_counts(sessions: Sessions) -> dict[str, int]:
    """Return how many rows every table has, but for the audit log, which a refused request gets into as well."""
    async with sessions() as session:
        return {
            table.name: (await session.execute(select(func.count()).select_from(table))).scalar_one()
            for table in Base.metadata.sorted_tables
            if table is not AuditEvent.__table__
        }
