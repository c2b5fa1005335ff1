"""What the keeper asks of the store: what is due, what was lost, what is old. Any number of keepers may ask at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, case, delete, func, select, text, update
from sqlalchemy.exc import ProgrammingError

from task_system.failpoints import failpoint
from task_system.model.ids import first_id_at
from task_system.model.outcome import AttemptEnd
from task_system.model.routing import PRIORITIES
from task_system.model.states import LIVE, WAITING, State
from task_system.model.task import Dispatch, Settled
from task_system.store import partitions
from task_system.store.database import Database
from task_system.store.event_log import TOLD, append, event_of
from task_system.store.failures import note_failures
from task_system.store.leases import event_of_end, keep_attempt, note_held
from task_system.store.removing import remove
from task_system.store.tables import leaders, tasks
from task_system.store.types import now_of, now_plus

#: A row handed to a publisher is the relay's again after this long without a confirm, in seconds.
REPUBLISH_AFTER_S = 5.0
#: Looking through a week may take so long, in milliseconds.
LOOK_THROUGH_MS = 600_000
_NO_SUCH_TABLE = "42P01"


@dataclass(frozen=True, slots=True)
class Rescued:
    """A task whose lease ran out, and what became of it."""

    task_id: UUID
    task_type: str
    attempt: int
    state: State
    #: What it ended as, if it is over.
    settled: Settled | None = field(default=None, compare=False)


class Upkeep:
    """One role of the keeper, one method. All are safe to run in many keepers at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take_due(self, limit: int) -> list[Dispatch]:
        """Up to `limit` rows that are to be published now, high before normal before low.

        Taking them puts off their next turn, so that no other relay takes them meanwhile and none is forgotten.
        """
        taken: list[Dispatch] = []
        # Mostly there are none, and one look says so, which takes no lock.
        with self._database.read() as connection:
            if connection.scalar(_FIRST_DUE) is None:
                return taken
        with self._database.write() as connection:
            for priority in PRIORITIES:
                if len(taken) < limit:
                    taken += _take_due(connection, priority, limit - len(taken))
        return taken

    def confirm(self, dispatches: Sequence[Dispatch]) -> int:
        """Note that the broker has these messages. Rows claimed or dispatched anew in between are left alone."""
        with self._database.statement() as connection:
            return note_held(connection, {dispatch.task_id: dispatch.dispatch_no for dispatch in dispatches})

    def release(self, dispatches: Sequence[Dispatch]) -> None:
        """Give rows back to the relay at once: their messages were not taken by the broker."""
        statement = (
            update(tasks)
            .where(
                tasks.c.id.in_([d.task_id for d in dispatches]),
                tasks.c.state.in_(WAITING),
                tasks.c.relay_at.is_not(None),
            )
            .values(relay_at=case((tasks.c.run_at > now_plus(0), tasks.c.run_at), else_=now_plus(0)))
        )
        with self._database.statement() as connection:
            connection.execute(statement)

    def rescue(self, limit: int, *, poison_after: int, delay_s: float) -> list[Rescued]:
        """End up to `limit` leases that ran out: RETRY, or FAILURE after the last attempt or the n-th lost lease."""
        overdue = (
            select(tasks.c.id)
            .where(tasks.c.state == State.STARTED, tasks.c.lease_until < now_plus(0))
            .order_by(tasks.c.lease_until)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._database.write() as connection:
            ids = list(connection.scalars(overdue))
            return _lose(connection, ids, poison_after=poison_after, delay_s=delay_s) if ids else []

    def undeliverable(
        self, task_id: UUID, dispatch_no: int, *, delay_s: float, give_up_after: int, message: str
    ) -> list[Settled]:
        """No worker could take this dispatch's message: dispatch anew later, or FAILURE after so many in vain.

        delay_s: longer with each. Answers the task if it is over now.
        """
        # Of a task's dispatches one was for each attempt, and each attempt was a worker that took it.
        in_vain = tasks.c.dispatch_no - tasks.c.attempt
        over = in_vain >= give_up_after
        statement = (
            update(tasks)
            .where(tasks.c.id == task_id, tasks.c.state.in_(WAITING), tasks.c.dispatch_no == dispatch_no)
            .values(
                state=case((over, State.FAILURE), else_=tasks.c.state),
                finished_at=case((over, now_plus(0)), else_=None),
                dispatch_no=case((over, tasks.c.dispatch_no), else_=tasks.c.dispatch_no + 1),
                published_at=case((over, tasks.c.published_at), else_=None),
                relay_at=case((over, None), else_=now_plus(delay_s * in_vain)),
                error_type=case((over, "Undeliverable"), else_=tasks.c.error_type),
                error_message=case((over, message), else_=tasks.c.error_message),
            )
        )
        with self._database.write() as connection:
            rows = connection.execute(statement.returning(*SETTLED)).mappings().all()
            failures = note_failures(connection, rows)
            failed = [row for row in rows if row["id"] in failures]
            append(
                connection,
                (event_of(row, error_type=row["error_type"], failure=failures[row["id"]]) for row in failed),
            )
        return [settled_of(row) for row in failed]

    def published_queues(self, older_than_s: float) -> list[str]:
        """Queues with waiting rows whose messages nobody was known to hold for that long."""
        statement = select(tasks.c.queue).where(_unheld(older_than_s)).distinct()
        with self._database.read() as connection:
            return list(connection.scalars(statement))

    def count_published(self, queue: str, older_than_s: float, limit: int) -> int:
        """How many such rows a queue has; counts no further than `limit`."""
        some = select(tasks.c.id).where(tasks.c.queue == queue, _unheld(older_than_s)).limit(limit).subquery()
        with self._database.read() as connection:
            return connection.scalar(select(func.count()).select_from(some)) or 0

    def dispatch_anew(self, queue: str, older_than_s: float, limit: int) -> int:
        """Give up to `limit` such rows to the relay, under a new dispatch number."""
        lost = (
            select(tasks.c.id)
            .where(tasks.c.queue == queue, _unheld(older_than_s))
            .order_by(tasks.c.state, tasks.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._database.write() as connection:
            statement = (
                update(tasks)
                .where(tasks.c.id.in_(list(connection.scalars(lost))), tasks.c.state.in_(WAITING))
                .values(dispatch_no=tasks.c.dispatch_no + 1, published_at=None, relay_at=now_plus(0))
            )
            count = connection.execute(statement).rowcount
            failpoint("keeper.reconciler.before_commit")
            return count

    def prune(self, retention_s: float, limit: int) -> int:
        """Remove up to `limit` tasks that finished longer ago, with their attempts; whole partitions where possible."""
        if self._database.is_postgresql:
            with self._database.write() as connection:
                now = now_of(connection)
                partitions.ensure(connection, now)
                weeks = partitions.names(connection, "tasks")
            self._drop_old_weeks(weeks, now - timedelta(seconds=retention_s))
        with self._database.write() as connection:
            return _delete_old(connection, retention_s, limit)

    def _drop_old_weeks(self, weeks: Sequence[str], before: datetime) -> None:
        """Drop the weeks in which nothing is alive and nothing finished after that moment.

        Nothing comes into an old week, and what is over there stays so: looking and dropping can be two transactions,
        and only the second takes locks that everybody waits for.
        """
        for name in weeks:
            if partitions.end_of(name) >= before:
                break
            try:
                with self._database.read() as connection:
                    count = _count_if_over(connection, name, before)
            except ProgrammingError as error:
                if getattr(error.orig, "sqlstate", None) != _NO_SUCH_TABLE:
                    raise
                continue  # another pruner was first
            if count is not None:
                with self._database.write() as connection:
                    _drop_week(connection, name, count)

    def lead(self, role: str, holder: str, lease_s: float) -> bool:
        """Take or keep the right to be the only one in a role; answers whether it is ours now."""
        if self._database.is_postgresql:
            now, until = "now()", "now() + make_interval(secs => :lease_s)"
        else:
            now, until = "utc_now(0)", "utc_now(:lease_s)"
        statement = text(
            f"INSERT INTO leaders (role, holder, until) VALUES (:role, :holder, {until})"  # noqa: S608 - no caller's text
            " ON CONFLICT (role) DO UPDATE SET holder = excluded.holder, until = excluded.until"
            f" WHERE leaders.holder = excluded.holder OR leaders.until < {now}"
        )
        with self._database.statement() as connection:
            return connection.execute(statement, {"role": role, "holder": holder, "lease_s": lease_s}).rowcount == 1

    def resign(self, holder: str) -> None:
        """Give up all roles that are ours, so that another takes them at once."""
        with self._database.statement() as connection:
            connection.execute(delete(leaders).where(leaders.c.holder == holder))


def _unheld(older_than_s: float) -> ColumnElement[bool]:
    return tasks.c.state.in_(WAITING) & (tasks.c.published_at < now_plus(-older_than_s))


def _due(priority: str, limit: int) -> Select[tuple[UUID]]:
    return (
        select(tasks.c.id)
        .where(tasks.c.priority == priority, tasks.c.relay_at <= now_plus(0))
        .order_by(tasks.c.relay_at)
        .limit(limit)
    )


_FIRST_DUE = select(func.coalesce(*(_due(priority, 1).scalar_subquery() for priority in PRIORITIES)))


def _take_due(connection: Connection, priority: str, limit: int) -> list[Dispatch]:
    ids = list(connection.scalars(_due(priority, limit).with_for_update(skip_locked=True)))
    if not ids:
        return []
    statement = (
        update(tasks)
        .where(tasks.c.id.in_(ids), tasks.c.state.in_(WAITING))
        .values(relay_at=now_plus(REPUBLISH_AFTER_S))
        .returning(tasks.c.id, tasks.c.dispatch_no, tasks.c.queue, tasks.c.task_type)
    )
    return [Dispatch(*row) for row in connection.execute(statement)]


def _lose(connection: Connection, ids: Sequence[UUID], *, poison_after: int, delay_s: float) -> list[Rescued]:
    """End the leases of these rows, which the transaction holds locked."""
    lost = tasks.c.lost_leases + 1
    over = (lost >= poison_after) | (tasks.c.attempt - tasks.c.uncharged_attempts >= tasks.c.max_attempts)
    cancelled = tasks.c.cancel_requested_at.is_not(None)
    state = case((cancelled, State.CANCELLED), (over, State.FAILURE), else_=State.RETRY)
    again = ~(over | cancelled)
    message = (
        "The worker stopped or died while it ran this attempt, and its lease ran out. If this task kills its workers "
        "(memory, a crash in native code), it is a poison task; mend it before it is retried by hand."
    )
    statement = (
        update(tasks)
        .where(tasks.c.id.in_(ids), tasks.c.state == State.STARTED)
        .values(
            state=state,
            lost_leases=lost,
            lease_token=None,
            lease_until=None,
            finished_at=case((again, None), else_=now_plus(0)),
            run_at=case((again, now_plus(delay_s)), else_=tasks.c.run_at),
            relay_at=case((again, now_plus(delay_s)), else_=None),
            published_at=case((again, None), else_=tasks.c.published_at),
            dispatch_no=case((again, tasks.c.dispatch_no + 1), else_=tasks.c.dispatch_no),
            error_type=case((lost >= poison_after, "PoisonTask"), else_="WorkerLost"),
            error_message=message,
            error_traceback=None,
        )
        .returning(*SETTLED, tasks.c.worker, tasks.c.started_at, now_plus(0).label("now"))
    )
    rescued, events = [], []
    rows = connection.execute(statement).mappings().all()
    failures = note_failures(connection, rows)
    for row in rows:
        failure = failures.get(row["id"])
        end = AttemptEnd(outcome="lost", error_type=row["error_type"], error_message=message, failure=failure)
        keep_attempt(connection, row, end)
        events.append(event_of_end(row, end))
        settled = settled_of(row) if row["finished_at"] else None
        rescued.append(Rescued(row["id"], row["task_type"], row["attempt"], State(row["state"]), settled))
    append(connection, events)
    failpoint("keeper.rescuer.before_commit")
    return rescued


SETTLED = (*TOLD, tasks.c.finished_at, tasks.c.error_type, tasks.c.error_message)


def settled_of(row: RowMapping) -> Settled:
    """A row of those columns, of a task that is over."""
    return Settled(
        task_id=row["id"],
        task_type=row["task_type"],
        state=State(row["state"]),
        finished_at=row["finished_at"],
        error_type=row["error_type"],
        error_message=row["error_message"],
    )


def _count_if_over(connection: Connection, week: str, before: datetime) -> int | None:
    """How many tasks a week has; None where some are alive or finished after that moment."""
    # It may have millions, and its every page is read.
    connection.execute(text(f"SET LOCAL statement_timeout = {LOOK_THROUGH_MS}"))
    kept = connection.scalar(
        text(f'SELECT EXISTS (SELECT FROM "{week}" WHERE finished_at IS NULL OR finished_at >= :before)'),  # noqa: S608
        {"before": before},
    )
    return None if kept else connection.scalar(text(f'SELECT count(*) FROM "{week}"'))  # noqa: S608


def _drop_week(connection: Connection, week: str, count: int) -> None:
    if partitions.drop(connection, week) and count:
        # One event for all of them: there may be millions.
        append(connection, [{"event": "task.removed", "count": count}])
    for table in partitions.PARTITIONED.keys() - {"tasks"}:
        partitions.drop(connection, week.replace("tasks", table, 1))


def _delete_old(connection: Connection, retention_s: float, limit: int) -> int:
    now = now_of(connection)
    before = now - timedelta(seconds=retention_s)
    # The id's time bounds the scan: what finished before that moment was also made before it.
    old = (
        select(tasks.c.id)
        .where(tasks.c.id < first_id_at(before), tasks.c.state.not_in(LIVE), tasks.c.finished_at < before)
        .order_by(tasks.c.id)
        .limit(limit)
    )
    ids = list(connection.scalars(old))
    if ids:
        remove(connection, ids)
        failpoint("keeper.pruner.before_commit")
    return len(ids)
