"""Password hashes: the v1 scheme, imported hashes, and the same work for every answer."""

import hmac
import os
import sys
from base64 import b64encode
from collections.abc import Callable
from threading import get_native_id
from unicodedata import normalize

import bcrypt
import pytest

from auth import passwords
from auth.passwords import (
    Scheme,
    Verdict,
    equalize_timing,
    hash_password,
    is_usable,
    lower_priority,
    verify_password,
)
from tests.fixtures import CHEAPEST

CHEAP = Scheme(rounds=CHEAPEST)
OLD, NEW = b"an old pepper of thirty-two bytes", b"a new pepper, thirty-two bytes too"
RIGHT = "correct horse battery staple"
STORED = hash_password(RIGHT, CHEAP)

GOLDEN_SALT = b"$2b$04$" + b"." * 22


def plain(password: bytes, rounds: int = CHEAPEST) -> str:
    """Return a hash as another framework would have stored it."""
    return bcrypt.hashpw(password, bcrypt.gensalt(rounds)).decode()


class Work:
    """Counts bcrypt's work during a test."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        """Intercept the module's calls to bcrypt."""
        self.checks = 0
        self.units = 0  # of 2^0
        check, make = bcrypt.checkpw, bcrypt.hashpw

        def checkpw(password: bytes, hashed: bytes) -> bool:
            self.checks += 1
            self.units += 2 ** int(hashed[4:6])
            return check(password, hashed)

        def hashpw(password: bytes, salt: bytes) -> bytes:
            self.units += 2 ** int(salt[4:6])
            return make(password, salt)

        patch.setattr(bcrypt, "checkpw", checkpw)
        patch.setattr(bcrypt, "hashpw", hashpw)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """A spy on bcrypt, created after the dummy hash of the cheapest cost."""
    passwords.dummy_hash(CHEAPEST)
    passwords.dummy_hash(6)
    return Work(monkeypatch)


def test_a_password_matches_its_own_hash_and_no_other() -> None:
    """BC-6: the right one matches, and one letter off doesn't."""
    stored = hash_password(RIGHT, CHEAP)

    assert verify_password(RIGHT, stored, CHEAP) == Verdict(True)
    assert verify_password(RIGHT + "s", stored, CHEAP) == Verdict(False)


def test_the_first_scheme_is_what_it_was() -> None:
    """BC-1: bcrypt over base64(HMAC-SHA-384(pepper, NFC)): stored hashes verify forever."""
    keyed = b64encode(hmac.digest(b"", RIGHT.encode(), "sha384"))

    stored = "v1" + bcrypt.hashpw(keyed, GOLDEN_SALT).decode()

    assert stored == "v1$2b$04$......................r9Ak9CL6LsExZQuOzn0KK7UX0ssSeX2"
    assert verify_password(RIGHT, stored, CHEAP)


def test_a_stored_hash_tells_its_scheme_and_cost() -> None:
    """BC-1, BC-2: the row records how it was made."""
    assert hash_password(RIGHT, CHEAP).startswith("v1$2b$04$")
    assert hash_password(RIGHT, Scheme(5, (NEW,))).startswith("v1.")


def test_equal_passwords_have_different_hashes() -> None:
    """BC-3: every hash has a salt of its own."""
    assert len({hash_password(RIGHT, CHEAP) for _ in range(8)}) == 8


@pytest.mark.parametrize(
    ("chosen", "tried"),
    [
        ("a", "a\0a"),
        ("a\0b", "a\0c"),
        ("x" * 72 + "1", "x" * 72 + "2"),
        ("x" * 72, "x" * 73),
        ("é" * 100, "é" * 99 + "e"),
    ],
)
def test_what_bcrypt_alone_would_confuse_stays_apart(chosen: str, tried: str) -> None:
    """BC-1: nothing ends at a NUL and nothing is cut at 72 bytes."""
    stored = hash_password(chosen, CHEAP)

    assert verify_password(chosen, stored, CHEAP)
    assert not verify_password(tried, stored, CHEAP)


def test_composed_and_decomposed_letters_are_the_same_password() -> None:
    """PW-4: two keyboards send one password in two forms."""
    stored = hash_password(normalize("NFC", "à la recherche du temps"), CHEAP)

    assert verify_password(normalize("NFD", "à la recherche du temps"), stored, CHEAP)


@pytest.mark.parametrize("other", [f" {RIGHT}", f"{RIGHT} ", RIGHT.upper(), "ｃ" + RIGHT[1:]])
def test_a_password_is_neither_trimmed_nor_folded(other: str) -> None:
    """PW-4: spaces, case and width count."""
    assert not verify_password(other, hash_password(RIGHT, CHEAP), CHEAP)


@pytest.mark.parametrize("password", ["x" * 257, "𝄞" * 257, "x" * 1_000_000, "half \ud800"])
def test_what_cannot_be_hashed_is_refused_before_bcrypt_runs(password: str, work: Work) -> None:
    """PW-2, PW-9: too long or unencodable is an error, never cut, and costs nothing."""
    with pytest.raises(ValueError):
        hash_password(password, CHEAP)

    assert work.units == 0


@pytest.mark.parametrize(
    "password",
    ["x" * 256, "𝄞" * 256, normalize("NFD", "ᾂ" * 256)],
    ids=["characters", "bytes", "decomposed"],
)
def test_the_longest_passwords_are_hashed(password: str) -> None:
    """PW-2: 256 characters, of 1,024 bytes at most, typed as up to 1,024 characters."""
    assert verify_password(password, hash_password(password, CHEAP), CHEAP)


@pytest.mark.parametrize("cost", ["17", "31", "99"])
def test_a_stored_cost_beyond_reason_does_not_hang(cost: str, work: Work) -> None:
    """BC-5: a row that asks for hours of work gets the work of a wrong password."""
    stored = f"v1$2b${cost}${STORED[9:]}"

    assert not verify_password(RIGHT, stored, CHEAP)
    assert work.units == 2**CHEAPEST


@pytest.mark.parametrize(
    ("password", "stored"),
    [
        pytest.param(RIGHT, STORED, id="right"),
        pytest.param("wrong", STORED, id="wrong"),
        pytest.param(RIGHT, None, id="unknown or passwordless"),
        pytest.param(RIGHT, "", id="empty"),
        pytest.param(RIGHT, "!x", id="malformed"),
        pytest.param(RIGHT, "$2b$12$short", id="cut off"),
        pytest.param(RIGHT, f"v2{STORED[2:]}", id="of a scheme to come"),
        pytest.param(RIGHT, f"v1.00000000{STORED[2:]}", id="of an unknown pepper"),
        pytest.param(RIGHT, f"{STORED}\n", id="with a line end"),
        pytest.param("x" * 1_000_000, STORED, id="too long"),
        pytest.param("\ud800", STORED, id="unencodable"),
        pytest.param("x" * 73, plain(b"x"), id="too long for an imported hash"),
        pytest.param("a\0b", plain(b"a"), id="NUL for an imported hash"),
        pytest.param("a\0b", plain(b"a\0b"), id="NUL in an imported hash"),
    ],
)
def test_every_answer_costs_one_check_of_todays_cost(
    password: str, stored: str | None, work: Work
) -> None:
    """BC-4, BC-5: exactly one bcrypt, for any fault in the password or the hash."""
    verdict = verify_password(password, stored, CHEAP)

    assert bool(verdict) is (password == RIGHT and stored == STORED)
    assert (work.checks, work.units) == (1, 2**CHEAPEST)


@pytest.mark.parametrize(
    "stored", [hash_password(RIGHT, CHEAP), plain(RIGHT.encode())], ids=["ours", "imported"]
)
def test_failing_against_a_cheaper_hash_costs_as_much_as_today(stored: str, work: Work) -> None:
    """BC-7: a row from when the cost was lower must not answer faster (CVE-2016-2513)."""
    verify_password("wrong", stored, Scheme(rounds=6))

    assert work.units == 2**6


@pytest.mark.parametrize(
    ("stored", "today", "anew"),
    [
        pytest.param(hash_password(RIGHT, CHEAP), CHEAP, False, id="today's"),
        pytest.param(hash_password(RIGHT, CHEAP), Scheme(5), True, id="cheaper"),
        pytest.param(hash_password(RIGHT, Scheme(5)), CHEAP, True, id="dearer"),
        pytest.param(hash_password(RIGHT, CHEAP), Scheme(4, (NEW, b"")), True, id="unpeppered"),
        pytest.param(
            hash_password(RIGHT, Scheme(4, (OLD,))), Scheme(4, (NEW, OLD)), True, id="old pepper"
        ),
        pytest.param(hash_password(RIGHT, Scheme(4, (NEW,))), Scheme(4, (NEW,)), False, id="new"),
        pytest.param(plain(RIGHT.encode()), CHEAP, True, id="imported"),
    ],
)
def test_a_right_password_says_whether_its_hash_is_out_of_date(
    stored: str, today: Scheme, anew: bool
) -> None:
    """BC-7, BC-8: cost, scheme and pepper are brought up to date at the next log-in."""
    assert verify_password(RIGHT, stored, today) == Verdict(True, needs_rehash=anew)
    assert verify_password("wrong", stored, today) == Verdict(False, needs_rehash=False)


def test_a_hash_opens_nothing_once_its_pepper_is_gone() -> None:
    """BC-8: the pepper is half of the secret."""
    stored = hash_password(RIGHT, Scheme(4, (OLD,)))

    assert not verify_password(RIGHT, stored, Scheme(4, (NEW,)))
    assert not verify_password(RIGHT, stored, CHEAP)


@pytest.mark.parametrize(
    ("stored", "units"),
    [
        pytest.param(STORED, 2**6 - 2**CHEAPEST, id="cheaper"),
        pytest.param(hash_password(RIGHT, Scheme(6)), 0, id="today's"),
        pytest.param(None, 0, id="none"),
        pytest.param("!x", 0, id="malformed"),
    ],
)
def test_a_right_password_that_is_refused_costs_as_much_as_a_wrong_one(
    stored: str | None, units: int, work: Work
) -> None:
    """BC-7, BC-4: what a cheaper hash saved is done, and nothing where nothing was saved."""
    equalize_timing(stored, Scheme(6))

    assert work.units == units


@pytest.mark.parametrize(
    "use",
    [
        lambda: hash_password(RIGHT, CHEAP, "192.0.2.7"),
        lambda: verify_password(RIGHT, STORED, CHEAP, "192.0.2.7"),
        lambda: verify_password(RIGHT, None, CHEAP, "192.0.2.7"),
        lambda: verify_password("wrong", STORED, Scheme(6), "192.0.2.7"),
        lambda: equalize_timing(STORED, Scheme(6), "192.0.2.7"),
    ],
    ids=["hashed", "verified", "unknown", "padded", "equalized"],
)
def test_all_work_waits_in_the_turn_of_its_network(
    use: Callable[[], object], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AV-4, BC-9: the work that only takes time, too; a new password lets all log-ins go first."""
    asked: list[tuple[str, bool]] = []
    run = passwords._queue.run

    def spy(job: Callable[[], object], source: str = "", *, patient: bool = False) -> object:
        asked.append((source, patient))
        return run(job, source, patient=patient)

    monkeypatch.setattr(passwords._queue, "run", spy)

    use()

    assert set(asked) == {("192.0.2.7", request.node.callspec.id == "hashed")}


@pytest.mark.parametrize(
    ("stored", "usable"),
    [
        pytest.param(STORED, True, id="ours"),
        pytest.param(plain(b"x"), True, id="imported"),
        pytest.param(hash_password(RIGHT, Scheme(4, (OLD,))), True, id="an older pepper's"),
        pytest.param(f"v1.00000000{STORED[2:]}", False, id="of an unknown pepper"),
        pytest.param("!x", False, id="malformed"),
        pytest.param(f"{STORED}\n", False, id="with a line end"),
    ],
)
def test_a_hash_is_usable_if_some_password_can_match_it(stored: str, usable: bool) -> None:
    """BC-5, BC-8: an import says at once whose password nobody could ever type."""
    assert is_usable(stored, Scheme(4, (NEW, OLD, b""))) is usable


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_only_the_thread_that_hashes_yields(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """BC-9: elsewhere than on Linux the whole server would."""
    lowered: list[tuple[int, int, int]] = []
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "setpriority", lambda *to: lowered.append(to))

    lower_priority()

    thread = (os.PRIO_PROCESS, get_native_id(), passwords.NICENESS)
    assert lowered == ([thread] if platform == "linux" else [])
