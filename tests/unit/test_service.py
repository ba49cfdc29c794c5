"""The verbs: who gets in, what they see, and what the database stores."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import bcrypt
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from auth import database_faults, log_in, sign_up
from auth.administration import disable, enable
from auth.errors import (
    AuthError,
    Busy,
    EmailTaken,
    InvalidDetails,
    LogInRefused,
    NoSuchUser,
    Unavailable,
)
from auth.hand_off import end_reason
from auth.limits import LOG_IN_ACCOUNT
from auth.log import BoundedLog
from auth.service import AuthService
from auth.sessions import Client
from db.engine import Database
from db.models import Session, User
from features import FEATURES
from tests.fixtures import KEY, LAPTOP, Clock, Person, make_settings

HOSTILE = [
    "'; DROP TABLE users; --",
    "' OR '1'='1",
    '" OR ""="',
    "%' AND password_hash LIKE '%",
    "\\'; SELECT 1; --",
    "{{7*7}} ${7*7} %s %(id)s :id ?",
    "<script>alert(1)</script>",
    "Ω≈ç√∫˜µ≤≥÷ 田中さん 🏳️‍🌈",
    "null",
    "../../etc/passwd",
    "=cmd|' /C calc'!A0",
]


def users(database: Database) -> list[str]:
    """Return the email key of each account, in order."""
    with database.read() as connection:
        return list(connection.execute(select(User.email_key).order_by(User.email_key)).scalars())


def test_a_new_database_has_no_account(database: Database) -> None:
    """AC-7: no default account."""
    assert users(database) == []


def test_who_signs_up_can_log_in(service: AuthService, ada: Person) -> None:
    """AC-4: in any case, as people type it on a phone."""
    login = service.log_in("ADA@Example.com", ada.password, LAPTOP)

    assert service.resume(login.token) == login.user
    assert login.user.email == "Ada@example.com"


def test_signing_up_gives_no_right_but_to_log_in(database: Database, ada: Person) -> None:
    """AC-8: nothing but the three fields reaches the row."""
    with pytest.raises(TypeError):
        AuthService.sign_up(object(), ada.email, ada.password, is_active=True)  # type: ignore[call-arg, arg-type]

    with database.read() as connection:
        row = connection.execute(select(User.__table__)).one()
    assert (row.is_active, row.auth_version, row.name) == (True, 1, "Ada Lovelace")
    assert row.password_hash.startswith("v1$2b$04$")


def test_every_fault_of_every_field_is_told_at_once(service: AuthService) -> None:
    """PW-5: one look at the form is enough."""
    with pytest.raises(InvalidDetails) as caught:
        service.sign_up("ada", "password", "Ada\nLovelace")

    assert {field: len(faults) for field, faults in caught.value.errors.items()} == {
        "name": 1,
        "email": 1,
        "password": 2,
    }


def test_an_email_makes_one_account(service: AuthService, ada: Person) -> None:
    """AC-4: another spelling of it is the same one."""
    with pytest.raises(EmailTaken):
        service.sign_up(" ADA@EXAMPLE.COM", ada.password)


def test_sixteen_concurrent_sign_ups_with_an_email_make_one_account(
    service: AuthService, database: Database
) -> None:
    """DB-1: the database decides, and the others get EmailTaken."""

    def sign_up(number: int) -> str:
        try:
            service.sign_up("Ada@example.com", f"kumquat lantern orbit {number}")
        except AuthError as refusal:
            return type(refusal).__name__
        return "made"

    with ThreadPoolExecutor(16) as pool:
        outcomes = sorted(pool.map(sign_up, range(16)))

    assert outcomes == ["EmailTaken"] * 15 + ["made"]
    assert users(database) == ["ada@example.com"]


def test_twenty_log_in_at_once(service: AuthService) -> None:
    """DB-3: none fails because the database is locked."""
    password = "kumquat lantern orbit"
    people = [service.sign_up(f"user{n}@example.com", password).email for n in range(20)]

    with ThreadPoolExecutor(20) as pool:
        logins = list(pool.map(lambda email: service.log_in(email, password, LAPTOP), people))

    assert len({login.token for login in logins}) == 20


def no_change(service: AuthService, ada: Person, database: Database) -> None:
    """Leave Ada's account as it is."""


def disabled(service: AuthService, ada: Person, database: Database) -> None:
    """Disable Ada's account."""
    disable(service, ada.id)


def stored(value: str | None) -> Callable[[AuthService, Person, Database], None]:
    """Return a function that replaces Ada's hash by *value*."""

    def change(service: AuthService, ada: Person, database: Database) -> None:
        with database.write() as connection:
            connection.execute(update(User).values(password_hash=value))

    return change


@pytest.mark.parametrize(
    ("email", "password", "change"),
    [
        pytest.param("Ada@example.com", "wrong password", no_change, id="wrong"),
        pytest.param("eve@example.com", None, no_change, id="unknown"),
        pytest.param("no email", None, no_change, id="no email"),
        pytest.param("\ud800", None, no_change, id="unencodable email"),
        pytest.param("Ada@example.com", None, disabled, id="disabled"),
        pytest.param("Ada@example.com", None, stored(None), id="passwordless"),
        pytest.param("Ada@example.com", None, stored("!x"), id="malformed"),
        pytest.param("Ada@example.com", "x" * 1_000_000, no_change, id="too long"),
        pytest.param("Ada@example.com", "\ud800", no_change, id="unencodable"),
        pytest.param("Ada@example.com", "", no_change, id="empty"),
    ],
)
def test_every_refusal_says_and_costs_the_same(
    service: AuthService,
    ada: Person,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    email: str,
    password: str | None,
    change: Callable[[AuthService, Person, Database], None],
) -> None:
    """EN-1, BC-4: one message and one bcrypt, so that no attacker learns who has an account."""
    checked: list[bytes] = []
    check = bcrypt.checkpw
    change(service, ada, database)

    def spy(password: bytes, hashed: bytes) -> bool:
        checked.append(hashed)
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", spy)

    with pytest.raises(LogInRefused) as caught:
        service.log_in(email, ada.password if password is None else password, LAPTOP)

    assert str(caught.value) == LogInRefused.message
    assert [hashed[4:6] for hashed in checked] == [b"04"]


def test_the_right_password_of_a_cheaper_hash_is_refused_no_faster(
    database: Database, clock: Clock, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BC-4: if the account may not log in, timing does not reveal that it was right."""
    service = AuthService(database, make_settings(bcrypt_rounds=6), features=FEATURES, clock=clock)
    disable(service, ada.id)
    work: list[int] = []
    check, make = bcrypt.checkpw, bcrypt.hashpw

    def count_check(password: bytes, hashed: bytes) -> bool:
        work.append(2 ** int(hashed[4:6]))
        return check(password, hashed)

    def count_make(password: bytes, salt: bytes) -> bytes:
        work.append(2 ** int(salt[4:6]))
        return make(password, salt)

    monkeypatch.setattr(bcrypt, "checkpw", count_check)
    monkeypatch.setattr(bcrypt, "hashpw", count_make)

    with pytest.raises(LogInRefused):
        service.log_in(ada.email, ada.password, LAPTOP)

    assert sum(work) == 2**6


def test_a_log_in_brings_the_hash_up_to_date(
    database: Database, clock: Clock, service: AuthService, ada: Person
) -> None:
    """BC-7, BC-8: at success, and never at a failure."""
    pepper = make_settings().secret_key
    later = AuthService(
        database, make_settings(bcrypt_rounds=5, password_pepper=pepper), clock=clock
    )

    def kept() -> str:
        with database.read() as connection:
            return str(connection.execute(select(User.password_hash)).scalar_one())

    before = kept()
    with pytest.raises(LogInRefused):
        later.log_in(ada.email, "wrong", LAPTOP)
    assert kept() == before

    later.log_in(ada.email, ada.password, LAPTOP)
    assert kept().startswith("v1.") and "$2b$05$" in kept()
    assert later.log_in(ada.email, ada.password, LAPTOP)


def test_a_full_queue_leaves_the_new_hash_to_the_next_log_in(
    database: Database,
    clock: Clock,
    service: AuthService,
    ada: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """AV-4, BC-7: it keeps nobody out whose password was right."""
    later = AuthService(database, make_settings(bcrypt_rounds=5), clock=clock)
    monkeypatch.setattr(log_in, "hash_password", Mock(side_effect=Busy))

    for _ in range(LOG_IN_ACCOUNT.free + 1):
        assert later.log_in(ada.email, ada.password, LAPTOP)


def test_an_imported_user_logs_in_and_gets_our_hash(
    service: AuthService, ada: Person, database: Database
) -> None:
    """BC-10: no user has to choose a new password because the app changed."""
    foreign = bcrypt.hashpw(ada.password.encode(), bcrypt.gensalt(4, b"2a")).decode()
    stored(foreign)(service, ada, database)

    service.log_in(ada.email, ada.password, LAPTOP)

    with database.read() as connection:
        assert str(connection.scalar(select(User.password_hash))).startswith("v1$2b$")


def test_no_transaction_is_open_while_bcrypt_runs(
    service: AuthService, ada: Person, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DB-3: a quarter of a second under the write lock would stop all other users."""
    borrowed: list[int] = []
    pool = database.engine.pool

    for module, name in ((sign_up, "hash_password"), (log_in, "verify_password")):
        run = getattr(module, name)

        def watched(*args: object, run: Callable[..., object] = run) -> object:
            borrowed.append(pool.checkedout())  # type: ignore[attr-defined]
            return run(*args)

        monkeypatch.setattr(module, name, watched)
    service.sign_up("bob@example.com", "kumquat lantern orbit")
    service.log_in(ada.email, ada.password, LAPTOP)

    assert borrowed == [0, 0]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(
    service: AuthService, ada: Person, database: Database, text: str
) -> None:
    """DB-5: in every field it is kept as written, or refused; it never runs."""
    password = f"{text} kumquat lantern orbit"
    service.sign_up("eve@example.com", password, text)

    login = service.log_in("eve@example.com", password, Client(text, text, text))

    assert login.user.name == text
    assert service.resume(text) is None
    with pytest.raises(LogInRefused):
        service.log_in(text, text, LAPTOP)
    with pytest.raises(NoSuchUser):
        disable(service, text)
    assert users(database) == ["ada@example.com", "eve@example.com"]
    assert service.resume(login.token)


VERBS: dict[str, Callable[[AuthService, str], object]] = {
    "sign up": lambda s, token: s.sign_up("eve@example.com", "kumquat lantern orbit"),
    "log in": lambda s, token: s.log_in("Ada@example.com", "kumquat lantern orbit", LAPTOP),
    "resume": lambda s, token: s.resume(token),
    "session": lambda s, token: s.session(token),
    "end reason": lambda s, token: end_reason(s, token),
    "log out": lambda s, token: s.log_out(token),
    "disable": lambda s, token: disable(s, "u"),
    "enable": lambda s, token: enable(s, "u"),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_a_database_that_fails_is_unavailable_and_says_nothing(
    service: AuthService,
    ada: Person,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    verb: Callable[[AuthService, str], object],
) -> None:
    """GD-5, GD-7: closed, with a sentence for the user and no host, query or password in it."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token

    def fail() -> None:
        raise OperationalError("SELECT secret", {}, Exception("host=db password=hunter2"))

    monkeypatch.setattr(database.engine.pool, "connect", fail)

    with pytest.raises(Unavailable) as caught:
        verb(service, token)

    assert str(caught.value) == Unavailable.message


def test_a_database_that_fails_is_one_line_in_the_log_with_its_cause(
    service: AuthService,
    ada: Person,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """AV-7, LG-2: an operator reads why, once a minute at most, and no statement or value."""
    monkeypatch.setattr(database_faults, "log", BoundedLog("auth.database"))

    def fail() -> None:
        raise OperationalError("SELECT secret", {}, Exception("disk I/O error\nmore of it"))

    monkeypatch.setattr(database.engine.pool, "connect", fail)

    for _ in range(3):
        with pytest.raises(Unavailable):
            service.log_in(ada.email, ada.password, LAPTOP)

    assert caplog.messages == ["The database did not answer (Exception): disk I/O error"]
    assert caplog.records[0].exc_info is None


def test_no_secret_reaches_a_log_or_an_exception(
    service: AuthService, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """LG-2, CK-10: neither password nor token nor key, in any case."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []

    login = service.log_in(ada.email, ada.password, LAPTOP)
    for attempt in (
        lambda: service.sign_up(ada.email, ada.password),
        lambda: service.sign_up("eve", ada.password + "\ud800", "\n"),
        lambda: service.log_in("eve@example.com", ada.password, LAPTOP),
        lambda: service.log_in(ada.email, ada.password + "x", Client(token=login.token)),
    ):
        with pytest.raises(AuthError) as caught:
            attempt()
        said.append(repr(caught.value) + str(caught.value) + str(vars(caught.value)))
    service.log_out(login.token)

    for secret in (ada.password, login.token, KEY):
        assert secret not in caplog.text + "".join(said)


def test_a_dump_of_the_database_opens_nothing(
    service: AuthService, ada: Person, database: Database
) -> None:
    """SE-12: the signing key isn't in it, so no column yields a cookie."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token

    with database.read() as connection:
        rows = [
            *connection.execute(select(User.__table__)),
            *connection.execute(select(Session.__table__)),
        ]
    values = [str(value) for row in rows for value in row]

    assert not any(token in value or value == part for value in values for part in token.split("."))
    assert [value for value in values if service.resume(value)] == []
