"""The tables of this feature: passkeys, and the users who were offered one."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.models import Base


class Passkey(Base):
    """A passkey: its public key, and for which host it was made."""

    __tablename__ = "passkeys"

    id: Mapped[str] = mapped_column(Text, primary_key=True)  # the credential's, base64url
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    host: Mapped[str] = mapped_column(Text, index=True)  # its RP ID
    public_key: Mapped[str] = mapped_column(Text)  # COSE, base64url
    sign_count: Mapped[int] = mapped_column(BigInteger)  # 0 for those that are synced
    synced: Mapped[bool]  # whether its device keeps a copy elsewhere
    transports: Mapped[str] = mapped_column(Text)  # how browsers reach its device, by commas
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class PasskeyOffer(Base):
    """A user who has been offered a passkey: that happens once."""

    __tablename__ = "passkey_offers"

    user_id: Mapped[str] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    at: Mapped[datetime]
