"""The bounds on what one visitor may hold open, and the limits of this process.

The numbers are defined here only; SECURITY.md repeats them and a test compares. All counts are in
this process's memory.
"""

import ctypes
import sys
from contextlib import suppress
from dataclasses import dataclass

SITE_FACTOR = 3  # times a network's number for all of an IPv6 /48, as for log-ins
DESCRIPTORS_A_SOCKET = 4  # measured: what one Streamlit session holds open
SPARE_DESCRIPTORS = 200  # for the database, mail and the app's own files
MOST_DESCRIPTORS = 65_536  # more than this process can use: all websockets take a quarter
MEGABYTE = 1024 * 1024
M_MMAP_THRESHOLD = -3  # of glibc's malloc.h


@dataclass(frozen=True)
class Bounds:
    """The numbers; times are in seconds, and tests pass shorter ones."""

    # Websockets: one is one open tab.
    network_sockets: int = 300  # of signed-out visitors of one network
    silent_sockets: int = 50  # of those, new ones that have not sent a message yet
    user_sockets: int = 40  # of one signed-in user
    all_sockets: int = 4_096  # in all, where the descriptor limit allows so many
    signed_out_share: float = 0.75  # of all sockets: the rest is kept for signed-in users
    first_message: float = 30  # until a new page has sent its first message
    parts: int = 2_000  # fields in one message of a signed-out visitor's page, at every depth
    user_parts: int = 50_000  # the same for a signed-in user
    unfinished: int = 100  # megabytes in all: of messages that are arriving or wait for their turn
    runs: int = 40  # that signed-out pages of one network may request at once
    runs_rate: float = 10  # a second after that; a run takes some 20 ms of one core
    user_messages: int = 200  # that one signed-in user's pages may send at once
    user_rate: float = 20  # a second after that: pages that refresh themselves send some
    longest_wait: float = 60  # for a turn: by then each tab of a network has had one
    run_size: int = MEGABYTE  # bytes of a message that count as one more run
    crowd: int = 20  # runs of one network at once that crowd the server,
    crowd_rate: float = 5  # or as many a second after that: a few such networks fill a core
    slots: int = 1  # runs of signed-out pages at the same time: two slow each other down
    slot: float = 0.1  # until a longer run lets the next one begin
    rest: int = 2  # times the last run, until the next one of networks that crowd the server
    # Requests.
    headers: float = 15  # for a request's headers, and for the silence between requests
    body: float = 20  # for a body or a message, and a second more per *body_rate* bytes
    body_rate: int = 16 * 1024  # bytes a second
    answer: float = 60  # that a client may take without reading any of a response
    look_every: float = 1  # between two checks of connections and tabs
    connections_share: float = 0.25  # of all descriptors, for connections other than websockets
    # Uploads, by signed-in users alone; one file is bounded by server.maxUploadSize.
    user_files: int = 50
    user_upload: int = 2  # times server.maxUploadSize
    all_uploads: int = 10  # times server.maxUploadSize
    uploads_kept: float = 30  # after the tab that they belong to has closed


BOUNDS = Bounds()


def raise_descriptor_limit() -> int:
    """Raise this process's soft limit of open files as far as allowed; return the limit."""
    if sys.platform == "win32":
        return MOST_DESCRIPTORS  # there is no such limit for sockets
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # macOS allows less than it says
            return soft
        return wanted
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def return_freed_blocks() -> None:
    """Have the C library return each block of a megabyte or more to the system once it is freed.

    By itself glibc takes blocks of up to 32 MB from its heap, once one of that size has been freed,
    and keeps up to 64 MB at the heap's top for the next: mallopt(3), on M_MMAP_THRESHOLD.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # musl, as in Alpine, has no such setting
            ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, MEGABYTE)


def connection_room(bounds: Bounds, descriptors: int) -> int:
    """Return the most connections other than websockets, with or without a request."""
    return int(descriptors * bounds.connections_share)
