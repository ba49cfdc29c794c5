"""No attacker learns who has an account: the same answer after the same work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import get_ident

import bcrypt
import pytest
from sqlalchemy import delete, event

from auth.administration import disable
from auth.client import Client
from auth.errors import AuthError, LinkRefused, LogInRefused, TooMany
from auth.limits import ALARM_RECIPIENT, MAIL_RECIPIENT, NOTICE_RECIPIENT, SIGN_UP_RECIPIENT
from auth.service import AuthService
from auth.sign_up import sign_up_by_email
from auth.step_up import confirm_password
from auth.users import update_user
from db.engine import Database
from db.models import Session as SessionRow
from features import FEATURES
from features.account.rules import change_password
from features.email_change.rules import change_email
from features.email_verification.rules import confirm_email
from features.password_reset.rules import is_reset_link, request_reset, reset_password
from settings import Settings
from tests.fixtures import LAPTOP, Clock, Letterbox, Person, open_session

NEW = "marble otter quiet window"
CAFE = replace(LAPTOP, ip="198.51.100.9")
Work = tuple[str, int, int]
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/{}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14.{}; rv:150.0) Gecko/20100101 Firefox/150.0",
)


@pytest.fixture
def watch(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], object]], Work]:
    """Return a function that runs a verb and returns its answer, bcrypt runs and statements."""
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
    """Emails of every kind that an attacker may try."""
    disabled = service.sign_up("disabled@example.com", NEW)
    disable(service, disabled.id)
    verified = service.sign_up("spare@example.com", NEW)
    assert verified
    return {
        "has an account": ada.email,
        "has another": "spare@example.com",
        "is disabled": "disabled@example.com",
        "is unknown": "unknown@example.com",
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


def test_asking_for_a_new_password_is_the_same_for_every_email(
    service: AuthService,
    people: dict[str, str],
    watch: Callable[[Callable[[], object]], Work],
    letterbox: Letterbox,
) -> None:
    """EN-2: the answer comes before the account is looked up."""
    works = {
        who: watch(partial(request_reset, service, email, LAPTOP)) for who, email in people.items()
    }

    assert len(set(works.values())) == 1, works
    assert {work[:2] for work in works.values()} == {("done", 0)}
    assert [len(letterbox.to(people[who])) for who in ("is unknown", "is disabled")] == [0, 1]
    assert "new password" in letterbox.to(people["has an account"])[-1].subject


def test_signing_up_by_email_is_the_same_for_a_taken_email(
    database: Database,
    settings: Settings,
    clock: Clock,
    letterbox: Letterbox,
    watch: Callable[[Callable[[], object]], Work],
) -> None:
    """EN-3: only the owner of the email learns it, by email."""
    asking = settings.model_copy(update={"require_verified_email": True})
    service = AuthService(
        database, asking, features=FEATURES, mail_queue=letterbox.queue, clock=clock
    )
    service.sign_up("Ada@example.com", NEW)
    confirm_email(service, letterbox.link("Ada@example.com", "verify-email"), LAPTOP, NEW)

    def sign_up(email: str) -> Work:
        letterbox.queue.finish()  # nothing runs beside what is counted
        return watch(partial(sign_up_by_email, service, email, NEW, "Eve", LAPTOP))

    taken, free = sign_up("ada@example.com"), sign_up("new@example.com")

    assert taken[:2] == free[:2] == ("done", 1)
    assert free[2] - taken[2] == 1  # the row of the audit that a sign-up leaves
    assert "already have an account" in letterbox.to("Ada@example.com")[-1].subject
    assert "Confirm" in letterbox.to("new@example.com")[-1].subject


def test_the_reader_of_the_email_chooses_the_password_of_an_unconfirmed_account(
    database: Database, settings: Settings, clock: Clock, letterbox: Letterbox
) -> None:
    """EN-3: an attacker may have signed up with the email before its owner did."""
    asking = settings.model_copy(update={"require_verified_email": True})
    service = AuthService(
        database, asking, features=FEATURES, mail_queue=letterbox.queue, clock=clock
    )
    sign_up_by_email(service, "ada@example.com", "the password of mallory", "Mallory", CAFE)
    first = letterbox.link("ada@example.com", "verify-email")
    clock.advance(timedelta(hours=1))

    sign_up_by_email(service, "ada@example.com", NEW, "Ada", LAPTOP)
    reset_password(service, letterbox.link("ada@example.com", "reset-password"), NEW, LAPTOP)

    assert service.log_in("ada@example.com", NEW, LAPTOP)
    with pytest.raises(LogInRefused):
        service.log_in("ada@example.com", "the password of mallory", CAFE)
    with pytest.raises(LinkRefused):
        confirm_email(service, first, LAPTOP)


@pytest.mark.slow
def test_attackers_fill_no_mailbox(
    service: AuthService, ada: Person, clock: Clock, letterbox: Letterbox, settings: Settings
) -> None:
    """TH-2: from any number of networks and accounts: a few at once, then two kinds an hour."""
    service.settings = settings.model_copy(update={"require_verified_email": True})
    eve = service.sign_up("eve@example.com", NEW)
    letterbox.queue.finish()
    with service.database.write() as connection:
        update_user(connection, eve.id, verified_at=clock.now)
    before = len(letterbox.to(ada.email))

    def attack(hours: int) -> int:
        for hour in range(hours):
            for number in range(8):
                client = Client(ip=f"198.51.{hour}.{number}")
                token = service.log_in(eve.email, NEW, client).token
                token = confirm_password(service, open_session(service, token), NEW).token
                for verb in (
                    partial(sign_up_by_email, service, "Ada@example.com", NEW, "Eve", client),
                    partial(request_reset, service, "ADA@example.com", client),
                    partial(change_email, service, open_session(service, token), "ada@EXAMPLE.com"),
                ):
                    with suppress(TooMany):
                        verb()
                    letterbox.queue.finish()  # or the queue itself would drop some
            clock.advance(timedelta(hours=1))
        return len(letterbox.to(ada.email)) - before

    assert attack(1) == SIGN_UP_RECIPIENT.free + MAIL_RECIPIENT.free
    assert attack(5) <= SIGN_UP_RECIPIENT.free + MAIL_RECIPIENT.free + 2 * 5


def test_while_asking_is_refused_the_last_link_works(
    service: AuthService, ada: Person, clock: Clock, letterbox: Letterbox
) -> None:
    """TH-4: attackers who use up the limit keep no owner from a new password."""
    for _ in range(12):
        with suppress(TooMany):
            request_reset(service, ada.email, CAFE)
        with pytest.raises(TooMany) as refused:
            for _ in range(MAIL_RECIPIENT.free):
                request_reset(service, ada.email, CAFE)
        clock.advance(refused.value.wait - timedelta(seconds=1))

        assert is_reset_link(service, letterbox.link(ada.email, "reset-password"))
        clock.advance(timedelta(seconds=1))


@pytest.mark.slow
def test_notices_to_one_person_are_few_and_change_no_answer(
    service: AuthService, ada: Person, clock: Clock, letterbox: Letterbox
) -> None:
    """TH-2, EN-2: notices are left out silently; a changed password has its own limit."""

    def received(subject: str) -> int:
        return sum(subject in mail.subject for mail in letterbox.to(ada.email))

    service.log_in(ada.email, ada.password, LAPTOP)
    for number in range(NOTICE_RECIPIENT.free + 5):
        agent = BROWSERS[number % 2].format(number)
        service.log_in(ada.email, ada.password, replace(LAPTOP, user_agent=agent))
        letterbox.queue.finish()
        with service.database.write() as connection:
            connection.execute(delete(SessionRow).where(SessionRow.user_agent == agent))
    assert received("New log-in") == NOTICE_RECIPIENT.free

    token, password = service.log_in(ada.email, ada.password, LAPTOP).token, ada.password
    for number in range(ALARM_RECIPIENT.free + 5):
        new = f"{NEW} number {number}"
        token, password = (
            change_password(service, open_session(service, token), password, new).token,
            new,
        )
        letterbox.queue.finish()
    assert received("was changed") == ALARM_RECIPIENT.free
    request_reset(service, ada.email, LAPTOP)
    clock.advance(ALARM_RECIPIENT.forget)
    change_password(
        service,
        open_session(service, service.log_in(ada.email, password, LAPTOP).token),
        password,
        NEW,
    )
    assert received("was changed") == ALARM_RECIPIENT.free + 1


def test_an_unconfirmed_user_is_refused_like_any_other(
    database: Database,
    settings: Settings,
    clock: Clock,
    letterbox: Letterbox,
    watch: Callable[[Callable[[], object]], Work],
) -> None:
    """EN-1: the right password of an unverified account reveals nothing; then it works."""
    asking = settings.model_copy(update={"require_verified_email": True})
    service = AuthService(
        database, asking, features=FEATURES, mail_queue=letterbox.queue, clock=clock
    )
    sign_up_by_email(service, "ada@example.com", NEW, "Ada", LAPTOP)
    link = letterbox.link("ada@example.com", "verify-email")

    right = watch(lambda: service.log_in("ada@example.com", NEW, LAPTOP))
    unknown = watch(lambda: service.log_in("unknown@example.com", NEW, LAPTOP))
    confirm_email(service, link, LAPTOP, NEW)

    assert right == unknown
    assert service.log_in("ada@example.com", NEW, LAPTOP)


@pytest.mark.parametrize("verb", ["sign up", "forgot", "change password", "change email"])
def test_a_mail_server_that_is_down_changes_no_answer(
    service: AuthService, ada: Person, letterbox: Letterbox, verb: str
) -> None:
    """CVE-2024-45231: a page's answer does not depend on sending the email."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    token = confirm_password(service, open_session(service, token), ada.password).token
    letterbox.shut = True
    verbs: dict[str, Callable[[], object]] = {
        "sign up": lambda: service.sign_up("new@example.com", NEW),
        "forgot": lambda: request_reset(service, ada.email, LAPTOP),
        "change password": lambda: change_password(
            service, open_session(service, token), ada.password, NEW
        ),
        "change email": lambda: change_email(
            service, open_session(service, token), "ada@new.example.com"
        ),
    }

    verbs[verb]()

    assert len(letterbox.to("new@example.com")) == 0


@pytest.mark.parametrize(
    ("typed", "reaches"),
    [("ADA@example.com", True), ("ada@example.com ", True), ("ＡＤＡ@example.com", False)],
)
def test_email_goes_to_the_owner_as_they_spelled_it(
    service: AuthService, ada: Person, letterbox: Letterbox, typed: str, reaches: bool
) -> None:
    """CVE-2019-19844: a look-alike that folds to the same email gets nothing."""
    before = len(letterbox.to(ada.email))
    request_reset(service, typed, LAPTOP)

    assert len(letterbox.to(ada.email)) - before == reaches
    assert {mail.to for mail in letterbox.mails} == {ada.email}
