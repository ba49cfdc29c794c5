"""The uploads of signed-in users, which Streamlit keeps in memory (AV-3)."""

from collections.abc import Callable
from time import monotonic

from streamlit import config, runtime

from web.bounds import MEGABYTE, Bounds
from web.sockets import SIGNED_IN_TABS


class Uploads:
    """The files that are kept or arriving, counted by user and in all."""

    def __init__(self, bounds: Bounds, clock: Callable[[], float] = monotonic) -> None:
        self._bounds = bounds
        self._clock = clock
        self._sizes: dict[tuple[str, str], tuple[str, int]] = {}  # by Streamlit session and file
        self._arriving: dict[int, tuple[tuple[str, str], tuple[str, int]]] = {}  # by number
        self._last = 0
        self._closed: dict[str, float] = {}  # when a Streamlit session with files was seen closed

    def reserve(self, user: str, session: str, file: str, size: int) -> int | None:
        """Return the number of an upload of *size* bytes, or None if there is no room for it.

        Uploads under way count, so that parallel ones cannot exceed the bounds together, not even
        those of one *file*. The file being replaced does not count.
        """
        one = int(config.get_option("server.maxUploadSize")) * MEGABYTE
        others = [held for key, held in self._sizes.items() if key != (session, file)]
        others += [held for _, held in self._arriving.values()]
        own = [held for owner, held in others if owner == user]
        if (
            len(own) >= self._bounds.user_files
            or sum(own) + size > self._bounds.user_upload * one
            or sum(held for _, held in others) + size > self._bounds.all_uploads * one
        ):
            return None
        self._last += 1
        self._arriving[self._last] = ((session, file), (user, size))
        return self._last

    def finish(self, number: int, *, arrived: bool) -> None:
        """Count an upload as a file if it has *arrived*; otherwise drop its reservation."""
        key, held = self._arriving.pop(number)
        if arrived:
            self._sizes[key] = held

    def release(self, session: str, file: str) -> None:
        """Forget a file that was removed."""
        self._sizes.pop((session, file), None)

    def free(self, is_open: Callable[[str], bool], remove: Callable[[str], None]) -> None:
        """Remove the files of Streamlit sessions that have been closed for long enough.

        Streamlit never removes them: its session store drops old sessions silently.
        """
        now = self._clock()
        sessions = {session for session, _ in self._sizes}
        self._closed = {
            session: self._closed.get(session, now) for session in sessions if not is_open(session)
        }
        for session, since in list(self._closed.items()):
            if now - since >= self._bounds.uploads_kept:
                remove(session)
                for key in [key for key in self._sizes if key[0] == session]:
                    del self._sizes[key]


def forget_closed_tabs(uploads: Uploads) -> None:
    """Forget the users of closed tabs, and free the uploads."""
    if not runtime.exists():
        return
    running = runtime.get_instance()
    for session in list(SIGNED_IN_TABS):
        if not running.is_active_session(session):
            SIGNED_IN_TABS.pop(session, None)
    uploads.free(running.is_active_session, running.uploaded_file_mgr.remove_session_files)
