"""API tokens `{id}|{secret}`: only the SHA-256 of the secret is stored, so a token is shown once and never again."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.repository import KnownToken, TokenRepository
from app.models.api_token import ApiToken

ABILITIES = ("root", "read", "read:sensitive", "write", "deploy")

_TOKEN = re.compile(r"([0-9]{1,10})\|([0-9A-Za-z]{1,128})")
_GREATEST_ID = 2**31 - 1


async def create_token(
    session: AsyncSession,
    *,
    team_id: int,
    user_id: int,
    name: str,
    abilities: Iterable[str],
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Make a token and return its row and its text; raise ValueError for an ability that does not exist."""
    wanted = frozenset(abilities)
    unknown = sorted(wanted.difference(ABILITIES))
    if unknown or not wanted:
        raise ValueError(f"Abilities are some of {', '.join(ABILITIES)}; not {', '.join(unknown) or 'none at all'}.")
    secret = secrets.token_hex(24)
    token = ApiToken(
        team_id=team_id,
        user_id=user_id,
        name=name,
        token_hash=_hash(secret),
        abilities=[ability for ability in ABILITIES if ability in wanted],
        expires_at=expires_at,
    )
    await TokenRepository(session).add(token)
    return token, f"{token.id}|{secret}"


@dataclass(frozen=True)
class TokenText:
    """A text that has the form of a token."""

    id: int
    secret: str

    def belongs_to(self, known: KnownToken) -> bool:
        """Return whether it is the text of a stored token."""
        return hmac.compare_digest(known.token_hash, _hash(self.secret))


def parse_token(text: str) -> TokenText | None:
    """Return the parts of a token's text; None for what cannot be one."""
    parts = _TOKEN.fullmatch(text)
    return None if parts is None or int(parts[1]) > _GREATEST_ID else TokenText(int(parts[1]), parts[2])


async def find_token(session: AsyncSession, text: str) -> KnownToken | None:
    """Return the token that `text` is, with whatever is wrong with it; None for one that never was or is revoked."""
    parsed = parse_token(text)
    known = None if parsed is None else await TokenRepository(session).find(parsed.id)
    return known if parsed is not None and known is not None and parsed.belongs_to(known) else None


async def revoke_token(session: AsyncSession, team_id: int, token_id: int) -> bool:
    """Delete one of a team's tokens; False when there is none such. It is refused from the commit on."""
    repository = TokenRepository(session)
    token = await repository.get(team_id, token_id)
    if token is None:
        return False
    await repository.delete(token)
    return True


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
