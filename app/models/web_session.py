"""Sign-ins of the pages: a browser's session, and the one-time link that opens one; the SHA-256 of each secret is here."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from app.kit.base import Base
from app.kit.clock import utcnow


class _SignInMixin:
    """What was given out to an API token, and until when it is good; it goes with its token."""

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow, server_default=text("now()"))

    @declared_attr
    def token_id(cls) -> Mapped[int]:  # noqa: N805
        """The token that it speaks for."""
        return mapped_column(ForeignKey("api_tokens.id", ondelete="CASCADE"), index=True)


class WebSession(_SignInMixin, Base):
    """A browser that is signed in."""

    __tablename__ = "web_sessions"


class SignInLink(_SignInMixin, Base):
    """A link that signs one browser in, once."""

    __tablename__ = "sign_in_links"
