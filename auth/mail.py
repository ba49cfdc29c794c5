"""Outgoing email: the email itself, what a mailer does, and the queue.

A page answers before its email is sent, and answers the same if sending fails (EN-2).
Failures are logged, never shown.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from threading import Condition, Thread
from time import monotonic
from typing import NamedTuple, Protocol

from auth.log import BoundedLog
from auth.passwords import lower_priority

log = BoundedLog("auth.mail")

MAX_JOBS = 1_000  # look-ups that may wait; then some are dropped and logged
MAX_EMAILS = 1_000  # emails that may wait; then the most dispensable are dropped and logged
MAX_FOR_ONE = 5  # of them for one recipient
PATIENCE = 1_800.0  # seconds until an email is given up: a reset link is valid for an hour
PAUSES = (5.0, 30.0, 120.0, 600.0)  # seconds until a deferred email is tried again
OUTAGE_PAUSES = (1.0, 5.0, 15.0, 30.0)  # seconds between tries while the server is down
SHUTDOWN = 3.0  # seconds that a stopping process spends on emails that are due


class MailFailed(Exception):
    """The server did not accept this email; a retry may work."""


class MailRefused(MailFailed):
    """The server will never accept this email."""


class ServerFailed(MailFailed):
    """The server did not answer, closed the connection, or refused this client."""


class Urgency(IntEnum):
    """How soon an email is sent."""

    LINK = 0  # a person waits for it, and can ask for another
    ALARM = 1  # the owner may have to act: the password or the email has changed
    NOTICE = 2


DROPPED = (Urgency.NOTICE, Urgency.LINK, Urgency.ALARM)  # in this order, when too many wait


@dataclass(frozen=True)
class Mail:
    """An email to one person, as text and as HTML; *link* is its button's target.

    *kind* identifies it in the log, where neither recipient nor link may appear.
    """

    to: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    logo: bytes = field(default=b"", repr=False)  # a PNG that the HTML shows
    link: str | None = field(default=None, repr=False)
    kind: str = "email"
    urgency: Urgency = Urgency.NOTICE


class Mailer(Protocol):
    """A way to send an email."""

    def send(self, mail: Mail) -> None:
        """Send *mail*, or raise MailFailed, MailRefused or ServerFailed."""


@dataclass
class Waiting:
    """An email in the queue; times are seconds of the queue's clock."""

    mail: Mail
    number: int  # in order of arrival
    since: float
    due: float
    tries: int = 0

    @property
    def rank(self) -> tuple[int, int, int]:
        """The sort key: urgent emails first, then those not yet tried, then the older ones."""
        return self.mail.urgency, self.tries, self.number


class Backlog:
    """The emails that wait, in memory only, because their links are secrets.

    Decides what to send next and when; it has no thread and no clock.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._waiting: list[Waiting] = []
        self._number = 0
        self._outage = 0  # failures of the server in a row
        self._paused_until = float("-inf")

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, mail: Mail, now: float) -> None:
        """Add *mail*; if there are too many, drop the oldest notice, then link, then alarm.

        Anybody can request links for an email, and none of them may cost its owner the alarm.
        """
        self._number += 1
        self._waiting.append(Waiting(mail, self._number, since=now, due=now))
        same = [each for each in self._waiting if each.mail.to == mail.to]
        if len(same) > MAX_FOR_ONE:
            self._drop(same)
        elif len(self._waiting) > MAX_EMAILS:
            self._drop(self._waiting)

    def take(self, now: float) -> Waiting | None:
        """Remove and return the email to send *now*, or None where none is due."""
        if now < self._paused_until:
            return None
        due = [each for each in self._waiting if each.due <= now]
        if not due:
            return None
        first = min(due, key=lambda each: each.rank)
        self._waiting.remove(first)
        return first

    def next_due(self, now: float) -> float | None:
        """Return the seconds until `take` may find something, or None for an empty backlog."""
        if not self._waiting:
            return None
        due = max(min(each.due for each in self._waiting), self._paused_until)
        return max(due - now, 0.0)

    def sent(self) -> None:
        """Record that the server works."""
        self._outage, self._paused_until = 0, float("-inf")

    def defer(self, waiting: Waiting, now: float) -> None:
        """Put back an email that the server deferred; it delays no other."""
        self.sent()
        self._put_back(waiting, now, PAUSES[min(waiting.tries, len(PAUSES) - 1)])

    def pause(self, waiting: Waiting, now: float) -> None:
        """Put back an email after the server itself failed, and pause all sending.

        The email may have caused the failure, so others are tried before it.
        """
        pause = OUTAGE_PAUSES[min(self._outage, len(OUTAGE_PAUSES) - 1)]
        self._outage += 1
        self._paused_until = now + pause
        self._put_back(waiting, now, min(2 * pause, OUTAGE_PAUSES[-1]))

    def kinds(self) -> str:
        """Return a summary of the backlog for the log: "2 reset, 1 new_device"."""
        counts = Counter(each.mail.kind for each in self._waiting)
        return ", ".join(f"{count} {kind}" for kind, count in counts.most_common())

    def _put_back(self, waiting: Waiting, now: float, pause: float) -> None:
        waiting.tries += 1
        waiting.due = now + pause
        if waiting.due - waiting.since > self._patience:
            log.error("An email was given up after %d tries: %s.", waiting.tries, waiting.mail.kind)
        else:
            self._waiting.append(waiting)

    def _drop(self, among: list[Waiting]) -> None:
        victim = min(among, key=lambda each: (DROPPED.index(each.mail.urgency), each.number))
        self._waiting.remove(victim)
        log.error("Too many emails are waiting: one was dropped (%s).", victim.mail.kind)


class Job(NamedTuple):
    """Work in the queue, most of which ends with an email; see `MailQueue.enqueue`."""

    run: Callable[[], object]
    source: str
    alarm: bool


class MailQueue:
    """Runs jobs, such as looking up a recipient, in one thread and sends emails in another.

    A job never waits for the mail server. Emails are sent over one connection at a time. The
    threads start with the first job or email.
    """

    def __init__(
        self, mailer: Mailer, *, patience: float = PATIENCE, clock: Callable[[], float] = monotonic
    ) -> None:
        self._mailer = mailer
        self._clock = clock
        self._backlog = Backlog(patience)
        self._jobs: deque[Job] = deque()
        self._changed = Condition()
        self._sending: Mail | None = None
        self._working = False
        self._closing = False
        self._threads: dict[str, Thread] = {}

    def enqueue(
        self,
        job: Callable[[], object],
        source: str = "",
        *,
        alarm: bool = False,
        once: bool = False,
    ) -> None:
        """Run *job* soon, in order of arrival; with *once*, unless a job of *source* waits.

        *source* is who caused it: where too many jobs wait, the source with the most loses one. A
        job that sends an *alarm* is dropped only where no other waits.
        """
        with self._changed:
            if once and any(each.source == source for each in self._jobs):
                return
            self._jobs.append(Job(job, source, alarm))
            if len(self._jobs) > MAX_JOBS:
                self._drop_job()
            self._start("jobs", self._work)

    def send(self, mail: Mail) -> None:
        """Send *mail* soon, and retry if that fails."""
        with self._changed:
            self._backlog.add(mail, self._clock())
            self._start("mail", self._deliver_all)

    def wake(self) -> None:
        """Check again what is due, after a test has moved the clock."""
        with self._changed:
            self._changed.notify_all()

    def finish(self, timeout: float = 30.0) -> bool:
        """Return once all jobs are done and no email is due, or False after *timeout* seconds."""
        with self._changed:
            return self._changed.wait_for(self._is_idle, timeout)

    def close(self, timeout: float = SHUTDOWN) -> None:
        """Send what is due within *timeout* seconds, stop, and log what wasn't sent."""
        self.finish(timeout)
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
            left = [f"{len(self._jobs)} jobs"] if self._jobs else []
            left += [self._backlog.kinds()] if len(self._backlog) else []
            left += [f"{self._sending.kind} (on its way)"] if self._sending else []
        if left:
            log.error("The app stops, and these emails were not sent: %s.", ", ".join(left))

    def _start(self, name: str, run: Callable[[], None]) -> None:
        if name not in self._threads:
            # Daemon threads: a server that is silent must not keep the process from ending.
            self._threads[name] = Thread(target=run, name=name, daemon=True)
            self._threads[name].start()
        self._changed.notify_all()

    def _drop_job(self) -> None:
        """Drop the newest job of the source with the most, so that no other source loses one."""
        counts = Counter(each.source for each in self._jobs)
        ranks = [(not each.alarm, counts[each.source]) for each in self._jobs]
        del self._jobs[max(range(len(ranks)), key=lambda place: (ranks[place], place))]
        log.error("Too many jobs are waiting: one was dropped, and its email with it.")

    def _is_idle(self) -> bool:
        due = self._backlog.next_due(self._clock())
        return not (self._jobs or self._working or self._sending or due == 0.0)

    def _work(self) -> None:
        lower_priority()
        while True:
            with self._changed:
                self._working = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._jobs or self._closing)
                if self._closing:
                    return
                job = self._jobs.popleft()
                self._working = True
            try:
                job.run()
            except Exception as cause:  # one job's failure must not stop the others
                log.error("A job of the mail queue failed.", cause=cause)

    def _deliver_all(self) -> None:
        lower_priority()
        while (waiting := self._next()) is not None:
            result = self._try(waiting.mail)
            with self._changed:
                now = self._clock()
                match result:
                    case ServerFailed():
                        self._backlog.pause(waiting, now)
                    case None | MailRefused():
                        self._backlog.sent()
                    case _:
                        self._backlog.defer(waiting, now)

    def _next(self) -> Waiting | None:
        """Wait for an email that is due and return it, or None once the queue is closing."""
        with self._changed:
            self._sending = None
            self._changed.notify_all()
            while not self._closing:
                now = self._clock()
                if waiting := self._backlog.take(now):
                    self._sending = waiting.mail
                    return waiting
                self._changed.wait(self._backlog.next_due(now))
        return None

    def _try(self, mail: Mail) -> MailFailed | None:
        """Send *mail* and return its failure, if any."""
        try:
            self._mailer.send(mail)
        except MailRefused as failure:
            log.error("An email was refused for good: %s (%s).", failure, mail.kind)
            return failure
        except MailFailed as failure:
            log.warning("An email was not sent yet: %s (%s).", failure, mail.kind)
            return failure
        except Exception as cause:  # a bug here must not stop all email
            log.error("An email could not be written: %s.", mail.kind, cause=cause)
            return MailRefused(type(cause).__name__)
        return None
