"""Which passwords people may choose: long ones that nobody would try first."""

import re
from collections.abc import Iterable
from functools import cache
from unicodedata import normalize

from auth.passwords import MAX_BYTES, MAX_LENGTH, fits

MIN_STRENGTH = 3  # zxcvbn's "safely unguessable" of 0..4: 10^8 guesses (ASVS 5.0 6.1.2)
LOOKED_AT = 48  # characters that zxcvbn weighs: its work grows faster than the length
ADVICE = "Three or four unrelated words are easy to remember and hard to guess."
STRENGTHS = ("very weak", "weak", "fair", "good", "strong")  # in words, by zxcvbn's score


def password_faults(password: str, min_length: int, context: Iterable[str] = ()) -> list[str]:
    """Return a sentence for each rule that *password* breaks; none means it may be used.

    Length is counted in code points after NFC. There are no composition rules (NIST
    SP 800-63B-4, 3.1.1.2). *context* are words that this person's password must not be made
    of, such as the name, the address and the app's name.
    """
    try:
        if not fits(password):
            return [f"Use at most {MAX_LENGTH} characters."]
    except UnicodeEncodeError:  # a lone surrogate
        return ["This password has a character that cannot be stored. Type it again."]
    text = normalize("NFC", password)
    faults = []
    if len(text) < min_length:
        faults.append(f"Use at least {min_length} characters; this has {len(text)}.")
    if text and is_common(text):
        faults.append("This is one of the passwords people try first.")
    elif text and strength(text, context) < MIN_STRENGTH:
        faults.append("This is too easy to guess.")
    return faults


def strength(password: str, context: Iterable[str] = ()) -> int:
    """Return how hard *password* is to guess, 0 to 4, as zxcvbn estimates it."""
    text = normalize("NFC", password[:MAX_BYTES])[:LOOKED_AT]
    if not text:
        return 0
    # A context may be a form field that was refused: its length is bounded here.
    words = [word[:LOOKED_AT] for phrase in context for word in _words(phrase[:MAX_BYTES])]
    from zxcvbn import zxcvbn  # with its word lists: only who chooses a password needs them

    score: int = zxcvbn(text, user_inputs=words, max_length=LOOKED_AT)["score"]
    return score


def _words(phrase: str) -> list[str]:
    """Return *phrase* whole, run together and word by word: each is a guess of its own."""
    parts = re.findall(r"\w+", phrase)
    return [phrase, "".join(parts), *parts] if parts else []


def is_common(password: str) -> bool:
    """Tell whether *password*, whatever its case, stands in the list of common ones (PW-5)."""
    return normalize("NFC", password).casefold() in _common()


@cache
def _common() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(word.casefold() for word in FREQUENCY_LISTS["passwords"])
