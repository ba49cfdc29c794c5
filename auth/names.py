"""People's names: any script, one line, nothing invisible that could fake what is around it."""

from unicodedata import bidirectional, category, normalize

MAX_LENGTH = 100  # characters
LONGEST = 1_000  # as typed: normalising takes time that grows with the square of the length
UNSEEN = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, surrogate, private, unassigned, line ends
# The marks that turn the direction of the text around them: UAX #9, 2.
TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


class InvalidName(ValueError):
    """The text is no name we can show; the reason is a sentence for the person who typed it."""


def read_name(text: str) -> str:
    """Return *text* as a name, trimmed and in NFC, or raise InvalidName; it may be empty."""
    name = normalize("NFC", text.strip()) if len(text) <= LONGEST else text
    if len(name) > MAX_LENGTH:
        raise InvalidName(f"Use a name of at most {MAX_LENGTH} characters.")
    if any(category(sign) in UNSEEN or bidirectional(sign) in TURNS for sign in name):
        raise InvalidName("Use only letters, digits, spaces and punctuation in your name.")
    return name
