"""A readable name for a browser: "Firefox on Windows" instead of its User-Agent."""

import re
from functools import lru_cache

from ua_parser import parse

MAX_LENGTH = 60  # characters


@lru_cache(maxsize=1024)
def browser_in_words(agent: str) -> str:
    """Return the browser and operating system named in a User-Agent, as far as it names them."""
    parsed = parse(agent)
    browser = parsed.user_agent.family if parsed.user_agent else None
    system = parsed.os.family if parsed.os else None
    if browser and system:
        return _plain(f"{browser} on {system}")
    return _plain(browser or system or "Unknown browser")


def _plain(words: str) -> str:
    """Return *words* without characters that a page or an email could take for markup (CK-9).

    The User-Agent is the attacker's to choose.
    """
    return re.sub(r"[^\w .+-]|_", "", words)[:MAX_LENGTH]
