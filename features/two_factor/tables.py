"""The tables of this feature: authenticator apps, recovery codes and trusted devices."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.models import Base


class Authenticator(Base):
    """A user's authenticator app: its row exists once a correct code has confirmed it."""

    __tablename__ = "authenticators"

    user_id: Mapped[str] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    secret: Mapped[str] = mapped_column(Text)  # encrypted, with its key's id in front
    last_step: Mapped[int] = mapped_column(BigInteger)  # of the last code that counted
    created_at: Mapped[datetime]


class TrustedDevice(Base):
    """A browser that isn't asked for a code; only the hash of its cookie is kept."""

    __tablename__ = "trusted_devices"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    auth_version: Mapped[int]  # the user's when it was trusted; a difference ends the trust
    session_id: Mapped[str] = mapped_column(String(32), index=True)  # with whose cookie it is sent
    hash: Mapped[str | None] = mapped_column(String(64), unique=True)  # None until it is sent
    user_agent: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class RecoveryCode(Base):
    """An unused recovery code; only its hash is kept."""

    __tablename__ = "recovery_codes"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
