"""Schedules and their ticks. A tick's task and the step to the next tick are one transaction: both, or neither."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, Select, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError

from task_system.failpoints import failpoint
from task_system.model.errors import NameTaken, ScheduleIsDeclared, ScheduleNotFound, TaskSystemError
from task_system.model.ids import new_id
from task_system.model.routing import Priority
from task_system.model.schedule import CatchUp, Overlap, ScheduleSpec, TickOutcome, due
from task_system.model.states import LIVE, State
from task_system.model.task import NewTask, Settled
from task_system.store.cancelling import cancel, settled
from task_system.store.database import Database
from task_system.store.files import Missing, missing_in
from task_system.store.submissions import insert_rows
from task_system.store.tables import schedule_ticks, schedules, tasks
from task_system.store.types import now_of, now_plus

#: Ticks of each schedule that are kept.
KEEP_TICKS = 1000
#: Tasks of earlier ticks that are looked at for one that is not over.
LOOK_BACK = 20
#: Nobody publishes its tasks but the relay.
RELAYED_AT_ONCE_S = 0.0
LONGEST_REASON = 1000
GONE = "It is no longer declared in code."
_SPEC = tuple(field.name for field in fields(ScheduleSpec))
_log = logging.getLogger(__name__)
_TIMING = ("cron", "every_s", "timezone", "starts_at", "ends_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One row."""

    id: UUID
    spec: ScheduleSpec
    paused: bool
    pause_reason: str | None
    declared: bool
    failures_since: datetime
    next_fire_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What became of a tick, and of its task; `state` is None when there is none, or no longer."""

    fire_at: datetime
    outcome: TickOutcome
    task_id: UUID | None
    detail: str | None
    state: State | None


@dataclass(slots=True)
class Fired:
    """What one look did: how many tasks it submitted, and which schedules it paused."""

    submitted: int = 0
    paused: list[str] = field(default_factory=list)
    #: Tasks of earlier ticks that were to make room, and are over.
    cancelled: list[Settled] = field(default_factory=list)
    more: bool = False


#: The task of a tick, given which files are not there. Raises TaskSystemError when it cannot be submitted.
TaskOf = Callable[[Schedule, datetime, Missing], NewTask]


class Schedules:
    """Any number of keepers may ask at once: each due schedule is one keeper's for the time of a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, spec: ScheduleSpec, *, paused: bool = False) -> Schedule:
        """A new schedule. Raises NameTaken."""
        try:
            with self._database.write() as connection:
                now = now_of(connection)
                values = _new(spec, now, paused=paused, declared=False)
                connection.execute(insert(schedules).values(values))
                return _get(connection, values["id"])
        except IntegrityError as error:
            raise NameTaken(f"A schedule is named {spec.name!r} already. Choose another name.") from error

    def get(self, schedule_id: UUID) -> Schedule:
        """Raises ScheduleNotFound."""
        with self._database.read() as connection:
            return _get(connection, schedule_id)

    def page(self, limit: int, after: str = "") -> list[Schedule]:
        """Up to `limit` schedules by name, those after this name."""
        statement = select(schedules).where(schedules.c.name > after).order_by(schedules.c.name).limit(limit)
        with self._database.read() as connection:
            return [_schedule(row) for row in connection.execute(statement).mappings()]

    def ticks(self, schedule_id: UUID, limit: int) -> list[Tick]:
        """The last ticks, newest first."""
        statement = (
            select(schedule_ticks, tasks.c.state)
            .outerjoin(tasks, tasks.c.id == schedule_ticks.c.task_id)
            .where(schedule_ticks.c.schedule_id == schedule_id)
            .order_by(schedule_ticks.c.fire_at.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return [
                Tick(
                    fire_at=row.fire_at,
                    outcome=TickOutcome(row.outcome),
                    task_id=row.task_id,
                    detail=row.detail,
                    state=State(row.state) if row.state else None,
                )
                for row in connection.execute(statement)
            ]

    def change(self, schedule_id: UUID, edit: Callable[[ScheduleSpec], ScheduleSpec]) -> Schedule:
        """Give a schedule what `edit` makes of it. Raises ScheduleNotFound, ScheduleIsDeclared, NameTaken."""
        try:
            with self._database.write() as connection:
                schedule = _locked(connection, schedule_id)
                if schedule.declared:
                    raise ScheduleIsDeclared
                _change(connection, schedule, edit(schedule.spec))
                return _get(connection, schedule_id)
        except IntegrityError as error:
            raise NameTaken("Another schedule has that name. Choose another.") from error

    def remove(self, schedule_id: UUID) -> None:
        """Forget a schedule and its ticks; its tasks stay. Raises ScheduleNotFound, ScheduleIsDeclared."""
        with self._database.write() as connection:
            if _locked(connection, schedule_id).declared:
                raise ScheduleIsDeclared
            connection.execute(delete(schedule_ticks).where(schedule_ticks.c.schedule_id == schedule_id))
            connection.execute(delete(schedules).where(schedules.c.id == schedule_id))

    def pause(self, schedule_id: UUID, reason: str | None) -> Schedule:
        """No more ticks until it is resumed. Raises ScheduleNotFound."""
        with self._database.write() as connection:
            _locked(connection, schedule_id)
            _set(connection, schedule_id, paused=True, pause_reason=reason, next_fire_at=None)
            return _get(connection, schedule_id)

    def resume(self, schedule_id: UUID) -> Schedule:
        """Go on with the next tick from now; those of the pause are not made up for. Raises ScheduleNotFound."""
        with self._database.write() as connection:
            schedule = _locked(connection, schedule_id)
            if schedule.paused:
                now = now_of(connection)
                next_fire_at = schedule.spec.timing(schedule.created_at).next_after(now)
                _set(
                    connection,
                    schedule_id,
                    paused=False,
                    pause_reason=None,
                    next_fire_at=next_fire_at,
                    failures_since=now,
                )
            return _get(connection, schedule_id)

    def run_now(self, schedule_id: UUID, task_of: TaskOf) -> tuple[Schedule, NewTask]:
        """Submit its task once, besides its ticks. Raises ScheduleNotFound, and what `task_of` raises."""
        with self._database.write() as connection:
            schedule, now = _locked(connection, schedule_id), now_of(connection)
            task = task_of(schedule, now, missing_in(connection))
            tick = _tick(schedule, now, TickOutcome.SUBMITTED, now, task_id=task.id, detail="run by hand")
            connection.execute(insert(schedule_ticks).values(tick))
            insert_rows(connection, [task], RELAYED_AT_ONCE_S)
            return schedule, task

    def declare(self, specs: Sequence[ScheduleSpec]) -> None:
        """Make what is declared in code so: new ones are made, changed ones changed, and those gone are paused."""
        with self._database.write() as connection:
            now = now_of(connection)
            rows = [_new(spec, now, paused=False, declared=True) for spec in specs]
            if rows:
                connection.execute(_insert_new(connection, schedules).values(rows))
            known = select(schedules).order_by(schedules.c.name).with_for_update()
            declared = {spec.name: spec for spec in specs}
            for row in connection.execute(known).mappings().all():
                _redeclare(connection, _schedule(row), declared.get(row["name"]))

    # Firing.

    def next_due_s(self) -> float | None:
        """Seconds until the next tick of all; None when there is none."""
        with self._database.read() as connection:
            statement = select(func.min(schedules.c.next_fire_at), now_plus(0)).where(
                schedules.c.next_fire_at.is_not(None)
            )
            first, now = connection.execute(statement).one()
            return (first - now).total_seconds() if first else None

    def fire(self, task_of: TaskOf, limit: int) -> Fired:
        """Deal with the due ticks of up to `limit` schedules that no other keeper deals with just now."""
        statement = (
            select(schedules)
            .where(schedules.c.next_fire_at <= now_plus(0))
            .order_by(schedules.c.next_fire_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        fired = Fired()
        with self._database.write() as connection:
            rows = connection.execute(statement).mappings().all()
            now = now_of(connection)
            for row in rows:
                _fire_or_pause(connection, row, now, task_of, fired)
            failpoint("keeper.scheduler.before_commit")
        fired.more = len(rows) == limit
        return fired

    def forget_old_ticks(self) -> None:
        """Keep the last ticks of each schedule."""
        with self._database.read() as connection:
            ids = list(connection.scalars(select(schedules.c.id)))
        for schedule_id in ids:
            this = schedule_ticks.c.schedule_id == schedule_id
            oldest_kept = (
                select(schedule_ticks.c.fire_at)
                .where(this)
                .order_by(schedule_ticks.c.fire_at.desc())
                .offset(KEEP_TICKS)
                .limit(1)
                .scalar_subquery()
            )
            with self._database.statement() as connection:
                connection.execute(delete(schedule_ticks).where(this, schedule_ticks.c.fire_at <= oldest_kept))


def _fire_or_pause(connection: Connection, row: RowMapping, now: datetime, task_of: TaskOf, fired: Fired) -> None:
    """Deal with the due ticks of one; where it cannot go on it is paused, so that the others can."""
    try:
        schedule = _schedule(row)
        reason = _why_to_pause(connection, schedule)
        if reason is None:
            with connection.begin_nested():
                count, cancelled = _fire(connection, schedule, now, task_of)
            fired.submitted += count
            fired.cancelled += cancelled
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - one that is broken must not stop the others
        _log.exception("the schedule %r cannot go on", row["name"])
        reason = f"It cannot go on: {type(error).__name__}: {error}"[:LONGEST_REASON]
    if reason is not None:
        fired.paused.append(row["name"])
        _set(connection, row["id"], paused=True, pause_reason=reason, next_fire_at=None)


def _fire(connection: Connection, schedule: Schedule, now: datetime, task_of: TaskOf) -> tuple[int, list[Settled]]:
    """Answers how many tasks it submitted, and those of earlier ticks that are over to make room."""
    spec = schedule.spec
    assert schedule.next_fire_at
    plan = due(spec.timing(schedule.created_at), schedule.next_fire_at, now, spec.catch_up, spec.catch_up_max)
    live = [] if spec.overlap is Overlap.ALLOW else _live(connection, schedule)
    busy = spec.overlap is Overlap.SKIP and bool(live)
    cancelled = []
    if spec.overlap is Overlap.CANCEL_OTHER and plan.ticks and live:
        cancelled = settled(cancel(connection, live, "the next task of its schedule came"))
    ticks, new = [], {}
    if plan.missed:
        detail = "No keeper ran when it was due, nor for earlier ones."
        ticks.append(_tick(schedule, plan.missed, TickOutcome.MISSED, now, detail=detail))
    for fire_at in plan.ticks:
        if busy or (spec.overlap is Overlap.CANCEL_OTHER and fire_at != plan.ticks[-1]):
            detail = "The task of an earlier tick was not over." if busy else "A later tick was due already."
            ticks.append(_tick(schedule, fire_at, TickOutcome.SKIPPED, now, detail=detail))
            continue
        try:
            task = task_of(schedule, fire_at, missing_in(connection))
        except TaskSystemError as error:
            ticks.append(_tick(schedule, fire_at, TickOutcome.REFUSED, now, detail=error.reason))
            continue
        ticks.append(_tick(schedule, fire_at, TickOutcome.SUBMITTED, now, task_id=task.id))
        new[task.id] = task
        busy = spec.overlap is Overlap.SKIP
    count = 0
    if ticks:
        # The key decides once more: a tick that has a row has had its task.
        mine = _insert_new(connection, schedule_ticks).returning(schedule_ticks.c.task_id)
        rows = [new[task_id] for task_id in connection.scalars(mine.values(ticks)) if task_id]
        if rows:
            insert_rows(connection, rows, RELAYED_AT_ONCE_S)
        count = len(rows)
    connection.execute(update(schedules).where(schedules.c.id == schedule.id).values(next_fire_at=plan.next_fire_at))
    return count, cancelled


def _live(connection: Connection, schedule: Schedule) -> list[UUID]:
    """The tasks of the last ticks that are not over."""
    recent = _recent(schedule, LOOK_BACK).subquery()
    return list(connection.scalars(select(recent.c.id).where(recent.c.state.in_(LIVE))))


def _why_to_pause(connection: Connection, schedule: Schedule) -> str | None:
    """Where so many of the tasks that ended last have failed, one after the other."""
    limit = schedule.spec.pause_after_failures
    if limit is None:
        return None
    ended = _recent(schedule, limit).where(
        tasks.c.state.not_in(LIVE), schedule_ticks.c.fire_at > schedule.failures_since
    )
    states = [row.state for row in connection.execute(ended)]
    return f"The last {limit} tasks failed." if len(states) == limit and set(states) == {State.FAILURE} else None


def _recent(schedule: Schedule, limit: int) -> Select[Any]:
    return (
        select(tasks.c.id, tasks.c.state)
        .join(schedule_ticks, tasks.c.id == schedule_ticks.c.task_id)
        .where(schedule_ticks.c.schedule_id == schedule.id)
        .order_by(schedule_ticks.c.fire_at.desc())
        .limit(limit)
    )


def _tick(
    schedule: Schedule,
    fire_at: datetime,
    outcome: TickOutcome,
    now: datetime,
    *,
    task_id: UUID | None = None,
    detail: str | None = None,
) -> dict[str, Any]:
    return {
        "schedule_id": schedule.id,
        "fire_at": fire_at,
        "outcome": outcome,
        "task_id": task_id,
        "detail": detail,
        "settled_at": now,
    }


def _redeclare(connection: Connection, schedule: Schedule, spec: ScheduleSpec | None) -> None:
    if spec is None:
        if schedule.declared:
            _set(connection, schedule.id, declared=False, paused=True, pause_reason=GONE, next_fire_at=None)
        return
    if schedule.spec != spec:
        _change(connection, schedule, spec)
    if not schedule.declared:
        _set(connection, schedule.id, declared=True)
    if schedule.pause_reason == GONE:
        now = now_of(connection)
        next_fire_at = spec.timing(schedule.created_at).next_after(now)
        _set(connection, schedule.id, paused=False, pause_reason=None, next_fire_at=next_fire_at)


def _change(connection: Connection, schedule: Schedule, spec: ScheduleSpec) -> None:
    values = _columns(spec)
    moved = any(getattr(spec, name) != getattr(schedule.spec, name) for name in _TIMING)
    if moved and not schedule.paused:
        values["next_fire_at"] = spec.timing(schedule.created_at).next_after(now_of(connection))
    _set(connection, schedule.id, **values)


def _set(connection: Connection, schedule_id: UUID, **values: Any) -> None:
    connection.execute(update(schedules).where(schedules.c.id == schedule_id).values(updated_at=now_plus(0), **values))


def _insert_new(connection: Connection, table: Any) -> Any:
    kind = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    return kind(table).on_conflict_do_nothing()


def _new(spec: ScheduleSpec, now: datetime, *, paused: bool, declared: bool) -> dict[str, Any]:
    return {
        **_columns(spec),
        "id": new_id(),
        "paused": paused,
        "pause_reason": None,
        "declared": declared,
        "failures_since": now,
        "next_fire_at": None if paused else spec.timing(now).next_after(now),
        "created_at": now,
        "updated_at": now,
    }


def _columns(spec: ScheduleSpec) -> dict[str, Any]:
    return asdict(spec)


def _get(connection: Connection, schedule_id: UUID, *, lock: bool = False) -> Schedule:
    statement = select(schedules).where(schedules.c.id == schedule_id)
    row = connection.execute(statement.with_for_update() if lock else statement).mappings().one_or_none()
    if row is None:
        raise ScheduleNotFound
    return _schedule(row)


def _locked(connection: Connection, schedule_id: UUID) -> Schedule:
    return _get(connection, schedule_id, lock=True)


def _schedule(row: RowMapping) -> Schedule:
    spec = {name: row[name] for name in _SPEC} | {
        "priority": Priority(row["priority"]),
        "overlap": Overlap(row["overlap"]),
        "catch_up": CatchUp(row["catch_up"]),
    }
    return Schedule(
        id=row["id"],
        spec=ScheduleSpec(**spec),
        paused=row["paused"],
        pause_reason=row["pause_reason"],
        declared=row["declared"],
        failures_since=row["failures_since"],
        next_fire_at=row["next_fire_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
