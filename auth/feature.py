"""A feature's declaration: the one value through which the core and the pages reach it.

The core imports no feature. `features/__init__.py` lists the declarations; the app, the server and
the commands hand that list to AuthService and to the navigation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from auth.audit import Event

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from auth.client import Client
    from auth.emails import Emails
    from auth.fields import Email
    from auth.mail import Mail
    from auth.service import AuthService
    from auth.sessions import Session
    from auth.users import Account, User


@dataclass(frozen=True)
class Page:
    """A feature's page: `features/FEATURE/NAME.py`, served at /NAME with hyphens for underscores.

    Only signed-in users can open it unless it is *public*. With an *icon* it appears in the menu.
    """

    name: str
    title: str
    public: bool = False
    icon: str | None = None


@dataclass(frozen=True)
class Feature:
    """A feature: its folder's name and what it adds. Every part is optional.

    A stage runs after the password check and before the session starts. It returns to continue, or
    raises an AuthError to refuse or to ask for more. It runs only for active accounts that aren't
    locked, and the log-in's counters are refunded only after the last stage.
    """

    name: str
    pages: Sequence[Page] = ()
    has_card: bool = False  # `card.py` draws on the account page when it is run
    events: Mapping[Event, str] = field(default_factory=dict)  # as "Recent activity" words them
    samples: Callable[[Emails], Sequence[Mail]] | None = None  # one of each of its emails
    export: Callable[[AuthService, Connection, User], Mapping[str, Any]] | None = None  # download
    stage: Callable[[AuthService, Account, Client], None] | None = None
    after_sign_up: Callable[[AuthService, User, Client | None], None] | None = None
    after_taken_sign_up: Callable[[AuthService, Email, Client], None] | None = None
    after_log_in: Callable[[AuthService, Session], None] | None = None


def paths_of(features: Sequence[Feature]) -> set[str]:
    """Return the URL paths of the pages of *features*."""
    pages = [page for feature in features for page in feature.pages]
    return {f"/{page.name.replace('_', '-')}" for page in pages}
