"""The client's address: one function decides whose word counts."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address


def client_address(peer: str | None, forwarded: Sequence[str], trusted_proxies: int) -> str:
    """Return the IP address of the client, or "" where nobody we trust tells it.

    *peer* is who holds the connection; *forwarded* are the X-Forwarded-For headers. Each proxy of
    ours adds the address it was called from at the end, so with *trusted_proxies* of them the
    client is that many from the right; what stands further left anybody may have written. Where
    there should be no proxy and the header is there, the peer may be one, and so it is not believed
    either: all its visitors would count as one who was here before (TH-4).
    """
    told = peer or ""
    chain = [part.strip() for header in forwarded for part in header.split(",")]
    if trusted_proxies:
        told = chain[-trusted_proxies] if len(chain) >= trusted_proxies else ""
    elif chain:
        told = ""
    try:
        address = ip_address(told)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)
