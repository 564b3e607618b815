"""The first user, members and tokens, made in the database itself: whoever reaches that needs no token."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from app.auth.repository import MemberRepository, TeamRepository, TokenRepository, UserRepository
from app.auth.seeding import SeedingRefused, add_member, create_first_team
from app.auth.tokens import ABILITIES, create_token, revoke_token
from app.cli.configuration import read_settings
from app.cli.output import Output, field
from app.cli.postgres_problems import postgres_problems
from app.cli.problem import Problem
from app.kit.clock import to_text
from app.models.api_token import ApiToken
from app.models.team import Team, TeamRole
from app.postgres import UNNAMED_STATEMENTS, create_sessions

_Answer = TypeVar("_Answer")


def initialise(*, email: str, name: str, team: str) -> str:
    """Make the first user and team and return what to print, the root token in it."""

    async def make(session: AsyncSession) -> str:
        plain = await create_first_team(session, team_name=team, user_name=name, email=email)
        return f"The team {team} is there, {email} owns it.\nRoot token, shown this once: {plain}"

    return _run(make)


def add_to_team(*, email: str, name: str, role: str, team_id: int | None) -> str:
    """Add a user, made when new, to a team (None: the first one) and return what to print."""
    if role not in set(TeamRole):
        raise Problem(f"A role is one of {', '.join(TeamRole)}; not {role}.", exit_code=2)

    async def add(session: AsyncSession) -> str:
        team = await _team(session, team_id)
        await add_member(session, team.id, name, email, TeamRole(role))
        return f"{email} is in the team {team.name} as {role}."

    return _run(add)


def make_token(*, email: str, name: str, abilities: Sequence[str], team_id: int | None) -> str:
    """Make a token of a team's member and return what to print."""
    if unknown := [ability for ability in abilities if ability not in ABILITIES]:
        raise Problem(f"Abilities are {', '.join(ABILITIES)}; not {', '.join(unknown)}.", exit_code=2)

    async def make(session: AsyncSession) -> str:
        team = await _team(session, team_id)
        user = await UserRepository(session).with_email(email)
        if user is None or await MemberRepository(session).get(team.id, user.id) is None:
            raise Problem(f"{email} is not in the team {team.name}: `shiplog member add {email}` first.")
        _, plain = await create_token(session, team_id=team.id, user_id=user.id, name=name, abilities=abilities)
        return f"Token with {', '.join(abilities)}, shown this once: {plain}"

    return _run(make)


def show_tokens(*, team_id: int | None, as_json: bool) -> None:
    """Print the tokens of a team (None: the first one)."""

    async def read(session: AsyncSession) -> list[dict[str, Any]]:
        team = await _team(session, team_id)
        return [_described(token) for token in await TokenRepository(session).of_team(team.id)]

    columns = {
        "Id": field("id"),
        "Name": field("name"),
        "Abilities": lambda token: ", ".join(token["abilities"]),
        "Used": field("last_used_at"),
        "Expires": field("expires_at"),
    }
    Output(as_json=as_json).items(_run(read), columns, empty="No tokens yet: shiplog token create --email …")


def revoke(token_id: int, *, team_id: int | None) -> str:
    """Revoke a token of a team (None: the first one) and return what to print."""

    async def delete(session: AsyncSession) -> str:
        team = await _team(session, team_id)
        if not await revoke_token(session, team.id, token_id):
            raise Problem(f"The team {team.name} has no token {token_id}: `shiplog token list` shows which it has.")
        return f"The token {token_id} is revoked."

    return _run(delete)


async def new_root_token(url: str) -> str:
    """Return a root token for `shiplog up`: with the first team where there is none, else for an owner of that."""
    async with _transaction(url) as session:
        if await TeamRepository(session).is_empty():
            return await create_first_team(
                session, team_name="Root Team", user_name="Root User", email="root@shiplog.local"
            )
        team = await _team(session, None)
        members = await MemberRepository(session).of_team(team.id)
        owner = next((member for member in members if member.role == TeamRole.OWNER), None)
        if owner is None:
            raise Problem(
                f"The team {team.name} has no owner who could have a token: add one with `shiplog member add`."
            )
        _, plain = await create_token(
            session, team_id=team.id, user_id=owner.user_id, name="shiplog up", abilities=["root"]
        )
        return plain


def _described(token: ApiToken) -> dict[str, Any]:
    times = {"created_at": token.created_at, "last_used_at": token.last_used_at, "expires_at": token.expires_at}
    return {
        "id": token.id,
        "name": token.name,
        "abilities": token.abilities,
        **{name: None if time is None else to_text(time) for name, time in times.items()},
    }


def _run(work: Callable[[AsyncSession], Awaitable[_Answer]]) -> _Answer:
    url = read_settings(database_only=True).database()

    async def run() -> _Answer:
        async with _transaction(url) as session:
            return await work(session)

    return asyncio.run(run())


@asynccontextmanager
async def _transaction(url: str) -> AsyncIterator[AsyncSession]:
    engine = create_async_engine(url, poolclass=NullPool, connect_args=UNNAMED_STATEMENTS)
    try:
        with postgres_problems():
            try:
                async with create_sessions(engine).begin() as session:
                    yield session
            except ProgrammingError as error:
                if getattr(error.orig, "sqlstate", None) != "42P01":
                    raise
                raise Problem("The database has no tables yet: run `shiplog migrate` first.") from None
    except SeedingRefused as refused:
        raise Problem(str(refused)) from None
    finally:
        await engine.dispose()


async def _team(session: AsyncSession, team_id: int | None) -> Team:
    teams = TeamRepository(session)
    team = await (teams.first() if team_id is None else teams.get(team_id))
    if team is None:
        raise Problem("There is no such team." if team_id else "There is no team yet: run `shiplog init` first.")
    return team
