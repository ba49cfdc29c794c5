"""A browser in words: "Firefox on Windows" instead of what it sends of itself."""

import re
from functools import lru_cache

from ua_parser import parse

MAX_LENGTH = 60  # characters


@lru_cache(maxsize=1024)
def browser_in_words(agent: str) -> str:
    """Return the browser and the system that a User-Agent names, as far as it does."""
    parsed = parse(agent)
    browser = parsed.user_agent.family if parsed.user_agent else None
    system = parsed.os.family if parsed.os else None
    if browser and system:
        return _plain(f"{browser} on {system}")
    return _plain(browser or system or "A browser that does not say which")


def _plain(words: str) -> str:
    """Return *words* without signs that a page or a mail could take for markup (CK-9).

    A browser's own name may come from what it sends: whoever tries a password writes it.
    """
    return re.sub(r"[^\w .+-]|_", "", words)[:MAX_LENGTH]
