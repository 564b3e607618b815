"""Signed in to the pages: a cookie that speaks for an API token, and the one-time link that leads to one."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.repository import SignInRepository
from app.kit.clock import utcnow
from app.models.web_session import SignInLink, WebSession

COOKIE = "shiplog_session"
SESSION_LIFE = timedelta(days=7)
LINK_LIFE = timedelta(minutes=5)


async def open_session(session: AsyncSession, token_id: int) -> str:
    """Sign a browser in on behalf of a token and return what its cookie holds; what has expired goes."""
    return await _give_out(session, WebSession, token_id, utcnow() + SESSION_LIFE)


async def token_of_session(session: AsyncSession, secret: str) -> int | None:
    """Return the id of the token that a cookie speaks for; None for one that is unknown or has expired."""
    return await SignInRepository(session).token_of(WebSession, _hash(secret))


async def end_session(session: AsyncSession, secret: str) -> None:
    """Sign a browser out: its cookie is good for nothing from the commit on."""
    await SignInRepository(session).take(WebSession, _hash(secret))


async def make_link(session: AsyncSession, token_id: int) -> tuple[str, datetime]:
    """Return the code of a one-time link for a token, and until when it is good."""
    expires_at = utcnow() + LINK_LIFE
    return await _give_out(session, SignInLink, token_id, expires_at), expires_at


async def redeem_link(session: AsyncSession, code: str) -> int | None:
    """Return the id of the token behind a link's code, which is used up now; None for one that is not good."""
    return await SignInRepository(session).take(SignInLink, _hash(code))


def csrf_of(secret: str) -> str:
    """Return what a form of this session must carry: another site can neither read nor guess it."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


async def _give_out(session: AsyncSession, model: type[Any], token_id: int, expires_at: datetime) -> str:
    secret = secrets.token_urlsafe(32)
    repository = SignInRepository(session)
    await repository.forget_expired(model)
    await repository.add(model(secret_hash=_hash(secret), token_id=token_id, expires_at=expires_at))
    return secret


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
