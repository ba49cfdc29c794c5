"""Measure signed-in reruns per second with 20 open tabs: our app, the bare page, and a peer."""

from contextlib import ExitStack
from statistics import median

from bench.accounts import Accounts, accounts, email
from bench.load import crowds
from bench.peer_venv import peer_cookie, peer_python
from bench.server import BARE, PEER, entries, serving
from bench.stream import Crowd
from bench.table import Row, progress

VISITORS = 20
BARE_TIMES, PEER_TIMES = 6, 10


def measure(quick: bool) -> list[Row]:
    """Return the rows: reruns per second of each, and ours against the others."""
    rounds, seconds = (2, 1.0) if quick else (6, 4.0)
    rates: dict[str, list[float]] = {}
    with ExitStack() as stack:
        made = stack.enter_context(accounts(1_000))
        ours = entries()
        come = [
            crowd_of(stack.enter_context(serving(entry, made.environment)).url, made)
            for entry in ours.values()
        ]
        come.append(Crowd(stack.enter_context(serving(BARE)).url, [""] * VISITORS, SIGHT))
        come.append(peer_crowd(stack.enter_context(serving(PEER, {}, peer_python())).url))
        loads = stack.enter_context(crowds(come))
        for number in range(rounds):
            for name, load in zip([*ours, "bare", "peer"], loads, strict=True):
                progress(f"reruns: {name}, round {number + 1} of {rounds}")
                taken = load.press(seconds)
                rates.setdefault(name, []).append(VISITORS * len(taken) / sum(taken))
    how = f"{VISITORS} tabs over websockets, median of {rounds} interleaved rounds"
    rows = [Row(f"reruns, {name}", median(rate), "a second", how) for name, rate in rates.items()]
    for name in ours:
        for other, times in (("bare", BARE_TIMES), ("peer", PEER_TIMES)):
            ratio = median(a / b for a, b in zip(rates[name], rates[other], strict=True))
            rows.append(Row(f"reruns, {name} against {other}", ratio, "×", how, at_least=times))
    return rows


SIGHT = ["Hello!"] * VISITORS  # text of the bare page


def crowd_of(url: str, made: Accounts, pause: float = 0.0, count: int = VISITORS) -> Crowd:
    """Return *count* signed-in users of our app; each must see the page with their email."""
    cookies = [f"auth={made.token(number)}" for number in range(count)]
    return Crowd(url, cookies, [email(number) for number in range(count)], pause)


def peer_crowd(url: str) -> Crowd:
    """Return the signed-in users of the peer's page."""
    numbers = range(VISITORS)
    return Crowd(url, [peer_cookie(n) for n in numbers], [email(n) for n in numbers])
