"""The password rules: long, not common, not about the user, and nothing else."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unicodedata import normalize

import pytest
import zxcvbn
from zxcvbn import matching
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from auth import password_rules
from auth.errors import InvalidDetails
from auth.password_rules import (
    LOOKED_AT,
    MIN_STRENGTH,
    MOST_LOOK_UPS,
    is_common,
    password_errors,
    strength,
)
from auth.service import AuthService
from db.engine import Database
from tests.fixtures import Clock, make_settings

LEET = "4@8({[<36911!|170$5+7%2"  # what may stand for a letter
SHORT, COMMON, GUESSED = "Use at least", "This is one of", "This is too easy"


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("qzjvkxwpmbtrlg", True),
        ("qzjvkxwpmbtrlgd", False),
        ("é" + "qzjvkxwpmbtrl", True),
        ("é" + "qzjvkxwpmbtrlg", False),
        (normalize("NFD", "é") + "qzjvkxwpmbtrl", True),
        (normalize("NFD", "é") + "qzjvkxwpmbtrlg", False),
        ("😀" + "qzjvkxwpmbtrl", True),
        ("😀" + "qzjvkxwpmbtrlg", False),
    ],
)
def test_length_counts_letters_and_not_bytes(password: str, fault: bool) -> None:
    """PW-1: 14 are too few and 15 enough, in code points after NFC."""
    faults = password_errors(password, min_length=15)

    assert [text.startswith(SHORT) for text in faults] == [True] * fault


@pytest.mark.parametrize(
    "password",
    [
        "kumquat lantern orbit",
        "all lower case letters here",
        "83917264058391057264",
        "ALL UPPER WORDS QUILT",
        "καλημέρα σας αγαπητοί",
        "私は毎朝八時に静かな図書館で本を読む",
        "🦊🌵🎲🚂🧭🪗🥨🛶🎈🧊🪁🦔🍉🧶🔭",
        " leading and trailing spaces ",
    ],
)
def test_no_kind_of_character_is_asked_for(password: str) -> None:
    """PW-3: only length counts; capitals, digits and symbols are not required."""
    assert password_errors(password, min_length=15) == []


def test_every_listed_password_is_common_whatever_its_case() -> None:
    """PW-5: the whole list, compared whole and case-folded."""
    for word in FREQUENCY_LISTS["passwords"]:
        assert is_common(word)
        assert is_common(word.upper())


def test_a_listed_password_cannot_be_chosen(sqlite_url: str, clock: Clock) -> None:
    """PW-5: sign up refuses the ones long enough to pass, and says why."""
    service = AuthService(Database(sqlite_url), make_settings(password_min_length=8), clock=clock)
    listed = [word for word in FREQUENCY_LISTS["passwords"] if len(word) >= 8]

    for word in listed[:: len(listed) // 200]:
        with pytest.raises(InvalidDetails) as caught:
            service.sign_up("ada@example.com", word)
        assert caught.value.errors["password"][0].startswith(COMMON)


@pytest.mark.parametrize(
    "password",
    [
        "aaaaaaaaaaaaaaaaaaaa",
        "abcdefghijklmnopqrst",
        "12345678901234567890",
        "qwertyuiopqwertyuiop",
        "passwordpassword123",
        "ada.lovelace.1815",
        "analyticalengines!",
        "adalovelaceadalovelace",
    ],
)
def test_what_is_made_of_patterns_or_of_oneself_is_too_easy(password: str) -> None:
    """PW-6: repeats, sequences, and words known about this person."""
    context = ("ada.lovelace@example.com", "ada.lovelace", "Ada Lovelace", "Analytical Engines")

    faults = password_errors(password, 15, context)

    assert any(text.startswith((GUESSED, COMMON)) for text in faults)


def test_words_about_the_user_count_although_others_would_not_guess_them() -> None:
    """PW-6: the context makes the difference."""
    assert strength("zyxomma petiolatum", ["Zyxomma", "petiolatum"]) < strength(
        "zyxomma petiolatum"
    )


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("half a letter \ud800", "cannot be stored"),
        ("x" * 257, "at most 256"),
        ("𝄞" * 257, "at most 256"),
        ("x" * 1_000_000, "at most 256"),
    ],
)
def test_what_cannot_be_stored_is_a_sentence_and_not_a_crash(password: str, sentence: str) -> None:
    """PW-2, PW-9: refused whole, never cut."""
    (fault,) = password_errors(password, 15)

    assert sentence in fault


def test_all_broken_rules_are_told_at_once() -> None:
    """PW-5: users don't fix one only to meet the next."""
    faults = password_errors("password", 15)

    assert [text.startswith(start) for text, start in zip(faults, (SHORT, COMMON), strict=True)]


def test_only_the_start_of_a_long_password_is_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    """PW-6: the estimate's work grows with the square of the length, so that is bounded."""
    weighed: list[str] = []

    def estimate(text: str, user_inputs: list[str], max_length: int) -> dict[str, int]:
        weighed.extend([text, *user_inputs])
        return {"score": 4}

    monkeypatch.setattr(zxcvbn, "zxcvbn", estimate)

    strength("x" * 100_000, ["y" * 100_000, ""])

    assert {len(text) for text in weighed} == {LOOKED_AT}


@pytest.mark.parametrize("text", [LEET * 3, LEET + "kumquat lantern orbit", "19283746501" * 5])
def test_the_estimate_s_work_is_bounded(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """AV-2: symbols read as letters multiply zxcvbn's work, so its look-ups are bounded."""
    looked_up = [0]
    match = matching.dictionary_match

    def count(password: str, *args: Any, **kwargs: Any) -> Any:
        looked_up[0] += len(password) * (len(password) + 1) // 2
        return match(password, *args, **kwargs)

    monkeypatch.setattr(matching, "dictionary_match", count)

    strength(text, ["a b c"])

    assert 0 < looked_up[0] <= MOST_LOOK_UPS


def test_a_password_of_many_signs_is_still_weighed() -> None:
    """AV-2, PW-6: enough of it remains to distinguish strong from weak."""
    assert strength(LEET) == 4
    assert strength("p455w0rd" * 6) < MIN_STRENGTH
    assert strength("1234567890" * 4) < MIN_STRENGTH


def test_what_a_cheaper_rule_refuses_is_not_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    """AV-2: a refusal stops the rest."""
    monkeypatch.setattr(password_rules, "_estimate", lambda *_: pytest.fail("estimated"))

    assert password_errors("short", 15) == ["Use at least 15 characters; this has 5."]
    assert password_errors("x" * 20_000_000, 15) == ["Use at most 256 characters."]


def test_estimates_do_not_mix_up_whose_words_they_are() -> None:
    """AV-2, PW-6: zxcvbn keeps a person's words in a global, so one runs at a time."""
    phrase = "zyxomma petiolatum"
    contexts: list[list[str]] = [phrase.split(), []] * 5

    with ThreadPoolExecutor(8) as pool:
        scores = list(pool.map(lambda context: strength(phrase, context), contexts))

    assert scores == [strength(phrase, context) for context in contexts]


def test_no_password_has_no_strength() -> None:
    """PW-6: the meter is at the bottom before anything is typed."""
    assert strength("") == 0
