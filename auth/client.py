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

    @property
    def site(self) -> str | None:
        """The /48 that an IPv6 address is in, or None for others: as much as one customer gets."""
        try:
            ip = ip_address(self.address)
        except ValueError:
            return None
        if ip.version == 4 or ip.ipv4_mapped:
            return None
        return f"{IPv6Address(int(ip) >> 80 << 80)}/48"


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
