"""The client: what a connection reveals about a visitor before they log in."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

UNKNOWN = "unknown"  # the network of every client without a known IP address


@dataclass(frozen=True)
class Client:
    """The source of a request: IP address, User-Agent, the cookie's token, the browser's nonce."""

    ip: str = ""
    user_agent: str = ""
    token: str | None = field(default=None, repr=False)
    browser: str = field(default="", repr=False)  # empty where the browser sends no nonce
    device: str = field(default="", repr=False)  # the cookie of a device that a user trusts

    @property
    def network(self) -> str:
        """The network under which limits count this client."""
        return network(self.ip)

    @property
    def ipv6_site(self) -> str | None:
        """The /48 of an IPv6 address, the most that one customer gets; None for IPv4."""
        ip = _parse(self.ip)
        return _prefix(ip, 48) if isinstance(ip, IPv6Address) else None

    @property
    def source(self) -> str:
        """The unit that takes turns in queues: the network, or over IPv6 the site."""
        return self.ipv6_site or self.network


def network(ip: str) -> str:
    """Return the network that counts as one client: an IPv4 address, or an IPv6 line's /64.

    Clients without a known IP address share one network, "unknown" (TH-2).
    """
    parsed = _parse(ip)
    if isinstance(parsed, IPv6Address):
        return _prefix(parsed, 64)
    return str(parsed) if parsed else UNKNOWN


def _parse(ip: str) -> IPv4Address | IPv6Address | None:
    """Return the parsed IP address; an IPv4 address written as IPv6 is IPv4."""
    try:
        parsed = ip_address(ip)
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed


def _prefix(ip: IPv6Address, bits: int) -> str:
    """Return the network of *bits* bits that contains *ip*."""
    rest = 128 - bits
    return f"{IPv6Address(int(ip) >> rest << rest)}/{bits}"
