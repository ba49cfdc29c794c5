"""The cookie in the browser, behind one small interface, by one of two bridges.

A script cannot set a cookie. It can ask a component in the page to, and a rerun takes away a
component that has not run yet. So a write waits in the tab's state, is mounted on every run, and
is dropped when the browser reports that it is done: nothing sleeps and nothing is lost.
"""

from typing import Protocol

from streamlit.delta_generator import DeltaGenerator

from auth.service import AuthService
from auth.users import Login
from web.connection import http_only_cookie
from web.cookie_manager import CookieManagerBridge
from web.http_only import HttpOnlyBridge
from web.tab import Asker


class Bridge(Protocol):
    """One way to carry the token between the browser and the script."""

    def sync(self, slot: DeltaGenerator) -> None:
        """Take up what the browser has answered; mount in *slot* what it still has to do."""

    def cookie_token(self) -> str | None:
        """Return the token that the browser presents, or None."""

    def is_ready(self, slot: DeltaGenerator) -> bool:
        """Return whether the browser has had its chance to present one; ask it in *slot* if not."""

    def keep(self, login: Login) -> None:
        """Have the browser keep the token of *login*; a write still on its way is superseded."""

    def forget(self, token: str | None) -> None:
        """Have the browser forget the token of the session of *token*, and no later one."""

    def newest_token(self, slot: DeltaGenerator, asker: Asker) -> str | None:
        """Return the browser's newest token; None where it has none, or has not answered yet.

        The page is asked in *slot*. For the GUARD the run is held until the answer is here, or a
        few seconds: a run that ended without it would take the page away, and a submitted form
        with it. The WATCH asks again in its next run.
        """


def bridge(auth: AuthService) -> Bridge:
    """Return the bridge for this connection: by what it can do, not by a setting."""
    if name := http_only_cookie():
        return HttpOnlyBridge(auth, name)
    return CookieManagerBridge(auth, auth.settings.cookie_name)
