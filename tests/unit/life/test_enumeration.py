"""Nobody learns who has an account: the same answer, after the same work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import get_ident

import bcrypt
import pytest
from sqlalchemy import event

from auth.errors import AuthError, LinkRefused, LogInRefused
from auth.limits import MAIL_ACCOUNT
from auth.service import AuthService
from db.engine import Database
from settings import Settings
from tests.conftest import LAPTOP, Clock, Person
from tests.unit.life.conftest import Letterbox

NEW = "marble otter quiet window"
CAFE = replace(LAPTOP, address="198.51.100.9")
Work = tuple[str, int, int]


@pytest.fixture
def watch(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], object]], Work]:
    """Return what runs a verb and tells its answer, its bcrypt runs and its statements."""
    runs: list[int] = []
    for name in ("checkpw", "hashpw"):
        run = getattr(bcrypt, name)

        def counted(*args: bytes, run: Callable[..., object] = run) -> object:
            runs.append(1)
            return run(*args)

        monkeypatch.setattr(bcrypt, name, counted)

    @contextmanager
    def statements() -> Iterator[list[str]]:
        here, seen = get_ident(), list[str]()

        def note(connection: object, cursor: object, statement: str, *more: object) -> None:
            if get_ident() == here:  # what is done later is no part of the answer
                seen.append(statement)

        event.listen(database.engine, "before_cursor_execute", note)
        yield seen
        event.remove(database.engine, "before_cursor_execute", note)

    def watched(verb: Callable[[], object]) -> Work:
        runs.clear()
        with statements() as seen:
            try:
                verb()
                answer = "done"
            except AuthError as refusal:
                answer = refusal.message
        return answer, len(runs), len(seen)

    return watched


@pytest.fixture
def people(service: AuthService, ada: Person) -> dict[str, str]:
    """Addresses of every kind that a stranger may try."""
    disabled = service.sign_up("disabled@example.com", NEW)
    service.disable(disabled.id)
    verified = service.sign_up("spare@example.com", NEW)
    assert verified
    return {
        "has an account": ada.email,
        "has another": "spare@example.com",
        "is disabled": "disabled@example.com",
        "is unknown": "nobody@example.com",
    }


def test_every_refused_log_in_is_like_every_other(
    service: AuthService, people: dict[str, str], watch: Callable[[Callable[[], object]], Work]
) -> None:
    """EN-1, BC-4: one sentence, one bcrypt, as many queries."""
    works = {
        who: watch(partial(service.log_in, email, "not the password", LAPTOP))
        for who, email in people.items()
    }

    assert len(set(works.values())) == 1, works
    assert {work[1] for work in works.values()} == {1}


def test_asking_for_a_new_password_is_the_same_for_everybody(
    service: AuthService,
    people: dict[str, str],
    watch: Callable[[Callable[[], object]], Work],
    letterbox: Letterbox,
) -> None:
    """EN-2: the answer comes before anybody looks whether there is an account."""
    works = {
        who: watch(partial(service.forgot_password, email, LAPTOP)) for who, email in people.items()
    }

    assert len(set(works.values())) == 1, works
    assert {work[:2] for work in works.values()} == {("done", 0)}
    assert [len(letterbox.to(people[who])) for who in ("is unknown", "is disabled")] == [0, 1]
    assert "new password" in letterbox.to(people["has an account"])[-1].subject


def test_signing_up_by_mail_is_the_same_for_a_taken_address(
    database: Database,
    settings: Settings,
    clock: Clock,
    letterbox: Letterbox,
    watch: Callable[[Callable[[], object]], Work],
) -> None:
    """EN-3: who owns the address is told in their own mailbox."""
    asking = settings.model_copy(update={"require_verified_email": True})
    service = AuthService(database, asking, mail_queue=letterbox.queue, clock=clock)
    service.sign_up("Ada@example.com", NEW)
    service.confirm_email(letterbox.link("Ada@example.com", "verify-email"), LAPTOP)

    taken, free = (
        watch(partial(service.sign_up_by_mail, email, NEW, "Eve", LAPTOP))
        for email in ("ada@example.com", "new@example.com")
    )

    assert taken[:2] == free[:2] == ("done", 1)
    assert free[2] - taken[2] == 1  # the row of the audit that a sign-up leaves
    assert "already have an account" in letterbox.to("Ada@example.com")[-1].subject
    assert "Confirm" in letterbox.to("new@example.com")[-1].subject


def test_who_reads_the_mail_chooses_the_password_of_an_account_nobody_confirmed(
    database: Database, settings: Settings, clock: Clock, letterbox: Letterbox
) -> None:
    """EN-3: somebody may have signed up with the address before its owner did, and waits."""
    asking = settings.model_copy(update={"require_verified_email": True})
    service = AuthService(database, asking, mail_queue=letterbox.queue, clock=clock)
    service.sign_up_by_mail("ada@example.com", "the password of mallory", "Mallory", CAFE)
    first = letterbox.link("ada@example.com", "verify-email")
    clock.advance(timedelta(hours=1))

    service.sign_up_by_mail("ada@example.com", NEW, "Ada", LAPTOP)
    service.reset_password(letterbox.link("ada@example.com", "reset-password"), NEW, LAPTOP)

    assert service.log_in("ada@example.com", NEW, LAPTOP)
    with pytest.raises(LogInRefused):
        service.log_in("ada@example.com", "the password of mallory", CAFE)
    with pytest.raises(LinkRefused):
        service.confirm_email(first, LAPTOP)


def test_signing_up_with_a_taken_address_fills_no_mailbox(
    database: Database, settings: Settings, clock: Clock, letterbox: Letterbox
) -> None:
    """EN-3, TH-2: as many mails as asking for a new password would bring, and the same answer."""
    asking = settings.model_copy(update={"require_verified_email": True})
    service = AuthService(database, asking, mail_queue=letterbox.queue, clock=clock)
    service.sign_up("ada@example.com", NEW)
    before = len(letterbox.to("ada@example.com"))

    for _ in range(MAIL_ACCOUNT.free + 3):
        service.sign_up_by_mail("ada@example.com", NEW, "Eve", CAFE)

    assert len(letterbox.to("ada@example.com")) - before == MAIL_ACCOUNT.free


def test_who_has_not_confirmed_is_refused_like_anybody(
    database: Database,
    settings: Settings,
    clock: Clock,
    letterbox: Letterbox,
    watch: Callable[[Callable[[], object]], Work],
) -> None:
    """EN-1: the right password of an unverified account tells nothing either; then it opens."""
    asking = settings.model_copy(update={"require_verified_email": True})
    service = AuthService(database, asking, mail_queue=letterbox.queue, clock=clock)
    service.sign_up_by_mail("ada@example.com", NEW, "Ada", LAPTOP)
    link = letterbox.link("ada@example.com", "verify-email")

    right = watch(lambda: service.log_in("ada@example.com", NEW, LAPTOP))
    unknown = watch(lambda: service.log_in("nobody@example.com", NEW, LAPTOP))
    service.confirm_email(link, LAPTOP)

    assert right == unknown
    assert service.log_in("ada@example.com", NEW, LAPTOP)


@pytest.mark.parametrize("verb", ["sign up", "forgot", "change password", "change email"])
def test_a_mail_server_that_is_down_changes_no_answer(
    service: AuthService, ada: Person, letterbox: Letterbox, verb: str
) -> None:
    """CVE-2024-45231: what a page says depends on nothing that happens to the mail."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    service.confirm_password(token, ada.password)
    letterbox.shut = True
    verbs: dict[str, Callable[[], object]] = {
        "sign up": lambda: service.sign_up("new@example.com", NEW),
        "forgot": lambda: service.forgot_password(ada.email, LAPTOP),
        "change password": lambda: service.change_password(token, ada.password, NEW),
        "change email": lambda: service.change_email(token, "ada@new.example.com"),
    }

    verbs[verb]()

    assert len(letterbox.to("new@example.com")) == 0


@pytest.mark.parametrize(
    ("typed", "reaches"),
    [("ADA@example.com", True), ("ada@example.com ", True), ("ＡＤＡ@example.com", False)],
)
def test_mail_goes_to_the_address_as_its_owner_spelled_it(
    service: AuthService, ada: Person, letterbox: Letterbox, typed: str, reaches: bool
) -> None:
    """CVE-2019-19844: a look-alike that folds to ours gets no mail of ours."""
    before = len(letterbox.to(ada.email))
    service.forgot_password(typed, LAPTOP)

    assert len(letterbox.to(ada.email)) - before == reaches
    assert {mail.to for mail in letterbox.mails} == {ada.email}
