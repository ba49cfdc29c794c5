"""Database faults: one calm error for the visitor, one line in the log (AV-7)."""

from types import TracebackType

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from auth.errors import Unavailable
from auth.log import BoundedLog
from db.engine import BUSY_TIMEOUT, is_lock_wait, kind_of_fault, reason_of_fault

log = BoundedLog("auth.database")


class AsUnavailable:
    """A context manager that turns any database fault into Unavailable and logs the cause.

    Logs one line a minute for each kind of fault, without statements or values. A caller with less
    *patience* than usual expects the lock to be held, so that isn't logged as a fault.
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
