"""The certificates of databases that speak TLS."""

from datetime import datetime

from sqlalchemy import String, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base
from app.kit.clock import utcnow
from app.kit.encryption import EncryptedText


class DatabaseCertificate(Base):
    """The current certificate of one database and its key, PEM; `(database_type, database_id)` names it."""

    __tablename__ = "database_certificates"

    database_type: Mapped[str] = mapped_column(String(32), primary_key=True)
    database_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    certificate: Mapped[str] = mapped_column(Text)
    private_key: Mapped[str] = mapped_column(EncryptedText)
    valid_until: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=utcnow, server_default=func.now())
