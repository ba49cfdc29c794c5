"""The queue for expensive work: networks take turns, and no attacker can fill it."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock

import pytest

from auth import passwords
from auth.errors import Busy
from auth.passwords import FairQueue, lower_priority
from tests.serving import wait_until


class Worker:
    """A job for one thread that waits for a gate, and records the order of service."""

    def __init__(self) -> None:
        self.queue = FairQueue(1, per_source=3, in_all=5)
        self.served: list[str] = []
        self._gate = Event()
        self._people = ThreadPoolExecutor(16)
        self._refused = 0
        self._lock = Lock()

    def occupy(self) -> None:
        """Keep the one thread busy, so that every later job has to wait."""
        begun = Barrier(2)
        self._people.submit(self.queue.run, lambda: (begun.wait(), self._gate.wait()), "first")
        begun.wait()

    def come(self, source: str, *, patient: bool = False) -> None:
        """Submit a job from *source*, and return once it waits or was refused."""
        before = self.queue._waiting + self._refused
        self._people.submit(self._ask, source, patient)
        wait_until(lambda: self.queue._waiting + self._refused > before, f"{source} to wait")

    def let_go(self) -> list[str]:
        """Open the gate and return the sources in the order they were served."""
        self._gate.set()
        self._people.shutdown()
        return self.served

    @property
    def refused(self) -> int:
        """The number of jobs refused because the queue is full."""
        return self._refused

    def _ask(self, source: str, patient: bool) -> None:
        try:
            how = {"patient": True} if patient else {}
            self.queue.run(lambda: self.served.append(source), source, **how)
        except Busy:
            with self._lock:
                self._refused += 1


@pytest.fixture
def worker() -> Iterator[Worker]:
    """A queue with one thread, which is busy."""
    made = Worker()
    made.occupy()
    yield made
    made.let_go()


def test_networks_take_turns(worker: Worker) -> None:
    """AV-4, BC-9: behind a crowd at one network, another waits for one of them, not for all."""
    for source in ("crowd", "crowd", "crowd", "ada"):
        worker.come(source)

    assert worker.let_go() == ["crowd", "ada", "crowd", "crowd"]


def test_who_comes_now_and_then_waits_for_no_network_that_always_has_work() -> None:
    """AV-4: otherwise each further network of an attacker adds a bcrypt to every log-in."""
    worker = Worker()
    for source in ("a", "b", "c"):
        worker.queue.run(lambda: None, source)
    worker.occupy()

    for source in ("a", "b", "c", "ada"):
        worker.come(source)

    assert worker.let_go() == ["ada", "a", "b", "c"]


def test_who_guesses_stands_behind_those_whose_last_work_was_not_in_vain() -> None:
    """AV-4: also where they come as often; a right password takes them back."""
    worker = Worker()
    for source in ("a", "b", "mistyped"):
        worker.queue.run(lambda: False, source)
    worker.queue.run(lambda: True, "mistyped")
    worker.queue.run(lambda: True, "ada")
    worker.occupy()

    for source in ("a", "b", "new", "ada", "mistyped"):
        worker.come(source)

    assert worker.let_go() == ["new", "mistyped", "ada", "a", "b"]


def test_who_logs_in_comes_before_all_who_choose_a_password(worker: Worker) -> None:
    """AV-4: strangers who make accounts delay no log-in, not even one from their own network."""
    for source in ("stranger", "another"):
        worker.come(source, patient=True)
    for source in ("mistyped", "stranger"):
        worker.queue._served[source] = (source == "mistyped", 1)
        worker.come(source)

    assert worker.let_go() == ["stranger", "mistyped", "another", "stranger"]


@pytest.mark.parametrize(("worked", "served"), [(True, ["ada", "bob"]), (False, ["bob", "ada"])])
def test_a_job_that_raises_leaves_its_source_where_it_stood(
    worked: bool, served: list[str]
) -> None:
    """AV-4: only a wrong password puts it behind, and only a right one takes it back."""
    worker = Worker()
    worker.queue.run(lambda: worked, "ada")
    with pytest.raises(ZeroDivisionError):
        worker.queue.run(lambda: 1 // 0, "ada")
    worker.queue.run(lambda: True, "bob")
    worker.occupy()

    for source in ("bob", "ada"):
        worker.come(source)

    assert worker.let_go() == served


def test_the_queue_forgets_who_was_served_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """AV-4: its memory is bounded for any number of sources."""
    monkeypatch.setattr(passwords, "MOST_SERVED", 3)
    queue = FairQueue(1, per_source=1, in_all=1)

    for source in "abcdcef":
        queue.run(lambda: None, source)

    assert list(queue._served) == ["c", "e", "f"]


def test_one_network_cannot_fill_the_queue(worker: Worker) -> None:
    """AV-4: beyond its share it is refused at once, and another still gets in."""
    for source in ("crowd", "crowd", "crowd", "crowd", "ada"):
        worker.come(source)

    assert worker.refused == 1
    assert "ada" in worker.let_go()


def test_many_networks_cannot_make_the_queue_longer_than_its_bound(worker: Worker) -> None:
    """AV-4: memory and waits stay bounded for any number of sources."""
    for number in range(7):
        worker.come(f"network {number}")

    assert worker.refused == 2
    assert len(worker.let_go()) == 5


def test_each_thread_is_prepared_before_its_first_job() -> None:
    """BC-9: such as by lowering its priority; once, not for each job."""
    done: list[str] = []
    queue = FairQueue(1, per_source=1, in_all=1, prepare=lambda: done.append("prepared"))

    for _ in range(2):
        queue.run(lambda: done.append("ran"))

    assert done == ["prepared", "ran", "ran"]


def test_where_priorities_are_forbidden_jobs_run_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """BC-9: a thread that cannot be prepared would leave each log-in waiting for ever."""

    def forbid(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", forbid)

    lower_priority()  # raises nothing

    queue = FairQueue(1, per_source=1, in_all=1, prepare=lower_priority)
    assert queue.run(lambda: 42) == 42


def test_what_a_job_raises_is_raised_where_it_was_asked_for() -> None:
    """BC-5: and the thread goes on."""
    queue = FairQueue(1, per_source=1, in_all=1)

    with pytest.raises(ZeroDivisionError):
        queue.run(lambda: 1 // 0)

    assert queue.run(lambda: 42) == 42
