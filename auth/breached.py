"""Breached passwords: a range query to Have I Been Pwned, which never learns the password (PW-7).

Only the first five of the forty digits of its SHA-1 leave this machine, and the answer is padded,
so that its size reveals nothing either. Without an answer within a second the password passes.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from unicodedata import normalize
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from auth.log import BoundedLog

RANGES = "https://api.pwnedpasswords.com/range/"
PATIENCE = 1.0  # seconds
LONGEST = 200_000  # bytes of an answer that are read; a padded one has 40,000
HEADERS = {"Add-Padding": "true", "User-Agent": "streamlit-auth-starter"}

log = BoundedLog("auth.breached")
# A DNS look-up has no time-out of its own, so a slow one is left behind in its thread.
_threads = ThreadPoolExecutor(4, "breached")


def is_breached(password: str) -> bool:
    """Return whether *password* is known from a breach; False if the service doesn't answer."""
    digest = hashlib.sha1(normalize("NFC", password).encode(), usedforsecurity=False)
    prefix, suffix = digest.hexdigest().upper()[:5], digest.hexdigest().upper()[5:]
    asked = _threads.submit(_ask, prefix)
    try:
        lines = asked.result(PATIENCE).splitlines()
    except (OSError, HTTPException, ValueError) as error:  # among them TimeoutError
        asked.cancel()
        log.warning("A password was not checked against breaches (%s).", type(error).__name__)
        return False
    counts = dict(line.strip().split(":", 1) for line in lines if ":" in line)
    return counts.get(suffix, "0") != "0"  # padding has a count of 0


def _ask(prefix: str) -> str:
    request = Request(RANGES + prefix, headers=HEADERS)  # noqa: S310  a constant, https
    try:
        with urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            return str(answer.read(LONGEST).decode("ascii"))
    except HTTPError as error:
        error.close()  # it holds the connection
        raise
