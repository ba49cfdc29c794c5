"""Networks of visitors, and a clock in seconds, for tests of the bounds."""

from dataclasses import dataclass

from auth.client import Client

CROWDED, CALM = "192.0.2.7", "192.0.2.8"


@dataclass
class Clock:
    """A clock that moves only when set."""

    now: float = 1_000.0

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self.now


def client(address: str) -> Client:
    """Return the client at the IP address *address*."""
    return Client(ip=address)
