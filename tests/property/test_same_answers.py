"""No sequence of verbs answers differently for an email with an account."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from auth.administration import disable
from auth.client import Client
from auth.errors import AuthError
from auth.mail import Mail, MailQueue
from auth.service import AuthService
from auth.sign_up import sign_up_by_email
from auth.users import update_user
from db.engine import Database
from features.email_change.rules import change_email
from features.email_verification.rules import resend_link
from features.password_reset.rules import request_reset
from tests.fixtures import NOON, Clock, make_settings, open_session
from tests.template.examples import SHARED_FIXTURES

ADA, EVE = "ada@example.com", "eve@example.com"
PASSWORD, WRONG = "marble otter quiet window", "not the password at all"
NETWORKS = [Client(ip=f"198.51.100.{number}") for number in range(3)]
VERBS = ("sign up", "forgot", "log in", "change email", "resend", "wait", "wait long")
STEPS = st.lists(st.tuples(st.sampled_from(VERBS), st.sampled_from(NETWORKS)), max_size=16)


class Nowhere:
    """A mail server that accepts everything; an attacker does not read Ada's emails."""

    def send(self, mail: Mail) -> None:
        """Accept *mail*."""


class World:
    """An app where Ada has an account of some kind, or none; Eve, the attacker, has one."""

    def __init__(self, url: str, ada: str) -> None:
        self.clock = Clock()
        self.database = Database(url)
        self.queue = MailQueue(Nowhere())
        settings = make_settings(require_verified_email=True)
        self.service = AuthService(self.database, settings, mail_queue=self.queue, clock=self.clock)
        kinds = {EVE: "verified"} | ({ADA: ada} if ada != "none" else {})
        for email, kind in kinds.items():
            user = self.service.sign_up(email, PASSWORD)
            if kind == "disabled":
                disable(self.service, user.id)
            elif kind == "verified":
                with self.database.write() as connection:
                    update_user(connection, user.id, verified_at=NOON)

    def eve(self) -> str:
        """Return a session of Eve's in which she has just typed her password."""
        return self.service.log_in(EVE, PASSWORD, Client(ip="203.0.113.9")).token

    def answer(self, verb: str, client: Client) -> str:
        """Do one thing that Eve can do with Ada's email, from *client*; return what she sees."""
        service = self.service
        verbs: dict[str, Callable[[], object]] = {
            "sign up": partial(sign_up_by_email, service, ADA, PASSWORD, "Eve", client),
            "forgot": partial(request_reset, service, ADA, client),
            "log in": partial(service.log_in, ADA, WRONG, client),
            "change email": lambda: change_email(service, open_session(service, self.eve()), ADA),
            "resend": lambda: resend_link(service, open_session(service, self.eve())),
            "wait": partial(self.clock.advance, timedelta(minutes=5)),
            "wait long": partial(self.clock.advance, timedelta(hours=1)),
        }
        try:
            verbs[verb]()
            answer = "done"
        except AuthError as refusal:
            answer = f"{type(refusal).__name__}: {refusal.message}"
        assert self.queue.finish()  # what is done later may count as well
        return answer

    def close(self) -> None:
        """Leave nothing behind."""
        self.queue.close()
        self.database.close()


@contextmanager
def worlds(template: Path, *kinds: str) -> Iterator[list[World]]:
    """Yield a world for each of *kinds* of Ada's account."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        made = []
        for kind in kinds:
            path = copyfile(template, folder / f"{kind}.db")
            world = World(f"sqlite:///{path}", kind)
            stack.callback(world.close)
            made.append(world)
        yield made


@pytest.mark.parametrize("kind", ["verified", "unverified", "disabled"])
@given(steps=STEPS)
@example(steps=[("sign up", NETWORKS[0])] + [("forgot", NETWORKS[0])] * 6)
@example(steps=[("change email", NETWORKS[0])] * 2 + [("sign up", NETWORKS[0])] * 4)
@profile(SHARED_FIXTURES, max_examples=12)
def test_every_sequence_of_verbs_answers_the_same_with_an_account_and_without(
    sqlite_template: Path, kind: str, steps: list[tuple[str, Client]]
) -> None:
    """EN-1, EN-2, EN-3: the same sentence, the same waits, in any order and from any network."""
    with worlds(sqlite_template, kind, "none") as (has_account, has_none):
        seen, expected = (
            [world.answer(verb, client) for verb, client in steps]
            for world in (has_account, has_none)
        )

    assert seen == expected
    assert not any(answer.startswith("PasswordNeeded") for answer in seen)
