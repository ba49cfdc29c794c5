"""A feature's declaration: the one value through which the core and the pages reach a feature.

No rule of the core imports a feature. `features/__init__.py` lists the declarations; `web/start.py`
and `auth/__main__.py`, which put the app and its commands together, hand that list to AuthService.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from auth.audit import Event
from auth.roles import Role
from auth.sessions import forget_clients

if TYPE_CHECKING:
    from datetime import datetime

    from click import Command
    from sqlalchemy import Connection

    from auth.client import Client
    from auth.emails import Emails
    from auth.housekeeping import Expired
    from auth.mail import Mail
    from auth.service import AuthService
    from auth.sessions import Session
    from auth.users import Account, Email, Login, User


@dataclass(frozen=True)
class Page:
    """A feature's page: `features/FEATURE/NAME.py`, served at /NAME with hyphens for underscores.

    Only signed-in users can open it unless it is *public*; with a *role*, only those who have it.
    With an *icon* it appears in the menu.
    """

    name: str
    title: str
    public: bool = False
    icon: str | None = None
    role: Role | None = None


class Invitee(NamedTuple):
    """Someone who was invited and has no account yet."""

    email: str
    sent_at: datetime


class DeviceToken(NamedTuple):
    """What a browser keeps beside the session's cookie, in an HttpOnly one of its own."""

    value: str
    max_age: int  # seconds


@dataclass(frozen=True)
class Feature:
    """A feature: its folder's name and what it adds. Every part is optional.

    What it *draws* on other pages is in modules of its folder, found by their names: `card` on the
    account page, `profile` below the profile there, `home` on the home page, `devices` on "Your
    devices", `menu` in the menu of every page, and `buttons`, beside the password, for another way
    to log in.

    A stage runs after the password check and before the session starts. It returns to continue,
    raises StepNeeded to ask for more, or another AuthError to refuse. It runs only for active
    accounts that aren't locked, and the log-in's counters are refunded only after the last stage.
    What it asks for is drawn by `show_step` in the feature's `step.py`, on the log-in page; the
    rule that checks the answer continues with `stages.pass_stage`.
    """

    name: str
    pages: Sequence[Page] = ()
    draws: Collection[str] = ()  # the modules that draw on other pages
    events: Mapping[Event, str] = field(default_factory=dict)  # as "Recent activity" words them
    samples: Callable[[Emails], Sequence[Mail]] | None = None  # a sample of each email
    export: Callable[[AuthService, Connection, User], Mapping[str, Any]] | None = None  # download
    # For the list of users: invited people whose email begins with a text and sorts after another.
    invited: Callable[[AuthService, Session, str, str], Sequence[Invitee]] | None = None
    stage: Callable[[AuthService, Account, Client], bool | None] | None = None  # True: shown
    device_token: Callable[[AuthService, Login], DeviceToken | None] | None = None
    at_start: Callable[[AuthService], Sequence[str]] | None = None  # returns lines for the log
    # By the user's id, whether the account has a second factor of this feature's.
    has_factor: Callable[[AuthService, Connection, str], bool] | None = None
    is_factor: bool = False  # its stage asks for a second factor: skipped where two were shown
    allows: Callable[[AuthService, Session], bool] | None = None  # on every run: without a query
    rotate: Callable[[AuthService], int] | None = None  # encrypt under the newest key; how many
    commands: Sequence[Command] = ()  # of `python -m auth`: see auth/operator.py
    after_sign_up: Callable[[AuthService, User, Client | None], None] | None = None
    after_taken_sign_up: Callable[[AuthService, Email, Client], None] | None = None
    after_log_in: Callable[[AuthService, Session], None] | None = None
    # By the user's id, and whether everything is *planted*: see `run_after_takeover`.
    after_takeover: Callable[[AuthService, Connection, str, bool], Mail | None] | None = None
    expired: Callable[[datetime], Sequence[Expired]] | None = None  # what the purge deletes by now


def paths_of(features: Sequence[Feature]) -> set[str]:
    """Return the URL paths of the log-in page and of the pages of *features*."""
    names = [page.name for feature in features for page in feature.pages]
    return {f"/{name.replace('_', '-')}" for name in ("log_in", *names)}


def has_factor(auth: AuthService, connection: Connection, user_id: str, *, but: str) -> bool:
    """Return whether the account has a second factor of a feature that isn't *but*."""
    return any(
        each.has_factor(auth, connection, user_id)
        for each in auth.features
        if each.has_factor and each.name != but
    )


def run_after_takeover(
    auth: AuthService, connection: Connection, user_id: str, *, planted: bool
) -> Sequence[Mail]:
    """End what an attacker may have planted in an account that its owner takes back.

    Each feature does so in the caller's transaction. *planted* is whether nothing in the account
    can be its owner's, the networks of its sessions included. Returns the notices to send once that
    transaction is done.
    """
    if planted:
        forget_clients(connection, user_id)
    hooks = [feature.after_takeover for feature in auth.features if feature.after_takeover]
    notices = [hook(auth, connection, user_id, planted) for hook in hooks]
    return [notice for notice in notices if notice]
