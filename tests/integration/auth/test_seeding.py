"""The first team is made once, also when two try at the same time; members join afterwards."""

import asyncio

import httpx
import pytest
from sqlalchemy import select, text

from app.auth.seeding import SeedingRefused, add_member, create_first_team
from app.models import TeamMember, TeamRole, User
from app.postgres import Sessions


async def _seed(sessions: Sessions, email: str = "ada@example.com") -> str:
    async with sessions.begin() as session:
        return await create_first_team(session, team_name="Shipyard", user_name="Ada", email=email)


async def test_the_first_token_may_do_everything(api: httpx.AsyncClient, api_sessions: Sessions) -> None:
    plain = await _seed(api_sessions)
    headers = {"Authorization": f"Bearer {plain}"}
    assert (await api.get("/teams/current", headers=headers)).json()["name"] == "Shipyard"
    members = (await api.get("/teams/current/members", headers=headers)).json()
    assert [(one["name"], one["email"], one["role"]) for one in members] == [("Ada", "ada@example.com", "owner")]


async def test_two_at_once_make_one_team(api_sessions: Sessions) -> None:
    outcomes = await asyncio.gather(
        *(_seed(api_sessions, f"user{number}@example.com") for number in range(5)), return_exceptions=True
    )
    assert sum(isinstance(outcome, str) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, SeedingRefused) for outcome in outcomes) == 4
    async with api_sessions() as session:
        for table in ("teams", "users", "api_tokens", "team_members"):
            assert (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 1


async def test_a_member_is_added_once(api_sessions: Sessions) -> None:
    await _seed(api_sessions)
    async with api_sessions.begin() as session:
        team_id = (await session.execute(select(TeamMember.team_id))).scalar_one()
        member = await add_member(session, team_id, "Bo", " bo@example.com ", TeamRole.MEMBER)
        assert (member.team_id, member.role) == (team_id, "member")
    async with api_sessions() as session:
        with pytest.raises(SeedingRefused, match="is in team"):
            await add_member(session, team_id, "Bo", "BO@example.com", TeamRole.ADMIN)
    async with api_sessions() as session:
        emails = (await session.execute(select(User.email).order_by(User.id))).scalars().all()
        assert emails == ["ada@example.com", "bo@example.com"]


@pytest.mark.parametrize("email", ["", "ada", "@example.com", "ada@", "a@b@c", "a da@example.com", "a\0@example.com"])
async def test_what_is_no_address_is_refused(api_sessions: Sessions, email: str) -> None:
    with pytest.raises(SeedingRefused, match="no e-mail address"):
        await _seed(api_sessions, email)


async def test_a_member_needs_a_team_and_a_name(api_sessions: Sessions) -> None:
    async with api_sessions() as session:
        with pytest.raises(SeedingRefused, match="no team 7"):
            await add_member(session, 7, "Bo", "bo@example.com", TeamRole.MEMBER)
        with pytest.raises(SeedingRefused, match="A name needs"):
            await create_first_team(session, team_name=" ", user_name="Ada", email="ada@example.com")
