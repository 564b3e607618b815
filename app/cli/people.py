"""The first user, members and tokens, made in the database itself: whoever reaches that needs no token."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from app.auth.repository import MemberRepository, TeamRepository, UserRepository
from app.auth.seeding import SeedingRefused, add_member, create_first_team
from app.auth.tokens import ABILITIES, create_token
from app.cli.configuration import read_settings
from app.cli.problem import Problem
from app.models.team import Team, TeamRole
from app.postgres import create_sessions


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


def _run(work: Callable[[AsyncSession], Awaitable[str]]) -> str:
    url = read_settings(database_only=True).database()

    async def run() -> str:
        async with _transaction(url) as session:
            return await work(session)

    return asyncio.run(run())


@asynccontextmanager
async def _transaction(url: str) -> AsyncIterator[AsyncSession]:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with create_sessions(engine).begin() as session:
            yield session
    except SeedingRefused as refused:
        raise Problem(str(refused)) from None
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) == "42P01":
            raise Problem("The database has no tables yet: run `shiplog migrate` first.") from None
        raise
    except DBAPIError as error:
        raise Problem(f"PostgreSQL refuses: {str(error.orig).rpartition('>: ')[2]}.") from None
    except (OSError, TimeoutError) as error:
        raise Problem(f"PostgreSQL does not answer: {str(error) or 'no connection'}.") from None
    finally:
        await engine.dispose()


async def _team(session: AsyncSession, team_id: int | None) -> Team:
    teams = TeamRepository(session)
    team = await (teams.first() if team_id is None else teams.get(team_id))
    if team is None:
        raise Problem("There is no such team." if team_id else "There is no team yet: run `shiplog init` first.")
    return team
