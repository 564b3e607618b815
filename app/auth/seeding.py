"""The first team, its owner and its root token, made once; and members who join later. For the command line."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.repository import MemberRepository, TeamRepository, UserRepository
from app.auth.tokens import create_token
from app.models.team import Team, TeamMember, TeamRole, User


class SeedingRefused(Exception):
    """It cannot be done; the text says why and what to do instead."""


async def create_first_team(session: AsyncSession, *, team_name: str, user_name: str, email: str) -> str:
    """Make the first team with its owner and return a root token; raise SeedingRefused when there is a team."""
    teams = TeamRepository(session)
    await teams.lock()
    if not await teams.is_empty():
        raise SeedingRefused("There is a team already, so this installation has its root token. Nothing was changed.")
    team = await teams.add(Team(name=_named(team_name), personal_team=True))
    user = await _user(session, user_name, email)
    await MemberRepository(session).add(TeamMember(team_id=team.id, user_id=user.id, role=TeamRole.OWNER))
    _, plain = await create_token(session, team_id=team.id, user_id=user.id, name="root", abilities=["root"])
    return plain


async def add_member(session: AsyncSession, team_id: int, name: str, email: str, role: TeamRole) -> TeamMember:
    """Put a user, made if there is none with the address, into a team; raise SeedingRefused when that cannot be."""
    if await TeamRepository(session).get(team_id) is None:
        raise SeedingRefused(f"There is no team {team_id}.")
    user = await _user(session, name, email)
    members = MemberRepository(session)
    if await members.get(team_id, user.id) is not None:
        raise SeedingRefused(f"{user.email} is in team {team_id} already. Nothing was changed.")
    return await members.add(TeamMember(team_id=team_id, user_id=user.id, role=role))


async def _user(session: AsyncSession, name: str, email: str) -> User:
    address = email.strip()
    local, _, host = address.partition("@")
    if not local or not host or "@" in host or any(char.isspace() or not char.isprintable() for char in address):
        raise SeedingRefused(f"{address!r} is no e-mail address: it should look like ada@example.com.")
    users = UserRepository(session)
    return await users.with_email(address) or await users.add(User(name=_named(name), email=address))


def _named(name: str) -> str:
    stripped = name.strip()
    if not stripped or not stripped.isprintable():
        raise SeedingRefused("A name needs at least one letter, and no line breaks or other control characters.")
    return stripped
