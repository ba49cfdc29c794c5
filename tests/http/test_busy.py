"""The server while many people log in at once."""

import asyncio
import secrets
from pathlib import Path
from time import perf_counter

from bench.visitor import Visitor, arrive
from tests.http.conftest import PASSWORD, ask
from tests.serving import Server, serve

PEOPLE = 50
ACCOUNTS = 10  # each of them logs in at five places: making an account costs as much as a log-in
PAUSE = 0.05  # seconds between two health checks: asked without one they are the load themselves
BOUND = 1.0  # second: what BC-9 allows
SHARE = 1 / 4  # of the whole wave: what it comes to where other tests use the cores as well


def test_fifty_people_who_log_in_do_not_keep_a_health_check_waiting(tmp_path: Path) -> None:
    """BC-9: hashing runs in its own threads, so other requests are answered meanwhile."""
    with serve("server.py", tmp_path) as server:
        with server.service() as service:
            emails = [f"{secrets.token_hex(4)}@example.com" for _ in range(ACCOUNTS)]
            for email in emails:
                service.sign_up(email, PASSWORD)

        start = perf_counter()
        answers = asyncio.run(log_all_in(server, emails * (PEOPLE // ACCOUNTS)))
        wave = perf_counter() - start

    assert len(answers) > 1  # it was asked while they logged in, not only afterwards
    assert max(answers) < max(BOUND, wave * SHARE)


async def log_all_in(server: Server, emails: list[str]) -> list[float]:
    """Log everybody in at once, and return how long each health check took until all were in."""
    people = await asyncio.gather(*(arrive(server.url, "", "Log in") for _ in emails))
    for person, email in zip(people, emails, strict=True):
        person.address = email
    crowd = asyncio.gather(*(person.log_in(PASSWORD) for person in people))
    answers = [await asyncio.to_thread(check, server)]
    while not (await asyncio.wait([crowd], timeout=PAUSE))[0]:
        answers.append(await asyncio.to_thread(check, server))
    await crowd  # a log-in that did not show the signed-in page raises
    await asyncio.gather(*map(leave, people))
    return answers


def check(server: Server) -> float:
    """Return the seconds that one health check took."""
    start = perf_counter()
    assert ask(server, "GET", "/healthz").text == "alive"
    return perf_counter() - start


async def leave(person: Visitor) -> None:
    """Close the tab."""
    await person.socket.close()
