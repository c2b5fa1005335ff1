"""Which errors mean that the database is away."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from task_system.model.errors import StoreUnavailable

_DISK_FULL = "53100"


@contextmanager
def away() -> Iterator[None]:
    """Say StoreUnavailable where SQLAlchemy's errors mean that the database is away."""
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreUnavailable from error
    except (OperationalError, InterfaceError) as error:
        raise unavailable(error.orig) from error
    except DBAPIError as error:
        if error.connection_invalidated or is_shutting_down(error.orig):
            raise unavailable(error.orig) from error
        raise


def unavailable(error: BaseException | None) -> StoreUnavailable:
    """What callers are told: a full disk does not pass by itself."""
    if getattr(error, "sqlstate", None) == _DISK_FULL or getattr(error, "sqlite_errorname", None) == "SQLITE_FULL":
        return StoreUnavailable("The database's disk is full. Nothing was recorded; make room, then try again.")
    return StoreUnavailable()


def is_shutting_down(error: BaseException | None) -> bool:
    """PostgreSQL's codes: 57…, the operator stopped it; 53…, no room (disk, memory, connections); 25006, read only."""
    code = getattr(error, "sqlstate", None) or ""
    return code.startswith(("57", "53")) or code == "25006"
