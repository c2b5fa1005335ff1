"""Connections: how to open PostgreSQL and SQLite, how long to wait, and which errors mean "away"."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text

from task_system.model.errors import ConfigurationError
from task_system.store.away import away
from task_system.store.standing import Standing
from task_system.store.types import SQLITE_CLOCK, sqlite_clock

#: No statement of ours is worth waiting for longer, in milliseconds.
STATEMENT_TIMEOUT_MS = 5000
LOCK_TIMEOUT_MS = 3000
#: Waiting for a connection: from the pool, and to the server, in seconds.
POOL_TIMEOUT_S = 2.0
CONNECT_TIMEOUT_S = 2


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


class Database:
    """One database, with its own pool of connections. Opens nothing until it is used, so it may be made before a fork.

    url: `postgresql://…` or `sqlite:///…`.
    durable: whether a commit waits for the disk, as all must that somebody is answered for.
    connections: the pool's size.
    """

    def __init__(self, url: str, *, durable: bool = True, connections: int = 5) -> None:
        self._url = make_url(url)
        self._durable = durable
        self.dialect = self._url.get_backend_name()
        if self.dialect == "postgresql":
            self._engine = self._postgresql(connections)
        elif self.dialect == "sqlite":
            self._engine = self._sqlite(connections)
        else:
            raise ConfigurationError(
                f"DATABASE_URL must begin with postgresql:// or sqlite:///, not {self.dialect}://."
            )
        #: For the one statement that is executed all the time; PostgreSQL only.
        self.standing = Standing(self._engine)

    @property
    def is_postgresql(self) -> bool:
        """Whether statements may use what only PostgreSQL has."""
        return self.dialect == "postgresql"

    @property
    def engine(self) -> Engine:
        """For migrations and tests."""
        return self._engine

    def _postgresql(self, connections: int) -> Engine:
        options = {
            "statement_timeout": STATEMENT_TIMEOUT_MS,
            "lock_timeout": LOCK_TIMEOUT_MS,
            "idle_in_transaction_session_timeout": 30_000,
            "synchronous_commit": "on" if self._durable else "off",
            "timezone": "UTC",
            # Without this a batch that joins a few ids is planned as a scan of every partition.
            "plan_cache_mode": "force_custom_plan",
            "jit": "off",
        }
        return create_engine(
            self._url.set(drivername="postgresql+psycopg"),
            pool_size=connections,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_S,
            pool_use_lifo=True,
            json_serializer=_dumps,
            json_deserializer=orjson.loads,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "application_name": "task-system",
                "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 10_000,
            },
        )

    def _sqlite(self, connections: int) -> Engine:
        if self._url.database in (None, "", ":memory:"):
            raise ConfigurationError("DATABASE_URL must name a file: an in-memory database would lose accepted tasks.")
        folder = Path(str(self._url.database)).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The folder {folder} cannot be made: {error.strerror}. Set DATA_DIR to one that can."
            ) from None
        engine = create_engine(
            self._url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_S,
            json_serializer=_dumps,
            json_deserializer=orjson.loads,
            connect_args={"timeout": STATEMENT_TIMEOUT_MS / 1000, "check_same_thread": False},
        )
        synchronous = "FULL" if self._durable else "NORMAL"

        @event.listens_for(engine, "connect")
        def prepare(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # the driver's own BEGINs come too late to lock; ours are below
            connection.create_function(SQLITE_CLOCK, 1, sqlite_clock)
            for pragma in (
                "journal_mode=WAL",
                f"synchronous={synchronous}",
                "foreign_keys=ON",
                "wal_autocheckpoint=2000",
            ):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            # A writer takes its lock at once: a deferred one that finds it taken later cannot wait, only fail.
            connection.exec_driver_sql(
                "BEGIN" if connection.get_execution_options().get("reads") else "BEGIN IMMEDIATE"
            )

        return engine

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end of the block. Raises StoreUnavailable when the database is away."""
        with away(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def statement(self) -> Iterator[Connection]:
        """Statements that each are a transaction of their own: one round trip where `write` takes three.

        Raises StoreUnavailable. On SQLite, where a round trip is a function call, the same as `write`.
        """
        if not self.is_postgresql:
            with self.write() as connection:
                yield connection
        else:
            with away(), self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads. Raises StoreUnavailable when the database is away."""
        with away(), self._engine.connect().execution_options(reads=True) as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Reads that all see the same moment. Raises StoreUnavailable when the database is away."""
        options: dict[str, Any] = {"isolation_level": "REPEATABLE READ"} if self.is_postgresql else {"reads": True}
        with away(), self._engine.connect().execution_options(**options) as connection:
            yield connection

    def ping(self) -> None:
        """Raise StoreUnavailable unless the database answers."""
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close all connections; a later use opens new ones."""
        self.standing.close()
        self._engine.dispose()

    def forget(self) -> None:
        """After a fork, in the child: let go of the parent's connections without closing them."""
        self.standing.forget()
        self._engine.dispose(close=False)
