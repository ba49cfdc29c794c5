"""The client's IP address: which sources are trusted, and what counts as one client."""

import pytest

from auth.client import network
from web.connection import client_ip


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("203.0.113.7", [], 0, "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], 0, ""),  # a proxy that is not configured
        ("198.51.100.1", ["198.51.100.1"], 0, ""),  # one on this machine, whom uvicorn believes
        ("10.0.0.1", ["198.51.100.1"], 1, "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], 1, "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.0.0.2"], 2, "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1"], 2, ""),
        ("10.0.0.1", [], 1, ""),
        ("10.0.0.1", ["198.51.100.1:50000"], 1, "198.51.100.1"),  # as Azure's gateway writes it
        ("10.0.0.1", ["[2001:db8::1]:50000"], 1, "2001:db8::1"),
        ("10.0.0.1", ["[2001:db8::1]"], 1, "2001:db8::1"),
        ("10.0.0.1", ["2001:db8::1"], 1, "2001:db8::1"),
        ("10.0.0.1", ["[::ffff:198.51.100.1]:50000"], 1, "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1:"], 1, ""),
        ("10.0.0.1", ["198.51.100.1:port"], 1, ""),
        ("10.0.0.1", [":50000"], 1, ""),
        ("10.0.0.1", ["<script>"], 1, ""),
        ("::ffff:203.0.113.7", [], 0, "203.0.113.7"),
        ("2001:DB8::1", [], 0, "2001:db8::1"),
        (None, [], 0, ""),
        ("not an address", [], 0, ""),
    ],
)
def test_only_as_many_proxies_are_believed_as_are_trusted(
    peer: str | None, forwarded: list[str], trusted: int, expected: str
) -> None:
    """TH-2: a visitor may have written anything left of our own proxies' entries."""
    assert client_ip(peer, forwarded, trusted) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("", "unknown"),
    ],
)
def test_a_line_of_ipv6_counts_as_one_client(address: str, expected: str) -> None:
    """TH-2: a /64 has 2^64 IP addresses, and one limit."""
    assert network(address) == expected
