"""The table of invitations."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models import KEY, Base

PENDING = text("accepted_at IS NULL")


class Invitation(Base):
    """An invitation to an email; sending it again replaces its link."""

    __tablename__ = "invitations"
    __table_args__ = (
        Index(
            "uq_invitations_pending_email_key",
            "email_key",
            unique=True,
            sqlite_where=PENDING,
            postgresql_where=PENDING,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)  # of the link's token
    email: Mapped[str] = mapped_column(Text)  # as the admin typed it
    email_key: Mapped[str] = mapped_column(KEY)
    roles: Mapped[str] = mapped_column(Text)  # names, separated by commas
    note: Mapped[str] = mapped_column(Text)
    by_id: Mapped[str | None] = mapped_column(String(32))  # the admin; None: an operator
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    # Deleted with the account, like all personal data.
    user_id: Mapped[str | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
