"""Which errors mean that the database is away."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from task_system.model.errors import StoreUnavailable


@contextmanager
def away() -> Iterator[None]:
    """Say StoreUnavailable where SQLAlchemy's errors mean that the database is away."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise StoreUnavailable from error
    except DBAPIError as error:
        if error.connection_invalidated or is_shutting_down(error.orig):
            raise StoreUnavailable from error
        raise


def is_shutting_down(error: BaseException | None) -> bool:
    """PostgreSQL's codes: 57…, the operator stopped it; 53…, no room (disk, memory, connections); 25006, read only."""
    code = getattr(error, "sqlstate", None) or ""
    return code.startswith(("57", "53")) or code == "25006"
