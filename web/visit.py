"""One run of the app for one visitor: the service, who asks, and the session, resolved once.

The guard makes it at the top of the script; pages, forms and callbacks read it.

    auth, session = visit().auth, visit().session
"""

from dataclasses import dataclass

from auth.client import Client
from auth.errors import SessionOver
from auth.service import AuthService
from auth.sessions import Session
from web.tab import tab


@dataclass(frozen=True)
class Visit:
    """What the guard has resolved for this run."""

    auth: AuthService
    client: Client
    resolved: Session | None = None  # the open session, or None for a signed-out visitor

    @property
    def session(self) -> Session:
        """The open session; raises SessionOver for a signed-out visitor."""
        if self.resolved is None:
            raise SessionOver
        return self.resolved


def visit() -> Visit:
    """Return the visit that the guard has resolved in this tab; raises SessionOver before that."""
    current: Visit | None = tab().visit
    if current is None:
        raise SessionOver
    return current
