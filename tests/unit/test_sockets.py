"""The open websockets: how many a network and a user may have, and which make room for others."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.unit.networks import CALM, CROWDED, Clock, client
from web.bounds import Bounds
from web.sockets import OPEN_SOCKETS, SIGNED_IN_TABS, Sockets, let_others_run, note_user

TAB = "the-streamlit-session-of-a-tab"


def test_each_network_has_its_own_websockets_and_a_site_three_times_as_many() -> None:
    """AV-3, TH-2: IPv4 by IP address, IPv6 by /64 and /48; unknown IPs are one network too."""
    sockets = Sockets(Bounds(network_sockets=2), 20_000)
    taken = [sockets.open(client("2001:db8:1:1::1"), None) for _ in range(3)]
    others = [sockets.open(client(f"2001:db8:1:{net}::1"), None) for net in (2, 2, 3, 3, 4)]

    assert [number is not None for number in taken] == [True, True, False]
    assert [number is not None for number in others] == [True, True, True, True, False]
    assert sockets.open(client("2001:db8:2:1::1"), None)
    assert sockets.open(client("192.0.2.7"), None)
    assert [sockets.open(client(""), None) is not None for _ in range(3)] == [True, True, False]


def test_a_network_has_few_tabs_that_say_nothing() -> None:
    """AV-3: each is closed for its silence, and a flood of them is nothing but work.

    After a restart of the server its open tabs come back, and say nothing until someone clicks.
    """
    sockets = Sockets(Bounds(network_sockets=9, silent_sockets=2), 20_000)
    for _ in range(3):
        assert sockets.open(client("192.0.2.7"), None, comes_back=True)
    first, second = (sockets.open(client("192.0.2.7"), None) for _ in range(2))

    assert not sockets.has_room(client("192.0.2.7"))
    assert sockets.open(client("192.0.2.7"), None) is None
    assert sockets.open(client("192.0.2.7"), "ada")
    for _ in range(2):
        sockets.heard(first or 0)
    third = sockets.open(client("192.0.2.7"), None)
    assert third and not sockets.open(client("192.0.2.7"), None)
    for number in (first, second, third):
        sockets.close(number or 0)
    assert not sockets._silent


def test_signed_in_users_have_their_own_websockets_and_a_reserve() -> None:
    """AV-3: signed-out visitors of many networks leave a quarter to those who are signed in."""
    sockets = Sockets(Bounds(network_sockets=5, user_sockets=3, all_sockets=20), 20_000)
    out = [sockets.open(client(f"192.0.2.{number}"), None) for number in range(30)]
    ada = [sockets.open(client("192.0.2.1"), "ada") for _ in range(4)]
    grace = [sockets.open(client("192.0.2.1"), "grace") for _ in range(2)]

    assert sum(number is not None for number in out) == 15
    assert sum(number is not None for number in ada) == 3
    assert sum(number is not None for number in grace) == 2
    assert len(sockets) == 20


@dataclass
class Room:
    """Room for the tabs of four signed-out visitors and twelve users; records which were ended."""

    sockets: Sockets = field(init=False)
    clock: Clock = field(default_factory=Clock)
    ended: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make it empty."""
        bounds = Bounds(network_sockets=4, user_sockets=11, all_sockets=16, signed_out_share=0.25)
        self.sockets = Sockets(bounds, 20_000, self.clock)

    def come(self, tab: str, ip: str, user: str | None = None) -> bool:
        """Open a *tab* a second after the last one; return whether it was admitted."""
        self.clock.now += 1
        number = self.sockets.open(client(ip), user, lambda: self.ended.append(tab))
        if number:
            self.numbers[tab] = number
        return number is not None


def test_a_crowded_network_makes_room_for_others_with_its_longest_silent_tab() -> None:
    """AV-3: 31 networks with 100 idle tabs each had locked every other visitor out."""
    room = Room()
    assert all(room.come(tab, CROWDED) for tab in "abcd")
    room.clock.now += 1
    room.sockets.heard(room.numbers["a"])

    assert room.come("e", CALM)
    assert room.ended == ["b"]
    assert room.come("f", CALM)
    assert room.ended == ["b", "c"]
    assert len(room.sockets) == 4


def test_a_network_as_large_as_any_makes_room_for_itself() -> None:
    """AV-3: two crowds don't push each other out in turns."""
    room = Room()
    assert all(room.come(tab, ip) for tab, ip in zip("abcd", [CROWDED, CALM] * 2, strict=True))

    assert room.come("e", CALM)

    assert room.ended == ["b"]


def test_no_visitor_loses_the_only_tab_to_another() -> None:
    """AV-3: when many visitors arrive at once they must not displace each other."""
    room = Room()
    assert all(room.come(tab, f"192.0.2.{number}") for number, tab in enumerate("abcd"))

    assert not room.sockets.has_room(client(CALM))
    assert not room.come("e", CALM)
    assert room.ended == []


def test_a_site_is_one_crowd() -> None:
    """AV-3, TH-2: an IPv6 /48 has 65,536 networks, and each could have one tab."""
    room = Room()
    assert all(room.come(tab, f"2001:db8:1:{number}::1") for number, tab in enumerate("abcd"))

    assert room.sockets.has_room(client(CALM))
    assert room.come("e", CALM)
    assert room.ended == ["a"]


def test_a_user_with_as_many_tabs_as_any_makes_room_for_themselves() -> None:
    """AV-3: whatever network they come from."""
    room = Room()
    for number in range(8):
        assert room.come(f"bob {number}", CALM, "bob")
        assert room.come(f"ada {number}", CROWDED, "ada")

    assert room.come("another", CROWDED, "ada")

    assert room.ended == ["ada 0"]


def test_a_visitor_may_take_the_place_of_their_own_tab() -> None:
    """AV-3: where each network has one, a reloaded page is not refused."""
    room = Room()
    assert all(room.come(tab, f"192.0.2.{number}") for number, tab in enumerate("abcd"))

    assert room.sockets.has_room(client("192.0.2.1"))
    assert room.come("e", "192.0.2.1")
    assert room.ended == ["b"]


def test_where_users_have_every_place_a_visitor_finds_none() -> None:
    """AV-3: no signed-out tab could make room for another."""
    sockets = Sockets(Bounds(user_sockets=4, all_sockets=4), 20_000)
    assert all(sockets.open(client(CALM), "ada") for _ in range(4))

    assert not sockets.has_room(client(CROWDED))
    assert sockets.open(client(CROWDED), None) is None


def test_signed_out_visitors_take_no_place_from_a_user_and_users_share_theirs() -> None:
    """AV-3: a user's tab is closed only for another user's, and only that of the largest user."""
    room = Room()
    assert all(room.come(f"ada {number}", CROWDED, "ada") for number in range(11))
    assert room.come("bob", CROWDED, "bob")
    assert all(room.come(f"out {number}", f"192.0.2.{number}") for number in range(4))

    assert not room.come("another", CALM)
    assert room.come("grace", CROWDED, "grace")
    assert room.ended == ["ada 0"]


def test_who_logs_in_in_an_open_page_leaves_its_networks_count() -> None:
    """AV-3: signed-in users don't fill up their office's IP address."""
    sockets = Sockets(Bounds(network_sockets=1, user_sockets=1), 20_000)
    first = sockets.open(client("192.0.2.7"), None)
    assert first and not sockets.open(client("192.0.2.7"), None)

    sockets.sign_in(first, "ada")
    second = sockets.open(client("192.0.2.7"), None)
    assert second
    sockets.sign_in(second, "ada")  # she has enough of them: it stays with the network

    assert not sockets.open(client("192.0.2.7"), None)
    for number in (first, second):
        sockets.close(number)
    assert sockets._places == {} and sockets._signed_out == 0


@pytest.mark.parametrize("descriptors", [256, 1024, 20_000])
def test_websockets_never_use_up_the_descriptors(descriptors: int) -> None:
    """AV-3: each takes four; some are left for the database and for requests under way."""
    sockets = Sockets(Bounds(), descriptors)
    while sockets.open(client(f"192.0.2.{len(sockets) % 250}"), f"user {len(sockets)}"):
        pass

    assert 0 < len(sockets) * 4 < descriptors
    assert sockets.most_of_a_network <= sockets.most // 4


@pytest.mark.parametrize(("descriptors", "tabs"), [(10, 4), (1_026, 142)])
def test_a_tab_counts_as_four_descriptors(descriptors: int, tabs: int) -> None:
    """AV-3: less 200 to spare and a quarter for requests; a few tabs are open in any case."""
    assert Sockets(Bounds(), descriptors).most == tabs


@pytest.fixture
def known() -> Iterator[Sockets]:
    """Return the counter of the websockets numbered 1 and 2, of two visitors of one network."""
    sockets = Sockets(Bounds(network_sockets=2, user_sockets=1), 20_000)
    for _ in range(2):
        number = sockets.open(client(CALM), None)
        assert number
        OPEN_SOCKETS[number] = sockets
    yield sockets
    for number in (1, 2):
        del OPEN_SOCKETS[number]
    SIGNED_IN_TABS.pop(TAB, None)


def test_a_script_says_whose_tab_it_is(known: Sockets) -> None:
    """AV-2, AV-3: a websocket counts toward its user until they log out, then for its network."""
    note_user(1, TAB, None)  # as it was
    note_user(1, TAB, "ada")
    assert known.user_of(1) and not known.user_of(2)
    assert SIGNED_IN_TABS[TAB] == "ada"
    assert known.open(client(CALM), None)

    note_user(1, TAB, None)
    assert not known.user_of(1)
    assert TAB not in SIGNED_IN_TABS
    assert not known.open(client(CALM), None)
    note_user(2, TAB, "ada")  # who has room for another tab again
    assert known.user_of(2)


def test_a_script_that_outlives_its_websocket_reports_nothing(known: Sockets) -> None:
    """The connection may end while its script runs."""
    known.close(1)

    note_user(1, TAB, "ada")
    note_user(3, TAB, "ada")

    assert not known.user_of(1)


def test_a_script_gives_its_turn_back(known: Sockets) -> None:
    """AV-1: its own, and once."""

    async def use() -> list[bool]:
        await known.slots.begin(1, 0, crowds=False)
        seen = []
        for number in (2, 3, 1):
            let_others_run(number)
            await asyncio.sleep(0)
            seen.append(known.slots.must_wait(crowds=False))
        return seen

    assert asyncio.run(use()) == [True, True, False]
