"""The load driver: a crowd of visitors that reruns its page or logs in.

Runs in its own process, so that it takes nothing from the server but the other core:
`python -m bench.stream`. Its first line on stdin is a `Crowd` as JSON; it connects, runs the page
once for each visitor and answers "ready". Each further line is a number of seconds, answered by the
seconds that each rerun took, as JSON.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from random import Random
from time import perf_counter

from bench.visitor import Visitor, arrive

CONNECTING = 4  # handshakes at the same time


@dataclass(frozen=True)
class Crowd:
    """The visitors of *url*: one for each cookie header, and the text their page must contain.

    *pause* is the average time that a visitor looks at the page before the next rerun. With a
    *password* they wait at the log-in form and log in once instead, all at the same moment; their
    needle is their email.
    """

    url: str
    cookies: list[str]
    needles: list[str]
    pause: float = 0.0
    password: str = ""


async def gather(crowd: Crowd) -> list[Visitor]:
    """Connect all visitors, a few at a time."""
    turn = asyncio.Semaphore(CONNECTING)

    async def one(cookie: str, needle: str) -> Visitor:
        async with turn:
            if not crowd.password:
                return await arrive(crowd.url, cookie, needle)
            visitor = await arrive(crowd.url, cookie, "Keep me logged in")
            visitor.address = needle
            return visitor

    return await asyncio.gather(*map(one, crowd.cookies, crowd.needles))


async def press(crowd: Crowd, visitors: list[Visitor], seconds: float) -> list[float]:
    """Make all visitors rerun for *seconds*, or log in; return the seconds of each."""
    if crowd.password:
        return await asyncio.gather(*(each.log_in(crowd.password) for each in visitors))
    pause = crowd.pause
    end = perf_counter() + seconds
    taken: list[float] = []

    async def one(visitor: Visitor, random: Random) -> None:
        await asyncio.sleep(random.uniform(0, pause))
        while perf_counter() < end:
            taken.append(await visitor.run())
            await asyncio.sleep(random.uniform(0.5, 1.5) * pause)

    await asyncio.gather(*(one(each, Random(n)) for n, each in enumerate(visitors)))
    return taken


async def main() -> None:
    """Run the commands on stdin."""
    crowd = Crowd(**json.loads(sys.stdin.readline()))
    visitors = await gather(crowd)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await press(crowd, visitors, float(line))), flush=True)


def as_json(crowd: Crowd) -> str:
    """Return *crowd* as the first line of stdin."""
    return json.dumps(asdict(crowd))


if __name__ == "__main__":
    asyncio.run(main())
