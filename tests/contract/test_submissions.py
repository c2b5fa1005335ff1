"""Recording submissions: all of a batch or nothing, and the same again does no harm."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from task_system.model.ids import new_id
from task_system.model.routing import Priority
from task_system.model.states import State
from task_system.model.task import Extras
from task_system.store.submissions import INLINE_GRACE_S
from task_system.store.tables import tasks
from tests.contract.kit import Store, at_once, new_task


def count(store: Store) -> int:
    with store.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(tasks)) or 0


def test_a_row_says_what_was_submitted(store: Store) -> None:
    submitted = new_task(
        task_type="resize",
        queue="image_processing.high",
        priority=Priority.HIGH,
        parameters='{"name":"Ünïcode ☃ \\"quoted\\"","n":[1,2.5,null,true],"deep":{"a":{"b":[]}}}'.encode(),
        max_attempts=7,
        timeout_s=12.5,
        namespace="shop",
    )
    before = store.now()
    recorded = store.submissions.record([submitted])[submitted.id]

    task = store.reading.task(submitted.id)
    assert (task.id, task.task_type, task.queue, task.priority) == (
        submitted.id,
        "resize",
        "image_processing.high",
        "high",
    )
    assert task.parameters == {
        "name": 'Ünïcode ☃ "quoted"',
        "n": [1, 2.5, None, True],
        "deep": {"a": {"b": []}},
    }
    assert (task.max_attempts, task.timeout_s, task.namespace) == (7, 12.5, "shop")
    assert (task.state, task.attempt, task.dispatch_no) == (State.PENDING, 0, 1)
    assert task.created_at == task.run_at == recorded.created_at == recorded.run_at
    assert before <= recorded.created_at <= store.now()
    assert recorded.due


def test_many_rows_at_once(store: Store) -> None:
    rows = [new_task(parameters=b'{"n": %d}' % n) for n in range(300)]
    recorded = store.submissions.record(rows)
    assert recorded.keys() == {row.id for row in rows}
    assert count(store) == 300
    assert store.reading.task(rows[123].id).parameters == {"n": 123}


def test_recording_again_is_harmless_and_tells_what_was_recorded_first(store: Store) -> None:
    known = [new_task(), new_task(delay_s=100)]
    first = store.submissions.record(known)
    store.claim(known[0].id)

    fresh = new_task()
    again = store.submissions.record([*known, fresh])

    assert {id_: (r.created_at, r.run_at, r.due) for id_, r in again.items() if id_ != fresh.id} == {
        id_: (r.created_at, r.run_at, r.due) for id_, r in first.items()
    }
    assert again[fresh.id].due
    assert count(store) == 3
    assert store.row(known[0].id)["state"] == "STARTED"


def test_the_same_row_twice_in_one_batch_is_one_task(store: Store) -> None:
    row = new_task()
    assert store.submissions.record([row, row]).keys() == {row.id}
    assert count(store) == 1


def test_a_delay_is_counted_by_the_databases_clock(store: Store) -> None:
    row = new_task(delay_s=90.5)
    recorded = store.submissions.record([row])[row.id]
    assert not recorded.due
    assert recorded.run_at - recorded.created_at == timedelta(seconds=90.5)
    assert store.row(row.id)["relay_at"] == recorded.run_at


@pytest.mark.parametrize(
    ("run_at", "due"),
    [
        (datetime(2200, 2, 28, 23, 59, 59, 123456, tzinfo=UTC), False),
        (datetime(2200, 3, 1, 5, 30, tzinfo=UTC).astimezone(datetime.now().astimezone().tzinfo), False),
        (datetime(2001, 1, 1, tzinfo=UTC), True),
    ],
)
def test_a_moment_is_kept_to_the_microsecond(store: Store, run_at: datetime, due: bool) -> None:
    row = new_task(run_at=run_at)
    recorded = store.submissions.record([row])[row.id]
    assert recorded.run_at == run_at
    assert recorded.due is due
    assert store.reading.task(row.id).run_at == run_at


def test_what_is_due_belongs_to_the_submitter_for_a_while_and_then_to_the_relay(store: Store) -> None:
    row = store.submit()
    relay_at = store.row(row.id)["relay_at"]
    assert relay_at - store.row(row.id)["created_at"] == timedelta(seconds=INLINE_GRACE_S)
    assert store.upkeep.take_due(10) == []


def test_a_row_that_the_database_refuses_is_an_error_and_nothing_is_recorded(store: Store) -> None:
    good, bad = new_task(), new_task(task_type=None)
    with pytest.raises(DBAPIError):
        store.submissions.record([good, bad])
    assert count(store) == 0


def test_postgresql_refuses_what_it_cannot_store(postgresql: Store) -> None:
    good, bad = new_task(), new_task(parameters=b'{"text": "a\\u0000b"}')
    with pytest.raises(DBAPIError):
        postgresql.submissions.record([good, bad])
    assert count(postgresql) == 0


def test_many_threads_record_the_same_rows(store: Store) -> None:
    rows = [new_task() for _ in range(20)]
    answers = at_once(6, lambda n: store.submissions.record(rows if n % 2 else rows[::-1]))
    assert count(store) == 20
    created = {id_: recorded.created_at for id_, recorded in answers[0].items()}
    assert all({id_: r.created_at for id_, r in answer.items()} == created for answer in answers)
    assert set(created) == {row.id for row in rows}


def test_what_only_some_submissions_say_is_kept(store: Store) -> None:
    other, batch, schedule = new_id(), new_id(), new_id()
    extras = Extras(
        tags=("nightly", "ü"),
        metadata={"order": 7},
        expires_in_s=60.0,
        retry_of=other,
        batch_id=batch,
        schedule_id=schedule,
    )
    said, plain = new_task(extras=extras), new_task()
    store.submissions.record([plain, said])
    task, without = store.reading.task(said.id), store.reading.task(plain.id)
    assert (task.tags, task.metadata) == (["nightly", "ü"], {"order": 7})
    assert task.expires_at == task.created_at + timedelta(seconds=60)
    assert (task.retry_of, task.batch_id, task.schedule_id) == (other, batch, schedule)
    assert {without.tags, without.expires_at, without.retry_of, without.batch_id, without.cancel_reason} == {None}
    with store.database.read() as connection:
        assert connection.execute(select(tasks.c.id).where(tasks.c.metadata.is_(None))).scalars().all() == [plain.id]
