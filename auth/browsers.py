"""A browser in words: "Firefox on Windows" instead of what it sends of itself."""

from functools import lru_cache

from ua_parser import parse


@lru_cache(maxsize=1024)
def browser_in_words(agent: str) -> str:
    """Return the browser and the system that a User-Agent names, as far as it does."""
    parsed = parse(agent)
    browser = parsed.user_agent.family if parsed.user_agent else None
    system = parsed.os.family if parsed.os else None
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "A browser that does not say which"
