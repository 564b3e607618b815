"""What the API tells about teams and their members."""

from pydantic import Field

from app.kit.schema import ResponseSchema, Timestamp
from app.models.team import TeamMember, TeamRole


class TeamAnswer(ResponseSchema):
    """A team."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["Shipyard"])
    description: str | None = Field(examples=["Runs the shop."])
    personal_team: bool
    created_at: Timestamp
    updated_at: Timestamp


class MemberAnswer(ResponseSchema):
    """A user as a member of a team."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["Ada"])
    email: str = Field(examples=["ada@example.com"])
    role: TeamRole
    created_at: Timestamp
    updated_at: Timestamp


def member_answer(member: TeamMember) -> MemberAnswer:
    """Return the answer for a membership whose user is loaded."""
    user = member.user
    return MemberAnswer(
        id=user.id,
        name=user.name,
        email=user.email,
        role=TeamRole(member.role),
        created_at=user.created_at,
        updated_at=user.updated_at,
    )
