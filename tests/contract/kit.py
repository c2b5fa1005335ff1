"""A store to test against, SQLite or PostgreSQL, with short ways to bring a row into the state that a test is about."""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import orjson
from sqlalchemy import RowMapping, delete, insert, select, update

from task_system.model.ids import first_id_at, new_id
from task_system.model.outcome import AttemptEnd, Claim, Finish
from task_system.model.routing import Priority, queue_name
from task_system.model.states import LIVE, State
from task_system.model.task import Dispatch, NewTask, Task
from task_system.store import Database
from task_system.store.acting import Acting
from task_system.store.debouncing import Debouncing
from task_system.store.event_log import EventLog
from task_system.store.expiry import Expiry
from task_system.store.files import Files
from task_system.store.idempotency import Idempotency
from task_system.store.leases import Claimed, Ended, Leases
from task_system.store.reading import Reading
from task_system.store.submissions import Submissions
from task_system.store.tables import attempts, metadata, tasks
from task_system.store.types import now_plus
from task_system.store.upkeep import Upkeep
from task_system.store.workers import Workers

T = TypeVar("T")
LEASE_S = 30.0
#: Longer than anything here takes on a busy machine: a test that waits for so long has failed.
DEADLINE_S = 20.0


def new_task(**changed: Any) -> NewTask:
    """A submission like any other, but for what is given."""
    values: dict[str, Any] = {
        "id": new_id(),
        "task_type": "echo",
        "priority": Priority.NORMAL,
        "parameters": b'{"text": "hello"}',
        "max_attempts": 3,
        "timeout_s": 60.0,
    } | changed
    values.setdefault("queue", queue_name("default", values["priority"]))
    return NewTask(**values)


def id_at(moment: datetime) -> UUID:
    """An id as if made at that moment."""
    return UUID(int=first_id_at(moment).int | uuid4().int & (1 << 62) - 1)


def dispatch_of(row: NewTask, dispatch_no: int = 1) -> Dispatch:
    """What the message of a submission says."""
    return Dispatch(row.id, dispatch_no, row.queue, row.task_type)


def end_of(outcome: str, **changed: Any) -> AttemptEnd:
    """An attempt's end as the worker would record it: those that run again say when, those that failed say why."""
    values: dict[str, Any] = {}
    if outcome == "success":
        values = {"result": '{"text":"hello"}'}
    elif outcome in {"retry", "snoozed", "handed_back", "lost"}:
        values = {"delay_s": 60.0, "error_type": "Later", "error_message": "not now"}
    else:
        values = {"error_type": "Broken", "error_message": "no more", "error_traceback": "Traceback: here"}
    return AttemptEnd(outcome=outcome, **(values | changed))


def result_of(task: Task) -> Any:
    """Its result, as callers read it."""
    return orjson.loads(orjson.dumps(task.result))


def at_once(threads: int, work: Callable[[int], T]) -> list[T]:
    """What `work(0)`, `work(1)`, … answer, all begun at the same moment in threads of their own."""
    barrier = threading.Barrier(threads, timeout=DEADLINE_S)

    def begin(number: int) -> T:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begin, range(threads)))


class Store:
    """Everything that may be asked of one database, and shortcuts that only a test may take."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.submissions = Submissions(database)
        self.leases = Leases(database, worker="worker@here", lease_s=LEASE_S)
        self.upkeep = Upkeep(database)
        self.acting = Acting(database)
        self.event_log = EventLog(database)
        self.expiry = Expiry(database)
        self.idempotency = Idempotency(database)
        self.debouncing = Debouncing(database)
        self.reading = Reading(database)
        self.files = Files(database)
        self.workers = Workers(database)

    # Into a state, the way the product does it.

    def submit(self, **changed: Any) -> NewTask:
        """A recorded submission."""
        row = new_task(**changed)
        self.submissions.record([row])
        return row

    def claim(self, task_id: UUID, dispatch_no: int = 1) -> Claimed | None:
        """The lease of a task, if this dispatch of it may be started."""
        claim = Claim(task_id, dispatch_no, uuid4())
        return self.leases.settle([], [claim])[1].get(claim.lease_token)

    def start(self, **changed: Any) -> Claimed:
        """A submission that was claimed."""
        claimed = self.claim(self.submit(**changed).id)
        assert claimed
        return claimed

    def finish(self, claimed: Claimed, end: AttemptEnd) -> Ended | None:
        """What was recorded of this end."""
        return self.leases.settle([Finish(claimed.id, claimed.lease_token, end)], [])[0].get(claimed.lease_token)

    # Past the product.

    def empty(self) -> None:
        """No rows."""
        with self.database.write() as connection:
            for table in metadata.tables.values():
                connection.execute(delete(table))

    def row(self, task_id: UUID) -> RowMapping:
        """All columns of a task."""
        with self.database.read() as connection:
            return connection.execute(select(tasks).where(tasks.c.id == task_id)).mappings().one()

    def attempts(self, task_id: UUID) -> Sequence[RowMapping]:
        """What is kept of the attempts that did not succeed."""
        statement = select(attempts).where(attempts.c.task_id == task_id).order_by(attempts.c.attempt)
        with self.database.read() as connection:
            return connection.execute(statement).mappings().all()

    def rows(self) -> tuple[dict[UUID, RowMapping], dict[UUID, list[str]]]:
        """All tasks, and the outcomes of each one's attempts that did not succeed, by id."""
        outcomes = defaultdict(list)
        with self.database.read() as connection:
            rows = {row["id"]: row for row in connection.execute(select(tasks)).mappings()}
            for row in connection.execute(select(attempts).order_by(attempts.c.attempt)):
                outcomes[row.task_id].append(row.outcome)
        return rows, outcomes

    def now(self) -> datetime:
        """The database's time."""
        with self.database.read() as connection:
            now: datetime = connection.execute(select(now_plus(0))).scalar_one()
        return now

    def change(self, task_id: UUID, **values: Any) -> None:
        """Write to a row."""
        with self.database.write() as connection:
            connection.execute(update(tasks).where(tasks.c.id == task_id).values(**values))

    def expire_lease(self, task_id: UUID) -> None:
        """As if the worker had not been heard of for too long."""
        self.change(task_id, lease_until=now_plus(-1))

    def make_due(self, *task_ids: UUID) -> None:
        """As if the time of their next dispatch had come."""
        with self.database.write() as connection:
            connection.execute(update(tasks).where(tasks.c.id.in_(task_ids)).values(relay_at=now_plus(-1)))

    def request_cancel(self, task_id: UUID) -> None:
        """As if a cancel had been asked for while it ran."""
        self.change(task_id, cancel_requested_at=now_plus(0))

    def put(self, state: State, **values: Any) -> UUID:
        """A row in any state, as nothing but the table's own checks would have it."""
        moment = values.setdefault("created_at", datetime.now(UTC))
        plain: dict[str, Any] = {
            "id": id_at(moment),
            "task_type": "echo",
            "queue": "default.normal",
            "priority": "normal",
            "state": state,
            "parameters": {},
            "max_attempts": 3,
            "timeout_s": 60.0,
            "run_at": moment,
            "lease_token": uuid4() if state is State.STARTED else None,
            "lease_until": moment if state is State.STARTED else None,
            "finished_at": None if state in LIVE else moment,
        }
        with self.database.write() as connection:
            connection.execute(insert(tasks).values(plain | values))
        id_: UUID = (plain | values)["id"]
        return id_
