"""Who is alive: workers and keepers write a row at every heartbeat."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from task_system.store.database import Database
from task_system.store.process_memory import resident_mb
from task_system.store.tables import workers
from task_system.store.types import now_plus


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a process says of itself."""

    name: str
    #: `worker` or `keeper`.
    role: str
    host: str
    pid: int
    version: str
    pool: str | None = None
    slots: int | None = None
    #: Messages of one queue that it may hold before it starts their tasks.
    prefetch: int | None = None
    lanes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A process as the store knows it."""

    name: str
    role: str
    host: str
    pid: int
    version: str
    pool: str | None
    slots: int | None
    prefetch: int | None
    lanes: list[str]
    running: int
    rss_mb: float | None
    started_at: datetime
    heartbeat_at: datetime


def nobody() -> None:
    """Nobody is told."""


class Workers:
    """The list of processes that work for the service.

    heard: called after each heartbeat that the database took.
    """

    def __init__(self, database: Database, heard: Callable[[], None] = nobody) -> None:
        self._database = database
        self._heard = heard

    def beat(self, identity: Identity, running: int = 0) -> None:
        """Say that this process lives, how many attempts it runs, and how large it is."""
        said = {"running": running, "rss_mb": resident_mb()}
        with self._database.write() as connection:
            alive = connection.execute(
                update(workers).where(workers.c.name == identity.name).values(heartbeat_at=now_plus(0), **said)
            )
            if alive.rowcount == 0:
                values = {**asdict(identity), "lanes": list(identity.lanes)}
                connection.execute(
                    insert(workers).values(started_at=now_plus(0), heartbeat_at=now_plus(0), **said, **values)
                )
        self._heard()

    def leave(self, name: str) -> None:
        """Say that this process is about to end."""
        with self._database.write() as connection:
            connection.execute(delete(workers).where(workers.c.name == name))

    def alive(self, within_s: float) -> list[Seen]:
        """Those heard of within that many seconds."""
        statement = select(workers).where(workers.c.heartbeat_at > now_plus(-within_s)).order_by(workers.c.name)
        with self._database.read() as connection:
            return [Seen(**row) for row in connection.execute(statement).mappings()]

    def forget(self, after_s: float) -> int:
        """Remove those not heard of for that many seconds; answers how many."""
        with self._database.write() as connection:
            return connection.execute(delete(workers).where(workers.c.heartbeat_at < now_plus(-after_s))).rowcount
