"""A worker's rights to run attempts: claimed, kept alive, given up with an outcome. Every change is fenced.

Claims are fenced by `(id, dispatch_no, state)`: of all copies of a message one wins. Ends are fenced by
`(id, lease_token)`: a worker that lost its lease cannot record anything. Both come in batches, because a round trip and
a commit cost far more than a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Connection, RowMapping, Text, and_, case, cast, insert, or_, select, text, update

from task_system.model.outcome import AttemptEnd, Claim, Finish
from task_system.model.states import WAITING, State
from task_system.model.task_events import TaskEvent
from task_system.store.database import Database
from task_system.store.event_log import TOLD, append, append_sql, event_of, milliseconds, milliseconds_sql
from task_system.store.tables import attempts, tasks
from task_system.store.types import now_plus


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A task that this worker now has the right to run, with all that the attempt needs."""

    id: UUID
    task_type: str
    queue: str
    priority: str
    #: JSON text.
    parameters: str
    attempt: int
    uncharged_attempts: int
    max_attempts: int
    timeout_s: float
    lost_leases: int
    lease_token: UUID
    created_at: datetime
    run_at: datetime
    started_at: datetime
    #: It has none of what only some submissions say.
    plain: bool

    @property
    def charged_attempts(self) -> int:
        """Attempts that count against `max_attempts`, this one included."""
        return self.attempt - self.uncharged_attempts


@dataclass(frozen=True, slots=True)
class Ended:
    """What a task is after an end; an end whose lease was lost has none."""

    state: State
    finished_at: datetime | None


# Statements over several ids also name the first and the last: so the planner leaves out the partitions of other weeks.
_END = tuple(field.name for field in fields(AttemptEnd) if field.name not in {"result_size", "made_files"})
_RETURNED = tuple(field.name for field in fields(Claimed) if field.name != "plain")
_CLAIMED = (*_RETURNED, "plain")
_EXTRAS = ("tags", "metadata", "expires_at", "retry_of", "batch_id", "schedule_id")

_TELL_STARTED = append_sql(
    "claimed", event="'task.started'", state="'STARTED'", wait_ms=milliseconds_sql("run_at"), worker="worker"
)
_TELL_ENDED = append_sql(
    "ended",
    run_ms=milliseconds_sql("started_at"),
    worker="worker",
    outcome="outcome",
    error_type="error_type",
    failure="failure",
)
_TELL_PROGRESS = append_sql(
    "said", event="'task.progress'", worker="worker", percent="progress_percent", message="progress_message"
)

# A worker's connection does not wait for the disk; what starts a handler or is an outcome does. `set_config` is
# SET LOCAL without a round trip, and where no row was changed there is nothing to wait for.
_CLAIM_POSTGRESQL = text(
    f"""
    WITH claimed AS (
    UPDATE tasks AS t
       SET state = 'STARTED', attempt = t.attempt + 1, lease_token = c.lease_token,
           lease_until = now() + make_interval(secs => :lease_s), worker = :worker, started_at = now(), relay_at = NULL,
           progress_percent = NULL, progress_message = NULL, progress_fields = NULL, progress_at = NULL
      FROM unnest(CAST(:ids AS uuid[]), CAST(:dispatch_nos AS int[]), CAST(:tokens AS uuid[]))
           AS c(id, dispatch_no, lease_token)
     WHERE t.id = c.id AND t.dispatch_no = c.dispatch_no AND t.state IN ('PENDING', 'RETRY')
       AND t.id BETWEEN :first AND :last
       AND (t.expires_at IS NULL OR t.expires_at > now())
    RETURNING {", ".join(f"t.{name}" for name in _RETURNED)}, t.worker, t.tags,
              num_nonnulls({", ".join(f"t.{name}" for name in _EXTRAS)}) = 0 AS plain
    ), told AS ({_TELL_STARTED})
    SELECT {", ".join(f"CAST({name} AS text)" if name == "parameters" else name for name in _RETURNED)}, plain,
           set_config('synchronous_commit', 'on', true)
      FROM claimed
    """  # noqa: S608 - column names of ours
)
_PROGRESS_POSTGRESQL = text(
    f"""
    WITH said AS (
        UPDATE tasks
           SET progress_percent = :percent, progress_message = :message, progress_fields = CAST(:fields AS jsonb),
               progress_at = now()
         WHERE id = :id AND lease_token = :lease_token AND state = 'STARTED'
        RETURNING {", ".join(column.name for column in TOLD)}, worker, progress_percent, progress_message,
                  cancel_requested_at
    ), told AS ({_TELL_PROGRESS})
    SELECT cancel_requested_at FROM said
    """  # noqa: S608 - column names of ours
)
_NOTE_HELD_POSTGRESQL = text(
    """
    UPDATE tasks AS t
       SET published_at = now(), relay_at = NULL
      FROM unnest(CAST(:ids AS uuid[]), CAST(:dispatch_nos AS int[])) AS h(id, dispatch_no)
     WHERE t.id = h.id AND t.dispatch_no = h.dispatch_no AND t.state IN ('PENDING', 'RETRY')
       AND t.id BETWEEN :first AND :last
    """
)

# One statement for every outcome. `delay_s` is there exactly when the task is to run again; a cancel prevents that.
_AGAIN = "e.delay_s IS NOT NULL AND t.cancel_requested_at IS NULL"
_FINISH_POSTGRESQL = text(
    f"""
    WITH ends AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb))
               AS e(id uuid, lease_token uuid, outcome text, state text, charged bool, result text, delay_s float8,
                    error_type text, error_message text, error_traceback text, failure text,
                    progress_percent float8, progress_message text, progress_fields jsonb)
    ), ended AS (
        UPDATE tasks AS t
           SET state = CASE WHEN e.delay_s IS NULL OR {_AGAIN} THEN e.state ELSE 'CANCELLED' END,
               result = e.result, lease_token = NULL, lease_until = NULL,
               finished_at = CASE WHEN {_AGAIN} THEN NULL ELSE now() END,
               run_at = CASE WHEN {_AGAIN} THEN now() + make_interval(secs => e.delay_s) ELSE t.run_at END,
               relay_at = CASE WHEN {_AGAIN} THEN now() + make_interval(secs => e.delay_s) END,
               published_at = CASE WHEN {_AGAIN} THEN NULL ELSE t.published_at END,
               dispatch_no = t.dispatch_no + CASE WHEN {_AGAIN} THEN 1 ELSE 0 END,
               uncharged_attempts = t.uncharged_attempts + CASE WHEN e.charged THEN 0 ELSE 1 END,
               lost_leases = t.lost_leases + CASE WHEN e.outcome = 'lost' THEN 1 ELSE 0 END,
               error_type = e.error_type, error_message = e.error_message, error_traceback = e.error_traceback,
               failure = e.failure,
               progress_percent = coalesce(e.progress_percent, t.progress_percent),
               progress_message = coalesce(e.progress_message, t.progress_message),
               progress_fields = coalesce(e.progress_fields, t.progress_fields)
          FROM ends AS e
         WHERE t.id = e.id AND t.lease_token = e.lease_token AND t.state = 'STARTED'
           AND t.id BETWEEN :first AND :last
        RETURNING {", ".join(f"t.{column.name}" for column in TOLD)}, e.lease_token, e.outcome, t.worker, t.started_at,
                  t.finished_at, e.error_type, e.error_message, e.error_traceback, e.failure
    ), kept AS (
        INSERT INTO attempts (task_id, attempt, outcome, worker, started_at, finished_at,
                              error_type, error_message, error_traceback)
        SELECT id, attempt, outcome, worker, started_at, now(), error_type, error_message, error_traceback
          FROM ended WHERE outcome <> 'success'
    ), told AS ({_TELL_ENDED})
    SELECT lease_token, state, finished_at, set_config('synchronous_commit', 'on', true) FROM ended
    """  # noqa: S608 - a condition of ours
)


class Leases:
    """What a worker asks of the store.

    worker: the worker's name, written beside what it starts.
    lease_s: for how long a claim or a heartbeat holds, in seconds.
    """

    def __init__(self, database: Database, *, worker: str, lease_s: float) -> None:
        self._database = database
        self._worker = worker
        self._lease_s = lease_s

    def settle(
        self, finishes: Sequence[Finish], claims: Sequence[Claim], *, again: bool = False
    ) -> tuple[dict[UUID, Ended], dict[UUID, Claimed]]:
        """Record these ends and make these claims; the answers are by lease token.

        What is missing from the answers was not ours: an end whose lease was lost, a claim of a task that is finished,
        cancelled, running elsewhere or dispatched anew. What is answered is on PostgreSQL's disk. Raises
        StoreUnavailable; then it is unknown what was written, and the call is to be repeated.
        again: it is repeated; what was written before and never answered, is answered now.
        """
        with self._database.statement() as connection:
            if self._database.is_postgresql:
                ended = _finish(connection, finishes) if finishes else {}
                claimed = self._claim(connection, claims) if claims else {}
            else:
                events: list[TaskEvent] = []
                ended = {f.lease_token: r for f in finishes if (r := _finish_one(connection, f, events))}
                claimed = {c.lease_token: got for c in claims if (got := self._claim_one(connection, c, events))}
                append(connection, events)
            if again:
                ended |= self._ended_before(connection, [f for f in finishes if f.lease_token not in ended])
                claimed |= self._claimed_before(connection, [c for c in claims if c.lease_token not in claimed])
        return ended, claimed

    def extend(self, leases: dict[UUID, UUID]) -> tuple[set[UUID], set[UUID]]:
        """Keep these leases (token by task id) alive; answers the ids that are still ours, and those to cancel."""
        if not leases:
            return set(), set()
        statement = (
            update(tasks)
            .where(tasks.c.id.in_(leases), tasks.c.id.between(min(leases), max(leases)))
            .where(tasks.c.lease_token.in_(leases.values()), tasks.c.state == State.STARTED)
            .values(lease_until=now_plus(self._lease_s))
            .returning(tasks.c.id, tasks.c.cancel_requested_at)
        )
        with self._database.statement() as connection:
            rows = connection.execute(statement).all()
        return {row.id for row in rows}, {row.id for row in rows if row.cancel_requested_at is not None}

    def to_cancel(self) -> list[UUID]:
        """What this worker runs and somebody wants cancelled."""
        # Literals: SQLite finds a partial index by the text of its condition.
        cancelling = text("state = 'STARTED' AND cancel_requested_at IS NOT NULL")
        with self._database.read() as connection:
            return list(connection.scalars(select(tasks.c.id).where(tasks.c.worker == self._worker, cancelling)))

    def still_reserved(self, reserved: dict[UUID, int]) -> None:
        """This worker holds the messages of these dispatches (number by task id), which wait for a slot."""
        with self._database.statement() as connection:
            note_held(connection, reserved)

    def progress(
        self, task_id: UUID, lease_token: UUID, percent: float, message: str, extra: dict[str, Any] | None
    ) -> bool:
        """Show an attempt's progress; answers whether a cancel was requested. Raises LookupError for a lost lease."""
        said = {"percent": percent, "message": message}
        with self._database.statement() as connection:
            if self._database.is_postgresql:
                fields = orjson.dumps(extra).decode() if extra else None
                this = {"id": task_id, "lease_token": lease_token, "fields": fields}
                row = connection.execute(_PROGRESS_POSTGRESQL, this | said).one_or_none()
                return _cancel_of(row, task_id)
            statement = (
                update(tasks)
                .where(tasks.c.id == task_id, tasks.c.lease_token == lease_token, tasks.c.state == State.STARTED)
                .values(
                    progress_percent=percent, progress_message=message, progress_fields=extra, progress_at=now_plus(0)
                )
                .returning(*TOLD, tasks.c.worker, tasks.c.cancel_requested_at)
            )
            row = connection.execute(statement).one_or_none()
            if row is not None:
                append(connection, [event_of(row._mapping, event="task.progress", worker=row.worker, **said)])
            return _cancel_of(row, task_id)

    def cancel_requested(self, task_id: UUID, lease_token: UUID) -> bool:
        """Whether a cancel was requested. Raises LookupError when the lease is lost."""
        statement = select(tasks.c.cancel_requested_at).where(tasks.c.id == task_id, tasks.c.lease_token == lease_token)
        with self._database.read() as connection:
            return _cancel_of(connection.execute(statement).one_or_none(), task_id)

    def _ended_before(self, connection: Connection, finishes: Sequence[Finish]) -> dict[UUID, Ended]:
        """Those of these ends after which the task is over just so. Only of such does anybody wait to hear."""
        if not finishes:
            return {}
        ids = [finish.task_id for finish in finishes]
        statement = select(tasks.c.id, tasks.c.state, tasks.c.finished_at, tasks.c.result, tasks.c.error_type).where(
            tasks.c.id.in_(ids), tasks.c.id.between(min(ids), max(ids)), tasks.c.worker == self._worker
        )
        rows = {row.id: row for row in connection.execute(statement) if row.finished_at}
        return {
            finish.lease_token: Ended(State(row.state), row.finished_at)
            for finish in finishes
            if (row := rows.get(finish.task_id))
            and row.state in {finish.end.state, State.CANCELLED}
            and (row.result, row.error_type) == (finish.end.result, finish.end.error_type)
        }

    def _claimed_before(self, connection: Connection, claims: Sequence[Claim]) -> dict[UUID, Claimed]:
        if not claims:
            return {}
        ids = [claim.task_id for claim in claims]
        statement = (
            select(
                *(tasks.c[name] for name in _RETURNED if name != "parameters"),
                cast(tasks.c.parameters, Text).label("parameters"),
                _plain(),
            )
            .where(tasks.c.id.in_(ids), tasks.c.id.between(min(ids), max(ids)), tasks.c.state == State.STARTED)
            .where(tasks.c.lease_token.in_([claim.lease_token for claim in claims]))
        )
        return {row["lease_token"]: Claimed(**row) for row in connection.execute(statement).mappings()}

    def _claim(self, connection: Connection, claims: Sequence[Claim]) -> dict[UUID, Claimed]:
        # Always in the same order, so that two workers with copies of the same messages cannot deadlock.
        ordered = sorted(claims, key=lambda claim: claim.task_id)
        rows = connection.execute(
            _CLAIM_POSTGRESQL,
            {
                "lease_s": self._lease_s,
                "worker": self._worker,
                "ids": [claim.task_id for claim in ordered],
                "dispatch_nos": [claim.dispatch_no for claim in ordered],
                "tokens": [claim.lease_token for claim in ordered],
                "first": ordered[0].task_id,
                "last": ordered[-1].task_id,
            },
        ).mappings()
        return {row["lease_token"]: Claimed(**{name: row[name] for name in _CLAIMED}) for row in rows}

    def _claim_one(self, connection: Connection, claim: Claim, events: list[TaskEvent]) -> Claimed | None:
        statement = (
            update(tasks)
            .where(
                tasks.c.id == claim.task_id,
                tasks.c.dispatch_no == claim.dispatch_no,
                tasks.c.state.in_(WAITING),
                or_(tasks.c.expires_at.is_(None), tasks.c.expires_at > now_plus(0)),
            )
            .values(
                state=State.STARTED,
                attempt=tasks.c.attempt + 1,
                lease_token=claim.lease_token,
                lease_until=now_plus(self._lease_s),
                worker=self._worker,
                started_at=now_plus(0),
                relay_at=None,
                progress_percent=None,
                progress_message=None,
                progress_fields=None,
                progress_at=None,
            )
            .returning(
                *(tasks.c[name] for name in _RETURNED),
                tasks.c.tags,
                _plain(),
            )
        )
        row = connection.execute(statement).mappings().one_or_none()
        if row is None:
            return None
        waited_ms = milliseconds(row["run_at"], row["started_at"])
        events.append(event_of({**row, "state": State.STARTED}, wait_ms=waited_ms, worker=self._worker))
        values = {**row, "parameters": orjson.dumps(row["parameters"]).decode()}
        del values["tags"]
        return Claimed(**values)


def _plain() -> ColumnElement[bool]:
    return and_(*(tasks.c[name].is_(None) for name in _EXTRAS)).label("plain")


def _finish(connection: Connection, finishes: Sequence[Finish]) -> dict[UUID, Ended]:
    ordered = sorted(finishes, key=lambda finish: finish.task_id)
    rows = [
        {
            "id": f.task_id,
            "lease_token": f.lease_token,
            "state": f.end.state,
            "charged": f.end.charged,
            **{name: value for name in _END if (value := getattr(f.end, name)) is not None},
        }
        for f in ordered
    ]
    bounds = {"first": ordered[0].task_id, "last": ordered[-1].task_id}
    answer = connection.execute(_FINISH_POSTGRESQL, {"rows": orjson.dumps(rows).decode(), **bounds})
    return {token: Ended(State(state), finished_at) for token, state, finished_at, _ in answer}


def _finish_one(connection: Connection, finish: Finish, events: list[TaskEvent]) -> Ended | None:
    end = finish.end
    statement = (
        update(tasks)
        .where(tasks.c.id == finish.task_id, tasks.c.lease_token == finish.lease_token, tasks.c.state == State.STARTED)
        .values(
            result=end.result,
            lease_token=None,
            lease_until=None,
            error_type=end.error_type,
            error_message=end.error_message,
            error_traceback=end.error_traceback,
            failure=end.failure,
            uncharged_attempts=tasks.c.uncharged_attempts + (0 if end.charged else 1),
            lost_leases=tasks.c.lost_leases + (1 if end.outcome == "lost" else 0),
            **_said(end),
            **(_over(end.state) if end.delay_s is None else _again(end.state, end.delay_s)),
        )
        .returning(*TOLD, tasks.c.worker, tasks.c.started_at, tasks.c.finished_at, now_plus(0).label("now"))
    )
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        return None
    if end.outcome != "success":
        keep_attempt(connection, row, end)
    events.append(event_of_end(row, end))
    return Ended(State(row["state"]), row["finished_at"])


def event_of_end(row: RowMapping, end: AttemptEnd) -> TaskEvent:
    """What is to be told of an attempt's end (of a row of TOLD, and `worker started_at now`)."""
    return event_of(
        row,
        run_ms=milliseconds(row["started_at"], row["now"]),
        worker=row["worker"],
        outcome=end.outcome,
        error_type=end.error_type,
        failure=end.failure,
    )


def _said(end: AttemptEnd) -> dict[str, Any]:
    said = {name: getattr(end, name) for name in ("progress_percent", "progress_message", "progress_fields")}
    return {name: value for name, value in said.items() if value is not None}


def _over(state: State) -> dict[str, Any]:
    return {"state": state, "finished_at": now_plus(0), "relay_at": None}


def _again(state: State, delay_s: float) -> dict[str, Any]:
    """Unless a cancel was requested: then the task is over."""
    cancelled = tasks.c.cancel_requested_at.is_not(None)
    return {
        "state": case((cancelled, State.CANCELLED), else_=state),
        "finished_at": case((cancelled, now_plus(0)), else_=None),
        "run_at": case((cancelled, tasks.c.run_at), else_=now_plus(delay_s)),
        "relay_at": case((cancelled, None), else_=now_plus(delay_s)),
        "published_at": case((cancelled, tasks.c.published_at), else_=None),
        "dispatch_no": tasks.c.dispatch_no + case((cancelled, 0), else_=1),
    }


def keep_attempt(connection: Connection, row: RowMapping, end: AttemptEnd) -> None:
    """Keep what became of an attempt (`id attempt worker started_at` of its row) that did not succeed."""
    connection.execute(
        insert(attempts).values(
            task_id=row["id"],
            attempt=row["attempt"],
            outcome=end.outcome,
            worker=row["worker"],
            started_at=row["started_at"],
            finished_at=now_plus(0),
            error_type=end.error_type,
            error_message=end.error_message,
            error_traceback=end.error_traceback,
        )
    )


def note_held(connection: Connection, numbers: dict[UUID, int]) -> int:
    """Somebody holds the messages of these dispatches: nobody need publish them, or look for them elsewhere, for now.

    Rows claimed or dispatched anew in between are left alone. Answers how many were not.
    """
    if connection.dialect.name == "postgresql":
        values = {"ids": list(numbers), "dispatch_nos": list(numbers.values())}
        reach = {"first": min(numbers), "last": max(numbers)}
        return connection.execute(_NOTE_HELD_POSTGRESQL, values | reach).rowcount
    statement = (
        update(tasks)
        .where(tasks.c.id.in_(numbers), tasks.c.dispatch_no == case(numbers, value=tasks.c.id))
        .where(tasks.c.state.in_(WAITING))
        .values(published_at=now_plus(0), relay_at=None)
    )
    return connection.execute(statement).rowcount


def _cancel_of(row: Any, task_id: UUID) -> bool:
    if row is None:
        raise LookupError(f"the lease of task {task_id} is lost")
    return row.cancel_requested_at is not None
