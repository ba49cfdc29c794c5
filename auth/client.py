"""Who asks: what the connection tells of a visitor, before anybody has logged in."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address


@dataclass(frozen=True)
class Client:
    """Who asks: the IP address, the browser's User-Agent, and the token it brought along."""

    address: str = ""
    agent: str = ""
    token: str | None = None

    @property
    def network(self) -> str:
        """What counts as one place: the network of the address."""
        return network(self.address)

    @property
    def site(self) -> str | None:
        """The /48 that an IPv6 address is in, or None for others: as much as one customer gets."""
        ip = _read(self.address)
        return _prefix(ip, 48) if isinstance(ip, IPv6Address) else None

    @property
    def source(self) -> str:
        """Who takes turns in queues: the network, over IPv6 the site, which has 65,536 of them."""
        return self.site or self.network


def network(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 that a line of IPv6 gets.

    Where nobody tells an address everybody is one client, "unknown" (TH-2).
    """
    ip = _read(address)
    if isinstance(ip, IPv6Address):
        return _prefix(ip, 64)
    return str(ip) if ip else UNKNOWN


def _read(address: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that *address* tells, IPv4 also where it is written as IPv6."""
    try:
        ip = ip_address(address)
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


def _prefix(ip: IPv6Address, bits: int) -> str:
    """Return the network of that many *bits* which *ip* is in."""
    rest = 128 - bits
    return f"{IPv6Address(int(ip) >> rest << rest)}/{bits}"


UNKNOWN = "unknown"
