"""The rules for new passwords: long, and not among an attacker's first guesses."""

import re
from collections.abc import Iterable
from functools import cache, partial
from math import prod
from unicodedata import normalize

from auth.passwords import MAX_BYTES, MAX_LENGTH, FairQueue, fits

MIN_STRENGTH = 3  # zxcvbn's "safely unguessable" of 0..4: 10^8 guesses (ASVS 5.0 6.1.2)
LOOKED_AT = 48  # characters given to zxcvbn: its work grows with the square of the length
MOST_LOOK_UPS = 20_000  # substrings that zxcvbn looks up in its lists, about 30 ms of Python
MOST_WORDS = 50  # of *context* that are checked
ADVICE = "Three or four unrelated words are easy to remember and hard to guess."

# zxcvbn holds the GIL all the time, so a second one at once would only slow the pages; and it keeps
# the words of the person it works for in a global variable.
_queue = FairQueue(1, per_source=20, in_all=100)


def password_errors(
    password: str, min_length: int, context: Iterable[str] = (), source: str = ""
) -> list[str]:
    """Return a sentence for each rule that *password* breaks; with none, it may be used.

    *context* holds words that this person's password must not be made of, such as the name, the
    email and the app's name. zxcvbn estimates only what the cheaper rules let pass, when it is the
    turn of *source*, the requesting network (AV-2). Raises Busy.
    """
    if errors := obvious_errors(password, min_length):
        return errors
    weak = strength(password, context, source) < MIN_STRENGTH
    return ["This is too easy to guess."] if weak else []


def obvious_errors(password: str, min_length: int) -> list[str]:
    """Return a sentence for each broken rule, of those that are cheap to check.

    Length is counted in code points after NFC. There are no composition rules (NIST
    SP 800-63B-4, 3.1.1.2).
    """
    try:
        if not fits(password):
            return [f"Use at most {MAX_LENGTH} characters."]
    except UnicodeEncodeError:  # a lone surrogate
        return ["This password has a character that cannot be stored. Type it again."]
    text = normalize("NFC", password)
    if not text:
        return ["Choose a password."]
    errors = []
    if len(text) < min_length:
        errors.append(f"Use at least {min_length} characters; this has {len(text)}.")
    if is_common(text):
        errors.append("This is one of the passwords people try first.")
    return errors


def strength(password: str, context: Iterable[str] = (), source: str = "") -> int:
    """Return zxcvbn's estimate of how hard *password* is to guess, 0 to 4; raises Busy.

    For a long password only the start is estimated: the whole is at least as hard to guess.
    """
    text = normalize("NFC", password[:MAX_BYTES])[:LOOKED_AT]
    if not text:
        return 0
    words = [word for phrase in context for word in _words(phrase[:MAX_LENGTH])][:MOST_WORDS]
    score: int = _queue.run(partial(_estimate, text, words), source)
    return score


def _estimate(text: str, words: list[str]) -> int:
    from zxcvbn import zxcvbn  # with its word lists, needed only when a password is chosen

    while look_ups(text) > MOST_LOOK_UPS:
        text = text[:-1]
    return int(zxcvbn(text, user_inputs=words, max_length=LOOKED_AT)["score"])


def look_ups(text: str) -> int:
    """Return an upper bound on the substrings that zxcvbn looks up for *text*.

    It reads the password forwards, backwards, and once for each way to read its symbols and digits
    as letters: "4" as an a, "1" as an i or an l. There are up to 736 ways.
    """
    from zxcvbn.matching import L33T_TABLE

    kinds = set(text)
    choices = [kinds.intersection(chars) for chars in L33T_TABLE.values()]
    shared = [char for char in kinds if sum(char in chars for chars in choices) > 1]
    ways = prod(max(len(chars), 1) for chars in choices) << len(shared)
    return (2 + ways) * len(text) * (len(text) + 1) // 2


def _words(phrase: str) -> list[str]:
    """Return *phrase* as it is, without spaces, and word by word: attackers try each of them."""
    parts = re.findall(r"\w+", phrase)
    words = [phrase, "".join(parts), *parts] if parts else []
    return [word[:LOOKED_AT] for word in words]


def is_common(password: str) -> bool:
    """Return whether *password*, in any case, is in the list of common ones (PW-5)."""
    return normalize("NFC", password).casefold() in _common()


@cache
def _common() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(word.casefold() for word in FREQUENCY_LISTS["passwords"])
