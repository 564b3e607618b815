"""Statements on the audit log: rows are added and read, nothing else."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Select, String, Text, insert, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.kit.clock import utcnow
from app.models.api_token import ApiToken
from app.models.audit_event import AuditEvent
from app.models.team import TeamMember, TeamRole, User


@dataclass(frozen=True)
class Deed:
    """What is written down of a request; who it was is looked up."""

    token_id: int
    operation_id: str
    method: str
    path: str
    resource_uuids: list[str]
    status_code: int
    client: str | None
    request_id: str | None
    is_secret_read: bool
    """Counts only for a token that secrets are shown to."""

    def facts(self) -> dict[str, Any]:
        """Return it for a log."""
        return asdict(self)


@dataclass(frozen=True)
class Period:
    """Which events are wanted."""

    since: datetime | None = None
    until: datetime | None = None
    operation_id: str | None = None
    resource_uuid: str | None = None


async def add_event(session: AsyncSession, deed: Deed) -> None:
    """Add the event of a request, with the names that its token and user have now."""
    who = (
        select(
            *(ApiToken.team_id, ApiToken.id, ApiToken.name, User.id, User.name),
            *(literal(deed.operation_id, String), literal(deed.method, String), literal(deed.path, Text)),
            *(literal(deed.resource_uuids, ARRAY(Text)), literal(deed.status_code, Integer)),
            *(literal(deed.client, Text), literal(deed.request_id, String), literal(utcnow())),
        )
        .join(User, User.id == ApiToken.user_id)
        .where(ApiToken.id == deed.token_id)
    )
    if deed.is_secret_read:
        member = (TeamMember.team_id == ApiToken.team_id) & (TeamMember.user_id == ApiToken.user_id)
        sees = or_(ApiToken.abilities.contains(["root"]), ApiToken.abilities.contains(["read:sensitive"]))
        who = who.join(TeamMember, member).where(TeamMember.role != TeamRole.MEMBER, sees)
    columns = ["team_id", "token_id", "token_name", "user_id", "user_name", "operation_id", "method", "path"]
    columns += ["resource_uuids", "status_code", "client", "request_id", "created_at"]
    await session.execute(insert(AuditEvent).from_select(columns, who))


async def events_before(
    session: AsyncSession, team_id: int, period: Period, *, before: int | None, take: int
) -> Sequence[AuditEvent]:
    """Return events of a team, newest first, those with a smaller id than `before` if given."""
    statement: Select[AuditEvent] = select(AuditEvent).where(AuditEvent.team_id == team_id)
    if before is not None:
        statement = statement.where(AuditEvent.id < before)
    if period.since is not None:
        statement = statement.where(AuditEvent.created_at >= period.since)
    if period.until is not None:
        statement = statement.where(AuditEvent.created_at < period.until)
    if period.operation_id is not None:
        statement = statement.where(AuditEvent.operation_id == period.operation_id)
    if period.resource_uuid is not None:
        statement = statement.where(AuditEvent.resource_uuids.contains([period.resource_uuid]))
    return (await session.execute(statement.order_by(AuditEvent.id.desc()).limit(take))).scalars().all()
