"""In any order of events, nothing runs that the user's roles forbid."""

from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from auth.administration import disable, enable, end_every_session, grant, revoke
from auth.errors import AuthError, LastAdmin, LogInRefused
from auth.roles import Role, require_role
from auth.service import AuthService
from auth.sessions import Session
from db.engine import Database
from tests.fixtures import LAPTOP, Clock, make_settings

PASSWORD = "kumquat lantern orbit"
NAMES = ("ada", "bob", "eve")
WHO = st.sampled_from(NAMES)


@dataclass
class Known:
    """The model of a user."""

    id: str
    admin: bool = False
    active: bool = True
    open: set[str] = field(default_factory=set)  # the tokens of open sessions


class Tabs(RuleBasedStateMachine):
    """Users whose tabs stay open while roles come and go, and whose buttons are clicked late."""

    template: Path
    tokens: Bundle[tuple[str, str]] = Bundle("tokens")
    pages: Bundle[tuple[str, str, Session]] = Bundle("pages")  # as a run resolved them earlier

    @initialize()
    def start(self) -> None:
        """Make three accounts in a new database; the first is an admin."""
        self.folder = TemporaryDirectory()
        path = copyfile(self.template, Path(self.folder.name) / "app.db")
        self.database = Database(f"sqlite:///{path}")
        self.service = AuthService(self.database, make_settings(), clock=Clock())
        self.known = {
            name: Known(self.service.sign_up(f"{name}@example.com", PASSWORD).id) for name in NAMES
        }
        grant(self.service, self.known["ada"].id, Role.ADMIN)
        self.known["ada"].admin = True

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.database.close()
        self.folder.cleanup()

    def may(self, name: str, token: str) -> bool:
        """Return whether that tab may do now what only admins may."""
        user = self.known[name]
        return user.admin and token in user.open

    def others_are_left(self, name: str) -> bool:
        """Return whether there is an active admin besides *name*."""
        return any(it.admin and it.active for other, it in self.known.items() if other != name)

    @rule(target=tokens, name=WHO)
    def log_in(self, name: str) -> tuple[str, str] | MultipleResults[tuple[str, str]]:
        """A session for an active user."""
        user = self.known[name]
        if not user.active or len(user.open) == 5:
            return multiple()
        token = self.service.log_in(f"{name}@example.com", PASSWORD, LAPTOP).token
        user.open.add(token)
        return name, token

    @rule(target=pages, held=tokens)
    def run(self, held: tuple[str, str]) -> MultipleResults[tuple[str, str, Session]]:
        """A run draws a page, with the session and the roles of this moment."""
        session = self.service.resume_session(held[1])
        if session is None or session.end_reason:
            return multiple()
        return multiple((*held, session))

    @rule(name=WHO, given=st.booleans())
    def change_role(self, name: str, given: bool) -> None:
        """RO-3: an operator grants or revokes, but not the last admin's."""
        user = self.known[name]
        if given:
            assert grant(self.service, user.id, Role.ADMIN) is not user.admin
            user.admin = True
        elif user.admin and not self.others_are_left(name):
            with pytest.raises(LastAdmin):
                revoke(self.service, user.id, Role.ADMIN)
        else:
            assert revoke(self.service, user.id, Role.ADMIN) is user.admin
            user.admin = False

    @rule(name=WHO, active=st.booleans())
    def switch(self, name: str, active: bool) -> None:
        """SE-6, RO-3: either ends the sessions; the last admin is not disabled."""
        user = self.known[name]
        if active:
            enable(self.service, user.id)
        elif user.admin and not self.others_are_left(name):
            with pytest.raises(LastAdmin):
                disable(self.service, user.id)
            return
        else:
            disable(self.service, user.id)
        user.active = active
        user.open.clear()

    @rule(name=WHO)
    def try_password(self, name: str) -> None:
        """BC-4: a disabled user has no session, whatever their roles."""
        if not self.known[name].active:
            with pytest.raises(LogInRefused):
                self.service.log_in(f"{name}@example.com", PASSWORD, LAPTOP)

    @rule(held=tokens)
    def call_back(self, held: tuple[str, str]) -> None:
        """GD-2, RO-1: a callback of an open tab asks again, as `protected(role=…)` does."""
        session = self.service.resume_session(held[1], touch=False, trusted=True)
        may = bool(session and session.is_open and Role.ADMIN in session.roles)

        assert may == self.may(*held)

    @rule(page=pages, name=WHO)
    def click_late(self, page: tuple[str, str, Session], name: str) -> None:
        """RO-2: a button of a page drawn earlier does what its user may now, and nothing else."""
        *held, session = page
        target = self.known[name]
        try:
            end_every_session(self.service, target.id, by=session)
        except AuthError:
            assert not self.may(*held)
        else:
            assert self.may(*held)
            target.open.clear()

    @invariant()
    def an_admin_is_left(self) -> None:
        """RO-3: always."""
        if hasattr(self, "known"):
            assert any(it.admin and it.active for it in self.known.values())

    @invariant()
    def roles_are_what_the_model_says(self) -> None:
        """RO-1: in every open session, whenever it began."""
        for user in getattr(self, "known", {}).values():
            for token in user.open:
                session = self.service.resume_session(token, touch=False)
                assert session
                assert session.is_open
                assert (Role.ADMIN in session.roles) == user.admin
                if user.admin:
                    require_role(session, Role.ADMIN)


def test_in_any_order_nothing_runs_that_a_role_forbids(sqlite_template: Path) -> None:
    """RO-1, RO-2, RO-3: over orders of grant, revoke, disable, log-in, run, callback and click."""
    Tabs.template = sqlite_template

    run_state_machine_as_test(Tabs, settings=profile(max_examples=25, stateful_step_count=30))
