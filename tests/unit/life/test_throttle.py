"""The throttle at log-in: exact under concurrency, and never a weapon against the owner."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import bcrypt
import pytest
from sqlalchemy import func, select, update

from auth import limits, passwords
from auth.audit import Event
from auth.client import Client
from auth.errors import Busy, LinkRefused, LogInRefused, TooMany, WrongPassword
from auth.housekeeping import purge, purge_batch
from auth.limits import (
    FIRST_WAIT,
    LOG_IN_ACCOUNT,
    LOG_IN_NETWORK,
    MAIL_RECIPIENT,
    MOST_FAILURES,
    PASSWORD_AGAIN,
    SITE_FACTOR,
)
from auth.service import AuthService
from auth.sessions import known_networks
from auth.step_up import confirm_password
from auth.throttle import CounterState, Limit, clear, take
from db.engine import Database
from db.models import AuditEvent, Counter, User
from features import FEATURES
from features.account.rules import change_password
from features.email_verification.rules import confirm_email, resend_link
from features.password_reset.rules import request_reset, reset_password
from features.personal_data.rules import delete_account
from settings import Settings
from tests.fixtures import CHEAPEST, LAPTOP, NOON, Clock, Letterbox, Person, open_session

WRONG = "not the password at all"
CAFE = Client(ip="198.51.100.9", user_agent=LAPTOP.user_agent)
NEW = "marble otter quiet window"


MINUTE = timedelta(minutes=1)
WAITING = Limit("waits", 3, forget=120 * MINUTE, first=MINUTE, longest=4 * MINUTE)
BRIEF = Limit("waits, and is soon forgotten", 3, forget=30 * MINUTE, first=MINUTE)
WINDOW = Limit("window", 3, forget=120 * MINUTE)


def at(count: int, until: int, expires_at: int) -> CounterState:
    """Return the state of a counter, with its moments in minutes from noon."""
    return CounterState(count, NOON + until * MINUTE, NOON + expires_at * MINUTE)


@pytest.mark.parametrize(
    ("limit", "stored", "current"),
    [
        pytest.param(WAITING, at(3, -1, 1), at(3, -1, 1), id="not yet expired"),
        pytest.param(WAITING, at(3, -1, 0), at(0, 0, 0), id="expired"),
        pytest.param(WAITING, at(3, 1, 500), at(3, 1, 500), id="kept for long"),
        pytest.param(WAITING, at(3, 5, 60), at(3, 5, 60), id="a wait by a clock a bit ahead"),
        pytest.param(WAITING, at(3, 6, 60), at(3, 0, 60), id="a wait by a wrong clock"),
        pytest.param(WINDOW, at(3, 120, 120), at(3, 120, 120), id="a whole window"),
        pytest.param(WINDOW, at(2, 0, 121), at(2, 0, 121), id="a window by a clock a bit ahead"),
        pytest.param(WINDOW, at(2, 0, 122), at(0, 0, 0), id="a window by a wrong clock"),
    ],
)
def test_a_counter_counts_until_it_expires_or_its_clock_was_wrong(
    limit: Limit, stored: CounterState, current: CounterState
) -> None:
    """TH-1, AV-6: exact to the second; a wrong clock's wait is dropped, and the count stays."""
    assert limit.current(stored, NOON) == current


@pytest.mark.parametrize(
    ("limit", "state", "minutes"),
    [
        pytest.param(WAITING, at(2, 3, 60), 0, id="attempts are left"),
        pytest.param(WAITING, at(3, 3, 60), 3, id="none is left"),
        pytest.param(WAITING, at(3, 5, 60), 4, id="the longest"),
        pytest.param(WINDOW, at(3, 90, 90), 90, id="to the window's end"),
        pytest.param(WINDOW, at(3, 121, 121), 120, id="a window's length"),
    ],
)
def test_a_wait_begins_when_no_attempt_is_left_and_is_never_longer_than_stated(
    limit: Limit, state: CounterState, minutes: int
) -> None:
    """TH-1, AV-6: also where another server's clock is ahead."""
    assert limit.wait(state, NOON) == minutes * MINUTE


@pytest.mark.parametrize(
    ("limit", "before", "after"),
    [
        pytest.param(WAITING, at(0, -9, -9), at(1, 0, 60), id="the first, kept for an hour"),
        pytest.param(BRIEF, at(0, -9, -9), at(1, 0, 30), id="the first, kept for less"),
        pytest.param(WAITING, at(2, 0, 60), at(3, 1, 121), id="the last free one"),
        pytest.param(WAITING, at(3, 0, 120), at(4, 2, 122), id="the wait doubles"),
        pytest.param(WAITING, at(5, 0, 120), at(6, 4, 124), id="the wait is the longest"),
        pytest.param(WAITING, at(9_999, 0, 120), at(10_000, 4, 124), id="after thousands"),
        pytest.param(WINDOW, at(0, -9, -9), at(1, 0, 120), id="the first opens the window"),
        pytest.param(WINDOW, at(1, -9, 50), at(2, 0, 50), id="the second leaves it"),
        pytest.param(WINDOW, at(2, -9, 50), at(3, 50, 50), id="the last of the window"),
    ],
)
def test_an_attempt_counts_one_and_waits_double(
    limit: Limit, before: CounterState, after: CounterState
) -> None:
    """TH-1, TH-5: below the limit nothing waits and little is kept."""
    assert limit.spend(before, NOON) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (at(5, 4, 124), at(4, 0, 124)),
        (at(4, 2, 122), at(3, 0, 122)),
        (at(3, 1, 121), at(2, 0, 121)),
        (at(1, 0, 60), at(0, 0, 60)),
        (at(0, 0, 0), at(0, 0, 0)),
    ],
)
def test_a_refund_takes_one_attempt_back_and_the_wait_that_it_began(
    before: CounterState, after: CounterState
) -> None:
    """TH-1: one success pays for itself alone."""
    assert WAITING.refund(before, NOON) == after


def test_counters_are_reset_in_the_order_in_which_they_are_locked(database: Database) -> None:
    """TH-3: of two that do so at once, neither fails where PostgreSQL ends a deadlock."""
    first, last = sorted((WAITING.on(name) for name in "ab"), key=lambda each: each.key)
    for counter in (last, first):  # the database itself would begin with the older row
        with database.write() as connection:
            take(connection, [counter], NOON)

    def reset() -> None:
        with database.write() as connection:
            clear(connection, [first, last])

    with ThreadPoolExecutor(1) as thread:
        with database.write() as connection:
            take(connection, [first], NOON)
            other = thread.submit(reset)
            with pytest.raises(TimeoutError):
                other.result(0.3)
            take(connection, [last], NOON)
        other.result()


def test_each_limit_counts_each_subject_by_itself() -> None:
    """TH-5: an email that cannot be encoded, too; the key names none."""
    subjects = ("ada@example.com", "bob@example.com", "", "\ud800")
    keys = [limit.on(subject).key for limit in (WAITING, WINDOW) for subject in subjects]

    assert len({*keys}) == len(keys)
    assert WAITING.on("\ud800") == WAITING.on("\ud800")
    assert all(len(key) == 64 for key in keys)


def test_a_refused_attempt_counts_where_it_is_asked_to_while_there_is_room(
    database: Database,
) -> None:
    """AV-1: each refusal costs the network; beyond its limit nothing is written any more."""
    own, network = Limit("own", 1, 60 * MINUTE).on("ada"), WINDOW.on("network")
    counted = []
    with database.write() as connection:
        take(connection, [own, network], NOON)
        for also in ([], [network], [network], [network]):
            with pytest.raises(TooMany) as refused:
                take(connection, [own, network], NOON, if_refused=also)
            counted.append(refused.value.counted)

    assert counted == [False, True, True, False]


def guess(service: AuthService, email: str, client: Client = CAFE) -> str:
    """Try a wrong password; return the outcome."""
    try:
        service.log_in(email, WRONG, client)
    except (LogInRefused, TooMany) as refusal:
        return type(refusal).__name__
    return "in"


def use_up(service: AuthService, email: str, client: Client = CAFE) -> None:
    """Guess until a wait begins."""
    for _ in range(LOG_IN_ACCOUNT.free):
        assert guess(service, email, client) == "LogInRefused"
    assert guess(service, email, client) == "TooMany"


@pytest.fixture
def count_bcrypt(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by one with each run of bcrypt."""
    runs: list[int] = []
    check = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        runs.append(1)
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    return runs


def test_twenty_guesses_at_once_get_five_answers(service: AuthService, ada: Person) -> None:
    """TH-3: an attempt is counted before its work, so no concurrent one slips through."""
    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(lambda _: guess(service, ada.email), range(20)))

    assert outcomes.count("LogInRefused") == LOG_IN_ACCOUNT.free
    assert outcomes.count("TooMany") == 20 - LOG_IN_ACCOUNT.free


def test_every_process_counts_in_the_same_place(
    service: AuthService, ada: Person, database_url: str, settings: Settings, clock: Clock
) -> None:
    """TH-3: another process, or this one after a restart, sees earlier attempts."""
    other_database = Database(database_url)
    other = AuthService(other_database, settings, features=FEATURES, clock=clock)

    use_up(service, ada.email)

    assert guess(other, ada.email) == "TooMany"
    other_database.close()


def test_waits_double_and_end_by_themselves(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """TH-1: half a minute, a minute, two …, an hour at most; then one more attempt each."""
    use_up(service, ada.email)
    waits = []
    for _ in range(10):
        with pytest.raises(TooMany) as refused:
            service.log_in(ada.email, WRONG, CAFE)
        waits.append(refused.value.wait.total_seconds())
        clock.advance(refused.value.wait)
        assert guess(service, ada.email) == "LogInRefused"

    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_a_person_is_told_how_long_to_wait(service: AuthService, ada: Person) -> None:
    """TH-1: in words, and rounded up."""
    use_up(service, ada.email)

    with pytest.raises(TooMany, match=r"^Too many attempts. Try again in 30 seconds.$"):
        service.log_in(ada.email, ada.password, CAFE)

    assert str(TooMany(timedelta(seconds=181))).endswith("Try again in 4 minutes.")
    assert str(TooMany(timedelta(hours=1))).endswith("Try again in 1 hour.")


def test_the_right_password_forgives_the_wrong_ones(service: AuthService, ada: Person) -> None:
    """TH-1: the counter counts consecutive failures."""
    for _ in range(3):
        for _ in range(LOG_IN_ACCOUNT.free - 1):
            guess(service, ada.email)
        service.log_in(ada.email, ada.password, replace(CAFE, ip=""))


def test_a_refused_attempt_costs_the_same_and_tells_nothing(
    service: AuthService, ada: Person, count_bcrypt: list[int]
) -> None:
    """TH-6: one bcrypt, and the right password is refused like a wrong one."""
    use_up(service, ada.email)
    count_bcrypt.clear()

    for password in (ada.password, WRONG):
        with pytest.raises(TooMany):
            service.log_in(ada.email, password, CAFE)

    assert len(count_bcrypt) == 2


@pytest.mark.slow
def test_a_network_that_has_used_up_its_limit_is_refused_without_bcrypt(
    service: AuthService, ada: Person, count_bcrypt: list[int]
) -> None:
    """AV-1: this depends only on the network, so it reveals nothing about an account."""
    unknown = "unknown@example.com"
    for number in range(LOG_IN_NETWORK.free):
        assert guess(service, f"user{number}@example.com") == "LogInRefused"
    count_bcrypt.clear()

    outcomes = {guess(service, email) for email in (ada.email, unknown, "no email")}

    assert outcomes == {"TooMany"}
    assert count_bcrypt == []


def test_a_full_network_locks_no_account(
    service: AuthService, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LG-1: after one wrong password, her activity doesn't say that logging in was paused."""
    monkeypatch.setattr(limits, "LOG_IN_NETWORK", replace(LOG_IN_NETWORK, free=1))

    assert [guess(service, ada.email) for _ in range(2)] == ["LogInRefused", "TooMany"]

    with service.read() as connection:
        counted = select(func.count()).where(AuditEvent.event == Event.LOCKED.value)
        assert connection.scalar(counted) == 0


@pytest.mark.slow
@pytest.mark.parametrize("client", [CAFE, LAPTOP], ids=["new network", "known network"])
def test_refused_attempts_use_up_the_network_s_limit(
    service: AuthService, ada: Person, count_bcrypt: list[int], client: Client
) -> None:
    """AV-1, BC-9: no flood at one account gets more bcrypts than its network is allowed."""
    service.log_in(ada.email, ada.password, LAPTOP)
    count_bcrypt.clear()

    for _ in range(LOG_IN_NETWORK.free + LOG_IN_ACCOUNT.free + 20):
        guess(service, ada.email, client)

    assert len(count_bcrypt) in {LOG_IN_NETWORK.free, LOG_IN_NETWORK.free + LOG_IN_ACCOUNT.free}


@pytest.mark.slow
def test_a_flood_of_refused_attempts_does_not_keep_the_owner_out_at_home(
    service: AuthService, ada: Person
) -> None:
    """TH-4: the account's known network has its own counters, unaffected by the flood."""
    service.log_in(ada.email, ada.password, LAPTOP)
    for number in range(LOG_IN_NETWORK.free):
        guess(service, f"user{number}@example.com", LAPTOP)

    assert guess(service, "other@example.com", LAPTOP) == "TooMany"
    assert service.log_in(ada.email, ada.password, LAPTOP)


@pytest.mark.parametrize("days", [-30, 30])
def test_a_clock_that_was_wrong_keeps_no_user_out(
    service: AuthService, ada: Person, clock: Clock, letterbox: Letterbox, days: int
) -> None:
    """AV-6: guesses and emails dated a month ahead cause no wait of a month."""
    clock.advance(timedelta(days=days))
    use_up(service, ada.email)
    for _ in range(MAIL_RECIPIENT.free + 1):
        with suppress(TooMany):
            request_reset(service, ada.email, CAFE)

    clock.advance(timedelta(days=-days))

    request_reset(service, ada.email, CAFE)
    assert service.log_in(ada.email, ada.password, CAFE)


@pytest.mark.slow
def test_a_server_with_a_clock_ahead_lets_no_visitor_in_sooner(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """AV-6, TH-3: a wait that is a second too long still counts, as the longest."""
    clock.advance(timedelta(seconds=1))
    for number in range(LOG_IN_NETWORK.free):
        guess(service, f"user{number}@example.com")
    clock.advance(timedelta(seconds=-1))

    with pytest.raises(TooMany) as refused:
        service.log_in(ada.email, ada.password, CAFE)

    assert refused.value.wait == LOG_IN_NETWORK.forget


def test_a_full_queue_is_no_wrong_password(
    service: AuthService, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AV-4, TH-1: a visitor who finds the server busy loses no attempts."""

    def refuse(*args: object) -> None:
        raise Busy

    with monkeypatch.context() as patch:
        patch.setattr(passwords._queue, "run", refuse)
        for _ in range(LOG_IN_ACCOUNT.free + 1):
            with pytest.raises(Busy):
                service.log_in(ada.email, ada.password, CAFE)

    assert service.log_in(ada.email, ada.password, CAFE)


def test_a_full_queue_begins_no_wait_after_wrong_passwords(
    service: AuthService, ada: Person, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AV-4, TH-1: who has waited for the next attempt does not wait twice as long for it."""
    for _ in range(LOG_IN_ACCOUNT.free):
        guess(service, ada.email)
    clock.advance(FIRST_WAIT)

    def refuse(*args: object) -> None:
        raise Busy

    with monkeypatch.context() as patch:
        patch.setattr(passwords._queue, "run", refuse)
        with pytest.raises(Busy):
            service.log_in(ada.email, ada.password, CAFE)

    assert service.log_in(ada.email, ada.password, CAFE)


def test_a_queue_that_fills_up_behind_a_guess_refunds_none(
    service: AuthService, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TH-1, TH-3: the work that only takes time is part of the look at the password."""
    service.scheme = replace(service.scheme, rounds=CHEAPEST + 1)  # Ada's hash is cheaper
    run = passwords._queue.run

    def once(job: Callable[[], object], source: str = "", **how: bool) -> object:
        monkeypatch.setattr(passwords._queue, "run", full)
        return run(job, source, **how)

    def full(*args: object, **how: bool) -> object:
        raise Busy

    for _ in range(LOG_IN_ACCOUNT.free):
        monkeypatch.setattr(passwords._queue, "run", once)
        with pytest.raises(LogInRefused):
            service.log_in(ada.email, WRONG, CAFE)
    monkeypatch.setattr(passwords._queue, "run", run)
    with pytest.raises(TooMany):
        service.log_in(ada.email, ada.password, CAFE)


def test_a_full_queue_is_no_wrong_password_at_step_up_either(
    service: AuthService, ada: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AV-4, AC-3: a user who finds the server busy loses no attempts."""

    def refuse(*args: object) -> None:
        raise Busy

    session = open_session(service, token)
    with monkeypatch.context() as patch:
        patch.setattr(passwords._queue, "run", refuse)
        for _ in range(PASSWORD_AGAIN.free + 1):
            with pytest.raises(Busy):
                confirm_password(service, session, ada.password)

    assert confirm_password(service, session, ada.password)


def test_the_queue_gets_the_requesting_network(
    service: AuthService, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AV-4, BC-9: bcrypt is queued by network, over IPv6 by site: a crowd delays no other."""
    sources: list[str] = []
    run = passwords._queue.run

    def spy(job: Callable[[], object], source: str = "", **how: bool) -> object:
        sources.append(source)
        return run(job, source, **how)

    monkeypatch.setattr(passwords._queue, "run", spy)
    home = Client(ip="2001:db8:7:1::1")

    token = service.log_in(ada.email, ada.password, home).token
    use_up(service, ada.email)
    token = confirm_password(service, open_session(service, token), ada.password).token
    change_password(service, open_session(service, token), ada.password, NEW)
    service.sign_up("bob@example.com", NEW, client=home)

    assert set(sources) == {"2001:db8:7::/48", CAFE.ip}


def test_attackers_cannot_lock_an_owner_out_at_home(service: AuthService, ada: Person) -> None:
    """TH-4: networks that the account was used from have their own limit."""
    service.log_in(ada.email, ada.password, LAPTOP)
    use_up(service, ada.email)

    assert service.log_in(ada.email, ada.password, LAPTOP)
    assert guess(service, ada.email) == "TooMany"


def test_a_known_network_is_no_way_around_either(service: AuthService, ada: Person) -> None:
    """TH-1: an attacker in the owner's network gets only five guesses too."""
    service.log_in(ada.email, ada.password, LAPTOP)

    use_up(service, ada.email, LAPTOP)


def test_without_an_ip_no_client_is_known(service: AuthService, ada: Person) -> None:
    """TH-2: a missing IP address fails closed: all clients without one count as one."""
    nowhere = Client()
    service.log_in(ada.email, ada.password, nowhere)
    use_up(service, ada.email)

    assert guess(service, ada.email, nowhere) == "TooMany"


def test_a_mailed_reset_works_during_a_wait_and_ends_it(
    service: AuthService, ada: Person, letterbox: Letterbox
) -> None:
    """TH-4: the owner gets in from any network."""
    use_up(service, ada.email)
    request_reset(service, ada.email, CAFE)
    reset_password(service, letterbox.link(ada.email, "reset-password"), NEW, CAFE)

    assert service.log_in(ada.email, NEW, CAFE)


def test_a_session_goes_on_while_its_account_is_guessed_at(
    service: AuthService, ada: Person
) -> None:
    """TH-4: a lock stops log-ins, not open sessions."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token

    use_up(service, ada.email)

    assert service.resume(token)


@pytest.mark.parametrize("spelled", ["ADA@example.com", " Ada@Example.COM ", "aDa@EXAMPLE.com"])
def test_every_spelling_of_an_email_has_one_counter(
    service: AuthService, ada: Person, spelled: str
) -> None:
    """TH-5: the key is the canonical email."""
    use_up(service, ada.email)

    assert guess(service, spelled) == "TooMany"


def test_an_unknown_email_is_counted_like_any_other(service: AuthService) -> None:
    """TH-5: otherwise the wait would reveal who has an account."""
    use_up(service, "unknown@example.com")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("addresses", "one"),
    [
        (["192.0.2.1", "192.0.2.2"], False),
        (["192.0.2.1", "::ffff:192.0.2.1"], True),
        (["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"], True),
        (["2001:db8:1:2::1", "2001:db8:1:3::1"], False),
        (["", "nonsense"], True),
    ],
)
def test_a_network_is_counted_as_one(service: AuthService, addresses: list[str], one: bool) -> None:
    """TH-2: an IPv4 address, or the /64 of an IPv6 line."""
    first, second = (Client(ip=address) for address in addresses)
    for number in range(LOG_IN_NETWORK.free):
        assert guess(service, f"user{number}@example.com", first) == "LogInRefused"

    assert guess(service, "another@example.com", second) == ("TooMany" if one else "LogInRefused")


@pytest.mark.slow
def test_one_line_cannot_use_up_the_global_limit(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """TH-4: a customer's 65,536 IPv6 networks together have three times one network's limit."""
    for number in range(SITE_FACTOR * LOG_IN_NETWORK.free):
        line = replace(CAFE, ip=f"2001:db8:7:{number % 10:x}::1")
        assert guess(service, f"visitor{number}@example.com", line) == "LogInRefused"
        clock.advance(timedelta(seconds=1))

    assert guess(service, ada.email, replace(CAFE, ip="2001:db8:7:ff::1")) == "TooMany"
    assert service.log_in(ada.email, ada.password, replace(CAFE, ip="2001:db8:8::1"))


@pytest.mark.slow
def test_who_types_rightly_uses_up_nothing_of_the_network(
    service: AuthService, ada: Person
) -> None:
    """TH-2: a whole office logging in is no attack."""
    for _ in range(LOG_IN_NETWORK.free + 1):
        service.log_in(ada.email, ada.password, CAFE)


def test_the_network_of_a_stranger_who_signed_up_first_is_not_known_after_the_takeover(
    service: AuthService, ada: Person, letterbox: Letterbox
) -> None:
    """TH-1: from there the password would work even after a hundred wrong ones."""
    service.log_in(ada.email, ada.password, CAFE)
    request_reset(service, ada.email, LAPTOP)
    reset_password(service, letterbox.link(ada.email, "reset-password"), NEW, LAPTOP)

    with service.read() as connection:
        assert known_networks(connection, ada.id) == set()


@pytest.mark.slow
def test_a_hundred_wrong_passwords_switch_the_password_off_for_unknown_networks(
    service: AuthService, ada: Person, clock: Clock, letterbox: Letterbox
) -> None:
    """TH-1: no matter how slowly; known networks still work, and the owner is notified once."""
    service.log_in(ada.email, ada.password, LAPTOP)
    letterbox.queue.finish()  # or what it purges then would be found old enough a year later
    for _ in range(MOST_FAILURES + 2):
        assert guess(service, ada.email) == "LogInRefused"
        clock.advance(timedelta(days=2))

    with pytest.raises(LogInRefused):
        service.log_in(ada.email, ada.password, CAFE)
    assert service.log_in(ada.email, ada.password, LAPTOP)
    assert service.log_in(ada.email, ada.password, CAFE)
    told = [mail for mail in letterbox.to(ada.email) if "guess your password" in mail.subject]
    assert len(told) == 1


def test_the_hundredth_of_several_at_once_is_told_too(
    service: AuthService, ada: Person, database: Database, letterbox: Letterbox
) -> None:
    """TH-1, LG-1: by one email and one event, whichever attempt it was."""
    with database.write() as connection:
        connection.execute(update(User).values(failures=MOST_FAILURES - 3))

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: guess(service, ada.email), range(5)))

    with database.read() as connection:
        off = AuditEvent.event == Event.PASSWORD_SWITCHED_OFF.value
        assert connection.scalar(select(func.count()).where(off)) == 1
    told = [mail for mail in letterbox.to(ada.email) if "guess your password" in mail.subject]
    assert len(told) == 1


@pytest.mark.slow
def test_guesses_log_ins_and_purges_at_once_do_not_disturb_each_other(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """TH-3: rows are locked in one order, and none is deleted while it is in use."""

    def live(number: int) -> None:
        for _ in range(8):
            if number % 3 == 0:
                service.log_in(ada.email, ada.password, replace(CAFE, ip=f"192.0.2.{number}"))
            elif number % 3 == 1:
                guess(service, f"made-up-{number}@example.com")
            else:
                sum(purge(service))
                clock.advance(timedelta(hours=1))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(live, range(12)))


def test_a_process_with_a_clock_behind_adds_no_wait(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """TH-3: two machines' clocks always differ a little, and both count in the same rows."""
    service.log_in(ada.email, ada.password, LAPTOP)
    clock.advance(-timedelta(seconds=1))

    assert guess(service, ada.email) == "LogInRefused"
    assert service.log_in(ada.email, ada.password, CAFE)


def test_failures_that_race_are_all_counted(
    service: AuthService, ada: Person, database: Database
) -> None:
    """TH-1: none overwrites another."""
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: guess(service, ada.email), range(5)))

    with database.read() as connection:
        assert connection.scalar(select(User.failures)) == 5


@pytest.mark.slow
def test_a_flood_of_invented_emails_leaves_bounded_rows(
    service: AuthService, database: Database, clock: Clock
) -> None:
    """TH-5: a hundred from one network in a quarter of an hour, none kept for long."""
    for hour in range(3):
        for number in range(110):
            guess(service, f"made-up-{hour}-{number}@example.com")
        clock.advance(timedelta(hours=1))
        purge_batch(service)

    with database.read() as connection:
        kept = connection.scalar(select(func.count()).select_from(Counter))
    assert kept is not None
    assert kept <= LOG_IN_NETWORK.free + 2


def test_the_password_typed_again_is_bounded_too(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """TH-1, AC-1: an open tab allows no unlimited guessing."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    verbs: list[Callable[[], object]] = [
        lambda: confirm_password(service, open_session(service, token), WRONG),
        lambda: change_password(service, open_session(service, token), WRONG, NEW),
        lambda: delete_account(service, open_session(service, token), WRONG),
    ]
    for number in range(PASSWORD_AGAIN.free):
        with pytest.raises(WrongPassword):
            verbs[number % 3]()

    for verb in verbs:
        with pytest.raises(TooMany):
            verb()
    clock.advance(timedelta(seconds=30))
    confirm_password(service, open_session(service, token), ada.password)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["sign up", "forgot", "reset", "confirm", "resend"])
def test_what_sends_mail_or_makes_rows_is_bounded(
    service: AuthService, ada: Person, verb: str
) -> None:
    """TH-2: sign-up, requests for links, and attempts to open them."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token

    def try_link(link: str) -> None:
        if verb == "reset":
            reset_password(service, link, NEW, CAFE)
        else:
            confirm_email(service, link, CAFE)

    def once(number: int) -> None:
        if verb == "sign up":
            service.sign_up(f"user{number}@example.com", NEW, client=CAFE)
        elif verb == "forgot":
            request_reset(service, f"user{number}@example.com", CAFE)
        elif verb == "resend":
            resend_link(service, open_session(service, token))
        else:
            with pytest.raises(LinkRefused):
                try_link("made-up")

    with pytest.raises(TooMany):
        for number in range(51):
            once(number)
