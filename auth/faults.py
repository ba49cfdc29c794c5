"""Database faults: each becomes one calm error for the visitor, and one line in the log (AV-7)."""

from types import TracebackType

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from auth.errors import Unavailable
from auth.log import BoundedLog
from db.engine import BUSY_TIMEOUT, is_lock_wait, kind_of_fault, reason_of_fault

log = BoundedLog("auth.database")


class Answering:
    """A block that raises Unavailable for any fault of the database, and logs its cause.

    One line a minute for each kind of fault, without statements and values. A caller with less
    *patience* than usual expects that a lock is held: that is no fault.
    """

    def __init__(self, patience: int = BUSY_TIMEOUT) -> None:
        self._patience = patience

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the block; raise Unavailable where the database ended it."""
        if not isinstance(fault, (DBAPIError, PoolTimeout)):
            return
        if self._patience >= BUSY_TIMEOUT or not is_lock_wait(fault):
            message = f"The database did not answer ({kind_of_fault(fault)}): %s"
            log.error(message, reason_of_fault(fault))
        raise Unavailable from fault
