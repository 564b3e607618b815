"""Statements on tokens, teams and members."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    bindparam,
    delete,
    func,
    literal,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.orm import contains_eager

from app.kit.repository import Repository
from app.models.api_token import ApiToken
from app.models.team import Team, TeamMember, User
from app.models.web_session import SignInLink, WebSession

SignIn = WebSession | SignInLink

UNUSED_SECONDS = 60
"""`last_used_at` is written this often at most: a write per request would make every read of the API a write."""


@dataclass(frozen=True)
class KnownToken:
    """A stored token, its user's name and role in its team; no role when the user has left it.

    `is_api_enabled`: whether the team lets its tokens be used.
    """

    id: int
    team_id: int
    user_id: int
    name: str
    token_hash: str
    abilities: list[str]
    user_name: str
    role: str | None
    is_expired: bool
    is_long_unused: bool
    is_api_enabled: bool


_LONG_UNUSED: ColumnElement[bool] = func.coalesce(
    ApiToken.last_used_at < literal_column(f"now() - interval '{UNUSED_SECONDS} seconds'"), True
)


def known_token(*beside: Any) -> Select[*tuple[Any, ...]]:
    """Return the statement that looks at the token `:token_id`: the fields of `KnownToken`, and columns `beside` them.

    What is good now is so by PostgreSQL's clock. Whatever more is joined is found for a token that is good, in one go.
    """
    return (
        select(
            ApiToken.id,
            ApiToken.team_id,
            ApiToken.user_id,
            ApiToken.name,
            ApiToken.token_hash,
            ApiToken.abilities,
            User.name,
            TeamMember.role,
            func.coalesce(ApiToken.expires_at <= func.now(), literal(False)),
            _LONG_UNUSED,
            Team.is_api_enabled,
            *beside,
        )
        .join(User, User.id == ApiToken.user_id)
        .join(Team, Team.id == ApiToken.team_id)
        .outerjoin(TeamMember, (TeamMember.team_id == ApiToken.team_id) & (TeamMember.user_id == ApiToken.user_id))
        .where(ApiToken.id == bindparam("token_id", type_=Integer))
    )


_KNOWN_TOKEN = known_token()


class TokenRepository(Repository[ApiToken]):
    """API tokens."""

    model = ApiToken

    async def find(self, token_id: int) -> KnownToken | None:
        """Return a token with what decides whether it is good now."""
        row = (await self.session.execute(_KNOWN_TOKEN, {"token_id": token_id})).one_or_none()
        return None if row is None else KnownToken(*row)

    async def mark_used(self, token_id: int) -> None:
        """Set `last_used_at`, unless another request has just done it."""
        await self.session.execute(
            update(ApiToken)
            .where(ApiToken.id == token_id, _LONG_UNUSED)
            .values(last_used_at=func.now(), updated_at=ApiToken.updated_at)
            .execution_options(synchronize_session=False)
        )

    async def of_team(self, team_id: int) -> Sequence[ApiToken]:
        """Return a team's tokens, oldest first."""
        return await self.all(self.statement().where(ApiToken.team_id == team_id).order_by(ApiToken.id))

    async def get(self, team_id: int, token_id: int) -> ApiToken | None:
        """Return one of a team's tokens."""
        return await self.one_or_none(self.statement().where(ApiToken.team_id == team_id, ApiToken.id == token_id))


class TeamRepository(Repository[Team]):
    """Teams."""

    model = Team

    async def get(self, team_id: int) -> Team | None:
        """Return a team."""
        return await self.one_or_none(self.statement().where(Team.id == team_id))

    async def switch_api(self, team_id: int, *, is_enabled: bool) -> None:
        """Let the team's tokens be used, or not."""
        await self.session.execute(update(Team).where(Team.id == team_id).values(is_api_enabled=is_enabled))

    async def lock(self) -> None:
        """Let nobody else make a team until the end of the transaction; reading goes on."""
        await self.session.execute(text("LOCK TABLE teams IN SHARE ROW EXCLUSIVE MODE"))

    async def first(self) -> Team | None:
        """Return the oldest team, the one that `shiplog init` and `shiplog up` make."""
        return await self.one_or_none(self.statement().order_by(Team.id).limit(1))

    async def is_empty(self) -> bool:
        """Return whether there is no team at all."""
        return (await self.session.execute(select(Team.id).limit(1))).first() is None


class UserRepository(Repository[User]):
    """Users."""

    model = User

    async def with_email(self, email: str) -> User | None:
        """Return the user with an e-mail address, upper and lower case being the same."""
        return await self.one_or_none(self.statement().where(func.lower(User.email) == email.lower()))


class MemberRepository(Repository[TeamMember]):
    """Who is in which team."""

    model = TeamMember

    async def of_team(self, team_id: int) -> Sequence[TeamMember]:
        """Return a team's members with their users, in the order they joined."""
        return await self.all(
            self.statement()
            .join(TeamMember.user)
            .options(contains_eager(TeamMember.user))
            .where(TeamMember.team_id == team_id)
            .order_by(TeamMember.created_at, User.id)
        )

    async def get(self, team_id: int, user_id: int) -> TeamMember | None:
        """Return a user's membership in a team."""
        return await self.one_or_none(
            self.statement().where(TeamMember.team_id == team_id, TeamMember.user_id == user_id)
        )


class SignInRepository(Repository[Any]):
    """Sessions of browsers and one-time links, by the hash of their secret."""

    async def token_of(self, model: type[SignIn], secret_hash: str) -> int | None:
        """Return the token behind what is good now."""
        statement = select(model.token_id).where(model.secret_hash == secret_hash, model.expires_at > func.now())
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def take(self, model: type[SignIn], secret_hash: str) -> int | None:
        """Delete one and return the token behind it if it was good: of two at once, one gets it."""
        statement = delete(model).where(model.secret_hash == secret_hash, model.expires_at > func.now())
        return (await self.session.execute(statement.returning(model.token_id))).scalar_one_or_none()

    async def forget_expired(self, model: type[SignIn]) -> None:
        """Delete what is good no longer."""
        await self.session.execute(delete(model).where(model.expires_at <= func.now()))
