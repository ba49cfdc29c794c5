"""Which signed-out page may run next, and how often its network may ask."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from auth.client import Client
from tests.unit.networks import CALM, CROWDED, Clock, client
from web import turns as turns_module
from web.bounds import Bounds
from web.turns import RunSlots, Turns

Result = TypeVar("Result")


def waits_of(turns: Turns, address: str, count: int) -> list[float]:
    """Return the seconds that each of the next *count* turns of *address* waits."""
    return [round(turns.take(client(address)), 6) for _ in range(count)]


def test_a_network_that_reruns_in_a_loop_waits_and_no_other_does() -> None:
    """AV-1: the first few are free, then each waits for its turn; quiet fills the bucket again."""
    clock = Clock()
    turns = Turns(Bounds(runs=3, runs_rate=10), clock)

    assert waits_of(turns, "192.0.2.7", 5) == [0, 0, 0, 0.1, 0.2]
    assert waits_of(turns, "192.0.2.8", 1) == [0]
    clock.now += 0.3
    assert waits_of(turns, "192.0.2.7", 2) == [0, 0.1]
    clock.now += 60
    assert waits_of(turns, "192.0.2.7", 4) == [0, 0, 0, 0.1]


def test_the_networks_of_one_site_share_three_times_the_turns_of_one() -> None:
    """AV-1, TH-2: an attacker with an IPv6 /48 has 65,536 networks."""
    turns = Turns(Bounds(runs=2, runs_rate=10), Clock())

    waits = [waits_of(turns, f"2001:db8:1:{net}::1", 2) for net in range(4)]

    assert waits == [[0, 0], [0, 0], [0, 0], [0.033333, 0.066667]]
    assert waits_of(turns, "2001:db8:2:1::1", 2) == [0, 0]


def test_the_memory_of_turns_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """AV-1: a quiet network is forgotten, and networks beyond the bound count as one."""
    monkeypatch.setattr(turns_module, "MOST_PLACES", 3)
    clock = Clock()
    turns = Turns(Bounds(runs=1, runs_rate=10, crowd_rate=10), clock)

    assert [waits_of(turns, f"192.0.2.{n}", 1) for n in range(6)] == [[0]] * 4 + [[0.1], [0.2]]
    assert len(turns._limits._full_at) == 4
    assert turns.calm_at(client("192.0.2.4")) == turns.calm_at(client("192.0.2.5")) > clock.now
    clock.now += 0.1
    turns.forget()
    assert len(turns._limits._full_at) == 1
    assert turns.calm_at(client("192.0.2.0")) >= clock.now


def test_a_network_crowds_the_server_before_it_has_to_wait_for_its_turns() -> None:
    """AV-1: ten networks with eight runs a second each fill a core, and none has to wait."""
    clock = Clock()
    bounds = Bounds(runs=40, runs_rate=10, crowd=20, crowd_rate=5)
    turns = Turns(bounds, clock)

    def ask(a_second: float, seconds: int) -> bool:
        for _ in range(int(a_second * seconds)):
            clock.now += 1 / a_second
            assert not turns.take(client("192.0.2.7"))
        return turns.crowds(client("192.0.2.7"))

    assert not ask(4, 60)
    assert not ask(8, 5)
    assert ask(8, 5)
    assert ask(8, 600)
    clock.now += 5  # ten minutes of it are forgotten as soon as seconds of it
    assert not turns.crowds(client("192.0.2.7"))
    assert not turns.crowds(client("192.0.2.8"))


def test_the_networks_of_one_site_crowd_together() -> None:
    """AV-1, TH-2: each of 65,536 would come first."""
    turns = Turns(Bounds(crowd=3, crowd_rate=1), Clock())

    for net in range(3):
        turns.take(client(f"2001:db8:1:{net}::1"))

    assert turns.crowds(client("2001:db8:1:9::1"))
    assert not turns.crowds(client("2001:db8:2:1::1"))


def test_no_turn_is_far_away() -> None:
    """AV-1: what an attacker has asked for, and was refused, does not keep a network out."""
    turns = Turns(Bounds(runs=3, runs_rate=10, longest_wait=60, run_size=1_000), Clock())
    for _ in range(100):
        turns.take(client("192.0.2.7"), 25_000)

    assert waits_of(turns, "192.0.2.7", 2) == [60, 60]


def test_a_network_crowds_the_server_from_its_bound_on() -> None:
    """AV-1: to the last run."""
    turns = Turns(Bounds(crowd=3, crowd_rate=1), Clock())

    seen = []
    for _ in range(4):
        turns.take(client("192.0.2.7"))
        seen.append(turns.crowds(client("192.0.2.7")))

    assert seen == [False, False, True, True]


def run(use: Coroutine[Any, Any, Result]) -> Result:
    """Return what *use* does; an error in a callback, which asyncio only logs, is one here."""
    failures: list[object] = []

    async def watched() -> Result:
        asyncio.get_running_loop().set_exception_handler(lambda _, fault: failures.append(fault))
        result = await use
        await soon()
        return result

    result = asyncio.run(watched())
    assert failures == []
    return result


async def soon() -> None:
    """Let what is due happen: the callback, the page that waited, and its next line."""
    for _ in range(3):
        await asyncio.sleep(0)


class Pages:
    """Signed-out pages that ask for a run, and the order in which their scripts begin."""

    def __init__(self, *, slots: int, slot: float = 60, crowd: int = 20) -> None:
        self.clock = Clock()
        bounds = Bounds(slots=slots, slot=slot, crowd=crowd)
        self.slots, self.turns = RunSlots(bounds, self.clock), Turns(bounds, self.clock)
        self.began: list[int] = []
        self.asking: list[asyncio.Task[None]] = []

    async def ask(self, *networks: str) -> None:
        """Ask for a page of each of *networks*; the pages are numbered from 0."""
        for network in networks:
            self.turns.take(client(network))
            self.asking.append(asyncio.create_task(self._ask(len(self.asking), client(network))))
        await soon()

    async def end(self, number: int) -> None:
        """End the run of a page."""
        self.slots.end(number)
        await soon()

    async def _ask(self, number: int, asks: Client) -> None:
        crowds = self.turns.crowds(asks)
        await self.slots.begin(number, self.turns.calm_at(asks), crowds=crowds)
        self.began.append(number)


def test_signed_out_pages_run_a_few_at_a_time_and_a_quiet_network_comes_first() -> None:
    """AV-1: fifty forms sent at once would keep everyone's messages waiting for seconds."""

    async def use() -> None:
        pages = Pages(slots=2)
        await pages.ask(*[CROWDED] * 4, CALM)
        assert pages.began == [0, 1]
        await pages.end(1)
        await pages.end(99)  # a page without a slot has none to give back
        assert pages.began == [0, 1, 4]
        await pages.ask(CALM)
        for number in (4, 0, 5):
            await pages.end(number)
        assert pages.began == [0, 1, 4, 5, 2, 3]

    run(use())


def test_networks_that_crowd_the_server_get_a_third_of_its_time() -> None:
    """AV-1: after a run they wait for twice as long; ten networks may ask for 100 a second."""

    async def use() -> None:
        pages = Pages(slots=1, crowd=2)
        await pages.ask(CROWDED, CROWDED, CROWDED)
        pages.clock.now += 5
        await pages.end(0)
        await pages.ask(CALM)
        assert pages.began == [0, 3]
        pages.clock.now += 9.9
        await pages.end(3)
        assert pages.began == [0, 3]
        pages.clock.now += 20
        await pages.ask(CALM)
        assert pages.began == [0, 3, 4]
        await pages.end(4)
        assert pages.began == [0, 3, 4, 1]

    run(use())


def test_a_network_that_has_waited_for_its_rest_goes_on_by_itself() -> None:
    """AV-1: also when nobody else asks for anything."""

    async def use() -> None:
        slots = RunSlots(Bounds(slots=1, slot=0.01))
        await slots.begin(0, 0, crowds=True)
        await asyncio.wait_for(slots.begin(1, 0, crowds=True), 30)
        await asyncio.wait_for(slots.begin(2, 0, crowds=True), 30)

    run(use())


def test_a_network_that_crowds_the_server_rests_also_where_nobody_waits() -> None:
    """AV-1: its next run may be asked for only during the rest."""

    async def use() -> None:
        clock = Clock(0)
        slots = RunSlots(Bounds(slots=1, slot=60, rest=2), clock)
        assert not slots.must_wait(crowds=True)  # at first
        await slots.begin(0, 0, crowds=True)
        clock.now += 3_600
        slots.end(0)
        await soon()
        crowding = asyncio.create_task(slots.begin(1, 0, crowds=True))
        await soon()
        assert not crowding.done()
        await slots.begin(2, 0, crowds=False)
        clock.now += 7_200
        slots.end(2)
        await soon()
        assert not crowding.done()  # the other's run has begun another rest
        clock.now += 14_400
        slots.end(2)
        await slots.begin(3, 0, crowds=False)
        slots.end(3)
        await asyncio.wait_for(crowding, 30)

    run(use())


def test_those_that_asked_for_as_much_run_in_the_order_of_their_asking() -> None:
    """AV-1: whatever their websockets' numbers."""

    async def use() -> list[int]:
        slots, began = RunSlots(Bounds(slots=1, slot=60)), []

        async def ask(number: int) -> None:
            await slots.begin(number, 0, crowds=False)
            began.append(number)

        asking = [asyncio.create_task(ask(number)) for number in (1, 9, 5, 7)]
        for number in (1, 9, 5):
            await soon()
            slots.end(number)
            slots.end(number)  # its run may end and wait at once
        await asyncio.wait_for(asyncio.gather(*asking), 30)
        return began

    assert run(use()) == [1, 9, 5, 7]


def test_a_page_that_asks_again_and_again_keeps_its_slot_no_longer() -> None:
    """AV-1: one tab with eleven messages a second kept the only slot, and everyone else waiting."""

    async def use() -> None:
        slots = RunSlots(Bounds(slots=1, slot=0.01))
        await slots.begin(1, 0, crowds=False)
        other = asyncio.create_task(slots.begin(2, 0, crowds=False))
        for _ in range(1_000):
            if other.done():
                break
            await asyncio.wait_for(slots.begin(1, 0, crowds=False), 30)
            await asyncio.sleep(0.001)

        assert other.done()

    run(use())


def test_a_page_that_left_while_it_waited_is_passed_over() -> None:
    """AV-1: it takes no slot."""

    async def use() -> None:
        pages = Pages(slots=1)
        await pages.ask(*[CROWDED] * 3)
        pages.asking[1].cancel()
        await pages.end(0)
        assert pages.began == [0, 2]

    run(use())


def test_a_slow_page_keeps_no_other_waiting_for_long() -> None:
    """AV-1: it goes on running, and the next one begins."""

    async def use() -> None:
        pages = Pages(slots=1, slot=0.01)
        await pages.ask(CROWDED, CALM)
        await asyncio.wait_for(pages.asking[1], 30)
        assert pages.began == [0, 1]

    run(use())


def test_a_user_who_floods_waits_and_no_other_does() -> None:
    """AV-1: whoever has an account is a stranger to the others."""
    clock = Clock()
    turns = Turns(Bounds(user_messages=3, user_rate=10, longest_wait=60), clock)

    waits = [turns.take_for("ada") for _ in range(5)]

    assert waits == pytest.approx([0, 0, 0, 0.1, 0.2])
    assert turns.take_for("grace") == 0
    assert max(turns.take_for("ada") for _ in range(10_000)) <= 60
    clock.now += 61
    turns.forget()
    assert turns.take_for("ada") == 0
