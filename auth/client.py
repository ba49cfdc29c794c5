"""Who asks: what the connection tells of a visitor, before anybody has logged in."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address


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


def network(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 that a line of IPv6 gets.

    Where nobody tells an address everybody is one client, "unknown" (TH-2).
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return UNKNOWN
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return f"{IPv6Address(int(ip) >> 64 << 64)}/64"
    return str(ip)


UNKNOWN = "unknown"
