"""One connection that stays open, for the one statement that is executed all the time.

It speaks to the driver: the statement is prepared once, planned once, and is a transaction of its own; SQLAlchemy's way
there and back takes four times as long as the driver's.
"""

import threading
from collections.abc import Mapping
from typing import Any

import psycopg
from sqlalchemy import Engine, TextClause
from sqlalchemy.exc import DBAPIError

from task_system.store.away import away, is_shutting_down, unavailable

#: The pool's connections plan each statement by its values; this one's values never matter to its plan.
_PLAN_ONCE = b"SET plan_cache_mode = force_generic_plan"


class Standing:
    """Connects when first used, and anew after an error; threads take turns. PostgreSQL only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connecting = threading.Lock()
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        #: Kept, since letting go of the last reference would close it.
        self._inherited: object = None
        self._texts: dict[TextClause, str] = {}

    def execute(self, statement: TextClause, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Execute and commit. Raises StoreUnavailable, or DBAPIError for what the database refuses."""
        try:
            connection = self._connection or self._connect_once()
            return connection.execute(self._text(statement), values, prepare=True).fetchall()
        except psycopg.Error as error:
            if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) or is_shutting_down(error):
                self.close()
                raise unavailable(error) from error
            raise DBAPIError(None, None, error) from error

    def close(self) -> None:
        """Close the connection; a later use opens a new one."""
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    def forget(self) -> None:
        """After a fork, in the child: let go of the parent's connection without closing it."""
        self._inherited, self._connection = self._connection, None

    def _connect_once(self) -> psycopg.Connection[tuple[Any, ...]]:
        with self._connecting:
            return self._connection or self._connect()

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        with away():
            pooled = self._engine.raw_connection()
        connection: psycopg.Connection[tuple[Any, ...]] = pooled.dbapi_connection  # type: ignore[assignment]
        pooled.detach()
        connection.autocommit = True
        connection.execute(_PLAN_ONCE)
        self._connection = connection
        return connection

    def _text(self, statement: TextClause) -> str:
        text = self._texts.get(statement)
        if text is None:
            text = self._texts[statement] = str(statement.compile(self._engine))
        return text
