"""Teams: a token sees its own and no other, and may switch its API off and on."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.auth.dependencies import Caller, demand, identify, require
from app.auth.repository import MemberRepository, TeamRepository
from app.auth.schemas import MemberAnswer, TeamAnswer, member_answer
from app.errors import NotFound, answers
from app.kit.answers import MessageAnswer
from app.postgres import Session

router = APIRouter(tags=["Teams"])
Reader = Annotated[Caller, Depends(require("read"))]


@router.get("/teams", operation_id="list-teams", summary="List teams", responses=answers(401, 403))
async def list_teams(session: Session, caller: Reader) -> list[TeamAnswer]:
    """Return the token's team, in a list."""
    return [await _team(session, caller, caller.team_id)]


@router.get("/team", operation_id="get-token-team", summary="Get the token's team", responses=answers(401, 403))
@router.get(
    "/teams/current", operation_id="get-current-team", summary="Get the token's team", responses=answers(401, 403)
)
async def get_current_team(session: Session, caller: Reader) -> TeamAnswer:
    """Return the team that the token belongs to."""
    return await _team(session, caller, caller.team_id)


@router.get(
    "/team/members",
    operation_id="get-token-team-members",
    summary="List the members of the token's team",
    responses=answers(401, 403),
)
@router.get(
    "/teams/current/members",
    operation_id="get-current-team-members",
    summary="List the members of the token's team",
    responses=answers(401, 403),
)
async def list_current_members(session: Session, caller: Reader) -> list[MemberAnswer]:
    """Return everyone in the team that the token belongs to."""
    return await _members(session, caller, caller.team_id)


@router.get("/teams/{team_id}", operation_id="get-team-by-id", summary="Get a team", responses=answers(401, 403, 404))
async def get_team(session: Session, caller: Reader, team_id: int) -> TeamAnswer:
    """Return the token's team by its id."""
    return await _team(session, caller, team_id)


@router.get(
    "/teams/{team_id}/members",
    operation_id="get-members-by-team-id",
    summary="List the members of a team",
    responses=answers(401, 403, 404),
)
async def list_members(session: Session, caller: Reader, team_id: int) -> list[MemberAnswer]:
    """Return everyone in the token's team by its id."""
    return await _members(session, caller, team_id)


async def _switcher(caller: Annotated[Caller, Depends(identify)]) -> Caller:
    demand(caller, "write")
    return caller


Switcher = Annotated[Caller, Depends(_switcher)]
"""Also asked while the API is off."""


@router.post("/disable", operation_id="disable-api", summary="Switch the team's API off", responses=answers(401, 403))
async def disable_api(session: Session, caller: Switcher) -> MessageAnswer:
    """From now on every request with a token of the team is answered 403, but `/enable`. What is running goes on."""
    await TeamRepository(session).switch_api(caller.team_id, is_enabled=False)
    return MessageAnswer(message="API disabled.")


@router.post("/enable", operation_id="enable-api", summary="Switch the team's API on", responses=answers(401, 403))
async def enable_api(session: Session, caller: Switcher) -> MessageAnswer:
    """Take the team's tokens again."""
    await TeamRepository(session).switch_api(caller.team_id, is_enabled=True)
    return MessageAnswer(message="API enabled.")


async def _team(session: Session, caller: Caller, team_id: int) -> TeamAnswer:
    team = await TeamRepository(session).get(team_id) if team_id == caller.team_id else None
    if team is None:
        raise NotFound("Team not found.")
    return TeamAnswer.model_validate(team)


async def _members(session: Session, caller: Caller, team_id: int) -> list[MemberAnswer]:
    if team_id != caller.team_id:
        raise NotFound("Team not found.")
    return [member_answer(member) for member in await MemberRepository(session).of_team(team_id)]
