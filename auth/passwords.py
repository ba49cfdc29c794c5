"""Password hashes: created, verified, recognized as outdated; and the queue for that work.

A stored hash is `v1$2b$12$…` or, with a pepper, `v1.<pepper id>$2b$12$…`: bcrypt over
base64(HMAC-SHA-384(pepper, NFC(password))). bcrypt gets 64 bytes without a NUL, so nothing is cut
at 72 bytes and nothing ends early. An imported user's plain `$2b$…` hash verifies too, but counts
as outdated.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
import string
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from threading import Lock, get_native_id
from typing import Any, TypeVar
from unicodedata import normalize

import bcrypt

from auth.errors import Busy, PasswordUnusable

T = TypeVar("T")
NEVER = (False, 0)  # the record of a source that has not been served yet
MOST_SERVED = 1_000  # sources that are remembered as served


class FairQueue:
    """Runs jobs in *threads* threads; sources take turns, so a busy one delays no other.

    The next job is that of the source served longest ago. Sources whose last job came to nothing,
    such as a wrong password, come after all others, and *patient* jobs after all that aren't. So a
    log-in waits for the job that runs now, and not for networks that guess or make accounts.

    A source is a network. At most *per_source* jobs of one source may wait, and as many patient
    ones, and *in_all* of all sources. Further ones raise Busy at once, so that no attacker can fill
    the queue (BC-9, AV-4). Each thread calls *prepare* first, which must not raise.
    """

    def __init__(
        self,
        threads: int,
        *,
        per_source: int,
        in_all: int,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self._threads = ThreadPoolExecutor(threads, "dear-work", prepare)
        self._per_source = per_source
        self._in_all = in_all
        self._lock = Lock()
        self._waiting = 0
        self._queues: dict[tuple[bool, str], deque[tuple[Callable[[], Any], Future[Any]]]] = {}
        self._turns = 0
        # By source, the last served at the end: whether its last job came to nothing, and its turn.
        self._served: dict[str, tuple[bool, int]] = {}

    def run(self, job: Callable[[], T], source: str = "", *, patient: bool = False) -> T:
        """Run *job* when it is the turn of *source* and return its result; raises Busy."""
        done: Future[T] = Future()
        with self._lock:
            queue = self._queues.get((patient, source)) or deque()
            if len(queue) >= self._per_source or self._waiting >= self._in_all:
                raise Busy
            queue.append((job, done))
            self._queues[patient, source] = queue
            self._waiting += 1
        self._threads.submit(self._run_next)
        return done.result()

    def _run_next(self) -> None:
        """Run the oldest job of the source whose turn it is."""
        with self._lock:
            place = min(self._queues, key=lambda place: (place[0], self._last(place[1])))
            source = place[1]
            self._turns += 1
            self._serve(source, self._last(source)[0])
            queue = self._queues[place]
            job, done = queue.popleft()
            self._waiting -= 1
            if not queue:
                del self._queues[place]
        try:
            result = job()
        except BaseException as fault:  # raised again by `run`, in the thread that asked
            done.set_exception(fault)
            return
        with self._lock:
            self._serve(source, not result)
        done.set_result(result)

    def _last(self, source: str) -> tuple[bool, int]:
        return self._served.get(source, NEVER)

    def _serve(self, source: str, in_vain: bool) -> None:
        """Note the turn of *source*, and whether its last job came to nothing."""
        self._served.pop(source, None)
        self._served[source] = (in_vain, self._turns)
        if len(self._served) > MOST_SERVED:
            del self._served[next(iter(self._served))]


MAX_LENGTH = 256  # characters: more is refused, never cut (NIST SP 800-63B-4, 3.1.1.2)
MAX_BYTES = 1024
PLAIN_MAX_BYTES = 72  # what bcrypt alone looks at; beyond that an imported hash proves nothing
ALPHABET = f"./{string.ascii_letters}{string.digits}"  # bcrypt's own base64
NICENESS = 10  # of 19: a thread that hashes yields to one that draws a page
# A hash of more than 16 rounds, which take 4 s, isn't ours and would block the server.
STORED = re.compile(
    r"(?P<tag>v1(?:\.[0-9a-f]{8})?)?(?P<hash>\$2[aby]\$(?P<cost>0[4-9]|1[0-6])\$[./A-Za-z0-9]{53})",
    re.ASCII,
)


def lower_priority() -> None:
    """Lower this thread's priority so that hashing never slows page rendering."""
    if sys.platform == "linux":  # elsewhere priorities are a process's, not a thread's
        with suppress(OSError):  # a sandbox may forbid it
            os.setpriority(os.PRIO_PROCESS, get_native_id(), NICENESS)


# bcrypt releases the GIL and takes a core for a quarter of a second: one core stays free for
# visitors who are not logging in (BC-9).
THREADS = max(1, (os.cpu_count() or 1) - 1)
PER_NETWORK = 50  # hashes that may wait, of one network and in all; more raise Busy
IN_ALL = 200
_queue = FairQueue(THREADS, per_source=PER_NETWORK, in_all=IN_ALL, prepare=lower_priority)


@dataclass(frozen=True)
class Scheme:
    """The current hashing parameters: bcrypt's cost, and the peppers, newest first.

    Twelve rounds take 235 ms on a 2024 server core; OWASP asks for at least 10. The pepper b""
    means none; older peppers still verify.
    """

    rounds: int = 12
    peppers: tuple[bytes, ...] = (b"",)

    @property
    def tag(self) -> str:
        """What precedes bcrypt's own text: our version and the pepper's id."""
        return _tag(self.peppers[0])

    @property
    def prefix(self) -> str:
        """The start of a current hash; a hash that begins differently is outdated."""
        return f"{self.tag}$2b${self.rounds:02}$"


DEFAULT_SCHEME = Scheme()


@dataclass(frozen=True)
class Verdict:
    """Whether the password was correct, and whether it needs a new hash."""

    matches: bool
    needs_rehash: bool = False

    def __bool__(self) -> bool:
        return self.matches


def hash_password(password: str, scheme: Scheme = DEFAULT_SCHEME, network: str = "") -> str:
    """Return a new hash of *password* with its own salt of 128 random bits (BC-3).

    Networks take turns, after all log-ins; *network* is the requesting one. Raises Busy, or
    PasswordUnusable if the password is too long or can't be encoded, which the password rules
    report first.
    """
    try:
        prepared = _prepare(password, scheme.peppers[0])
    except ValueError:
        raise PasswordUnusable from None
    job = partial(bcrypt.hashpw, prepared, bcrypt.gensalt(scheme.rounds))
    return scheme.tag + _queue.run(job, network, patient=True).decode()


def verify_password(
    password: str, stored: str | None, scheme: Scheme = DEFAULT_SCHEME, network: str = ""
) -> Verdict:
    """Compare *password* with the *stored* hash in constant time, when it is *network*'s turn.

    A missing, malformed or cheap hash is no faster: the work is always one bcrypt of the current
    cost (ASVS 5.0 6.3.8, CVE-2016-2513). Raises only Busy.
    """
    form = STORED.fullmatch(stored or "")
    prepared = _prepare_for(password, form, scheme) if form else None
    if form is None or prepared is None:
        _queue.run(partial(bcrypt.checkpw, b"", dummy_hash(scheme.rounds).encode()), network)
        return Verdict(False)
    missing = range(int(form["cost"]), scheme.rounds)
    if not _queue.run(partial(_check, prepared, form["hash"], missing), network):
        return Verdict(False)
    return Verdict(True, needs_rehash=not form[0].startswith(scheme.prefix))


def equalize_timing(stored: str | None, scheme: Scheme = DEFAULT_SCHEME, network: str = "") -> None:
    """Add the work that a cheaper *stored* hash saved when a correct password is refused."""
    form = STORED.fullmatch(stored or "")
    if form and (missing := range(int(form["cost"]), scheme.rounds)):
        _queue.run(partial(_pad, missing), network)


def is_usable(stored: str, scheme: Scheme = DEFAULT_SCHEME) -> bool:
    """Return whether a password can match *stored*, such as an imported user's hash."""
    form = STORED.fullmatch(stored)
    return form is not None and (form["tag"] or "") in {"", *map(_tag, scheme.peppers)}


@cache
def dummy_hash(rounds: int) -> str:
    """Return a hash to check in place of a missing one: a salt and a random digest.

    No password is known to match it, and making it costs nothing, so startup stays fast.
    """
    return bcrypt.gensalt(rounds).decode() + "".join(secrets.choice(ALPHABET) for _ in range(31))


def fits(password: str) -> bool:
    """Return whether *password* is short enough; raises UnicodeEncodeError for a lone surrogate.

    The raw text is limited too: normalizing takes time that grows with the square of the length,
    and every other visitor would wait for it.
    """
    if len(password) > MAX_BYTES:
        return False
    text = normalize("NFC", password)
    return len(text) <= MAX_LENGTH and len(text.encode()) <= MAX_BYTES


def _prepare(password: str, pepper: bytes) -> bytes:
    """Return bcrypt's input for *password*: 64 bytes of base64 (BC-1)."""
    if not fits(password):
        raise ValueError("the password is too long")
    return base64.b64encode(hmac.digest(pepper, normalize("NFC", password).encode(), "sha384"))


def _prepare_for(password: str, form: re.Match[str], scheme: Scheme) -> bytes | None:
    """Return bcrypt's input for the stored *form*, or None when nothing can match it."""
    try:
        if form["tag"] is None:
            plain = password.encode()
            return plain if len(plain) <= PLAIN_MAX_BYTES and b"\0" not in plain else None
        peppers = [pepper for pepper in scheme.peppers if _tag(pepper) == form["tag"]]
        return _prepare(password, peppers[0]) if peppers else None
    except ValueError:  # too long, or not to be encoded
        return None


@cache
def _tag(pepper: bytes) -> str:
    return f"v1.{hashlib.sha256(pepper).hexdigest()[:8]}" if pepper else "v1"


def _check(prepared: bytes, hashed: str, missing: range) -> bool:
    """Return whether the password is right; a wrong one costs what a cheaper hash saved, too.

    All in one job: were the padding another, it could raise Busy for a guess that was looked at.
    """
    if bcrypt.checkpw(prepared, hashed.encode()):
        return True
    _pad(missing)
    return False


def _pad(missing: range) -> None:
    """Add the work that a cheaper hash saved: 2^c + 2^c + 2^(c+1) + … + 2^(r-1) = 2^r."""
    for rounds in missing:
        bcrypt.hashpw(b"", bcrypt.gensalt(rounds))
