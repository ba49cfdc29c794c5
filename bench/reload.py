"""Measure the wait for a page in Chromium: after F5, and after pressing "Log in"."""

from contextlib import ExitStack
from statistics import median
from time import perf_counter

import bcrypt

from bench.accounts import PASSWORD, Accounts, accounts, email
from bench.browser import SETTLE, Tab, chromium
from bench.log_in_cost import ROUNDS
from bench.server import BARE, entries, serving
from bench.table import Row, progress

SLOWER = 1.05  # times the bare page's reload
AFTER_BCRYPT = 150  # ms


def measure(quick: bool) -> list[Row]:
    """Return the rows of each entry script: reloads, runs per reload, and log-in to page."""
    rows: list[Row] = []
    with ExitStack() as stack:
        made = stack.enter_context(accounts(1_000))
        bare = stack.enter_context(serving(BARE)).url
        urls = {
            name: stack.enter_context(serving(entry, made.environment)).url
            for name, entry in entries().items()
        }
        rows += reloads(bare, urls, made, 3 if quick else 25)
        for name, url in urls.items():
            rows += log_ins(name, url, made, 2 if quick else 15)
    return rows


def reloads(bare: str, urls: dict[str, str], made: Accounts, rounds: int) -> list[Row]:
    """Reload the bare page and ours in turn; return the ratio and the number of runs.

    A page is there once its last line is: the browser draws what has arrived at once, and the bare
    page's heading comes alone and earlier because the rest of it comes later.
    """
    headed: dict[str, list[float]] = {}
    taken: dict[str, list[float]] = {}
    runs: dict[str, list[int]] = {}
    with chromium() as browser:
        tabs = {"bare": Tab(browser, bare)}
        tabs |= {name: Tab(browser, url, made.token(0)) for name, url in urls.items()}
        for tab in tabs.values():
            tab.wait("window.whole")
            tab.reload()
        for number in range(rounds):
            progress(f"reload: round {number + 1} of {rounds}")
            for name, tab in tabs.items():
                heading, whole = tab.reload()
                headed.setdefault(name, []).append(heading)
                taken.setdefault(name, []).append(whole)
                runs.setdefault(name, []).append(tab.settled_runs())
    how = f"until the last line is in the document, median of {rounds} interleaved reloads"
    rows = [Row("reload, bare page", median(taken["bare"]), "ms", how)]
    for name in urls:
        ratio, first = (
            median(a / b for a, b in zip(each[name], each["bare"], strict=True))
            for each in (taken, headed)
        )
        seen = f"most script_finished frames within {SETTLE} ms of the last line"
        rows += [
            Row(f"reload, {name} signed in", median(taken[name]), "ms", how),
            Row(f"reload, {name} against bare", ratio, "×", how, at_most=SLOWER),
            Row(f"its heading, {name} against bare", first, "×", "the same, until the heading"),
            Row(f"runs a reload, {name}", max(runs[name]), "runs", seen, at_most=1),
        ]
    return rows


def log_ins(name: str, url: str, made: Accounts, rounds: int) -> list[Row]:
    """Log in through the form; return how much longer it takes than bcrypt alone."""
    bare, whole = [], []
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(ROUNDS))
    with chromium() as browser:
        for number in range(rounds):
            progress(f"log in at {name}: round {number + 1} of {rounds}")
            start = perf_counter()
            bcrypt.checkpw(PASSWORD.encode(), hashed)
            bare.append((perf_counter() - start) * 1_000)
            tab = Tab(browser, url)
            tab.page.get_by_role("textbox", name="Email").fill(email(number))
            tab.page.get_by_role("textbox", name="Password").fill(PASSWORD)
            tab.page.get_by_role("button", name="Log in", exact=True).click()
            whole.append(tab.wait("window.shown && window.shown - window.clicked"))
            tab.close()
    later = median(one - other for one, other in zip(whole, bare, strict=True))
    how = f"from the click to the heading in Chromium, median of {rounds} interleaved pairs"
    return [
        Row(f"log in, {name}", median(whole), "ms", how),
        Row(f"log in, {name}, beyond bcrypt", later, "ms", how, at_most=AFTER_BCRYPT),
    ]
