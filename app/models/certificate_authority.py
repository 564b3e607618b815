"""The certificate authority of each server."""

from datetime import datetime

from sqlalchemy import ForeignKey, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.base import Base
from app.kit.clock import utcnow
from app.kit.encryption import EncryptedText


class CertificateAuthority(Base):
    """What the certificates of a server's databases are issued by; made with the first of them. PEM."""

    __tablename__ = "certificate_authorities"

    server_id: Mapped[int] = mapped_column(
        ForeignKey("servers.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    certificate: Mapped[str] = mapped_column(Text)
    private_key: Mapped[str] = mapped_column(EncryptedText)
    valid_until: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=utcnow, server_default=func.now())
