"""The event log tells of each change of a task once, in order, and only of what was committed."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text, update

from task_system.model.errors import CursorTooOld
from task_system.model.ids import new_id
from task_system.model.outcome import OUTCOMES, Claim, Finish
from task_system.model.routing import Priority
from task_system.model.schedule import Overlap, ScheduleSpec
from task_system.model.states import State
from task_system.model.task import Extras
from task_system.model.task_events import EVENT_NAMES, EVENT_OF, FIELDS, TaskEvent
from task_system.store.acting import Change
from task_system.store.batches import BatchStore
from task_system.store.controls import Controls
from task_system.store.event_log import KEEP_S, PRUNE_AFTER_S, ROWS, append
from task_system.store.schedules import Schedules
from task_system.store.tables import event_batches
from task_system.store.types import now_plus
from tests.contract.kit import DEADLINE_S, Store, at_once, end_of, id_at, new_task


class Reader:
    """Reads on from where it stands, in pages of any size."""

    def __init__(self, store: Store, limit: int = 1000) -> None:
        self.store, self.limit = store, limit
        self.cursor = store.event_log.head()

    def read(self) -> list[TaskEvent]:
        events = []
        more = True
        while more:
            page = self.store.event_log.after(self.cursor, self.limit)
            assert len(page.events) <= self.limit
            self.cursor, more = page.cursor, page.more
            events += [event for _, event in page.events]
        return events

    def names(self) -> list[str]:
        return [event["event"] for event in self.read()]


@pytest.fixture
def reader(store: Store) -> Reader:
    return Reader(store)


def test_a_life_is_told_with_its_numbers(store: Store, reader: Reader) -> None:
    lease = store.start(extras=Extras(tags=("nightly", "ä")))
    store.leases.progress(lease.id, lease.lease_token, 50.0, 'half "of" it', {"n": 1})
    recorded = store.finish(lease, end_of("success"))
    accepted, started, progress, succeeded = reader.read()
    row = store.row(lease.id)
    always = {"task_id": str(lease.id), "task_type": "echo", "queue": "default.normal", "tags": ["nightly", "ä"]}
    always["created_at"] = row["created_at"].isoformat().replace("+00:00", "Z")
    assert accepted.pop("at") >= always["created_at"]
    assert accepted == always | {"event": "task.accepted", "state": "PENDING", "attempt": 0}
    running = always | {"state": "STARTED", "attempt": 1, "worker": "worker@here"}
    waited_ms = (row["started_at"] - row["run_at"]) / timedelta(milliseconds=1)
    assert started.pop("wait_ms") == pytest.approx(waited_ms, abs=0.002)
    assert started == running | {"event": "task.started", "at": started["at"]}
    assert progress == running | {
        "event": "task.progress",
        "percent": 50.0,
        "message": 'half "of" it',
        "at": progress["at"],
    }
    assert recorded
    ran_ms = (row["finished_at"] - row["started_at"]) / timedelta(milliseconds=1)
    assert succeeded.pop("run_ms") == pytest.approx(ran_ms, abs=2.0)
    assert succeeded == running | {
        "event": "task.succeeded",
        "state": "SUCCESS",
        "outcome": "success",
        "at": succeeded["at"],
    }
    assert started["at"] <= progress["at"] <= succeeded["at"]


@pytest.mark.parametrize("outcome", sorted(OUTCOMES))
def test_every_outcome_is_told(store: Store, reader: Reader, outcome: str) -> None:
    end = end_of(outcome)
    store.finish(store.start(), end)
    *_, last = reader.read()
    state = OUTCOMES[outcome]
    assert (last["event"], last["state"], last["outcome"]) == (EVENT_OF[state], state, outcome)
    assert last.get("error_type") == end.error_type
    assert last["run_ms"] >= 0


def of_rescue(store: Store) -> None:
    lease = store.start()
    store.expire_lease(lease.id)
    store.upkeep.rescue(10, poison_after=3, delay_s=0.0)


def of_poison(store: Store) -> None:
    lease = store.start()
    store.expire_lease(lease.id)
    store.upkeep.rescue(10, poison_after=1, delay_s=0.0)


def of_dead_letter(store: Store) -> None:
    store.upkeep.undeliverable(store.submit().id, 1, delay_s=0.0, give_up_after=1, message="nobody")


def of_another_try(store: Store) -> None:
    store.upkeep.undeliverable(store.submit().id, 1, delay_s=0.0, give_up_after=2, message="nobody")


def of_cancel(store: Store) -> None:
    store.acting.cancel(store.submit().id, "enough")


def of_cancel_while_running(store: Store) -> None:
    store.finish(store.start(), end_of("retry"))
    lease = store.start()
    store.acting.cancel(lease.id, "enough")
    store.finish(lease, end_of("retry"))


def of_change(store: Store) -> None:
    row = store.submit()
    store.acting.change(row.id, Change(tags=("new",)))
    store.acting.change(row.id, Change())


def of_retry(store: Store) -> None:
    lease = store.start()
    store.finish(lease, end_of("failure"))
    store.acting.retry(lease.id, new_task())


def of_expiry(store: Store) -> None:
    store.submit(extras=Extras(expires_in_s=0.0))
    store.expiry.expire(10)


def of_purge(store: Store) -> None:
    store.submit(priority=Priority.LOW)
    list(Controls(store.database).purge("default.low", "away"))


def of_batch(store: Store) -> None:
    BatchStore(store.database).record(
        [new_task() for _ in range(2)], batch_id=new_id(), callback=None, each=False, grace_s=0.0
    )


def of_schedule(store: Store) -> None:
    """A tick, and one that cancels the task of the tick before."""
    schedules = Schedules(store.database)
    spec = ScheduleSpec(name="often", task_type="echo", parameters={}, every_s=0.001, overlap=Overlap.CANCEL_OTHER)
    schedule = schedules.create(spec)
    schedules.run_now(schedule.id, lambda *_: new_task())
    while not schedules.fire(lambda *_: new_task(), 10).submitted:
        pass


def of_removal(store: Store) -> None:
    long_ago = store.now() - timedelta(days=40)
    store.put(State.SUCCESS, id=id_at(long_ago), created_at=long_ago)
    store.upkeep.prune(timedelta(days=30).total_seconds(), 10)


@pytest.mark.parametrize(
    ("happens", "names"),
    [
        (of_rescue, "accepted started retry"),
        (of_poison, "accepted started failed"),
        (of_dead_letter, "accepted failed"),
        (of_another_try, "accepted"),
        (of_cancel, "accepted cancelled"),
        (of_cancel_while_running, "accepted started retry accepted started changed cancelled"),
        (of_change, "accepted changed"),
        (of_retry, "accepted started failed accepted"),
        (of_expiry, "accepted expired"),
        (of_purge, "accepted cancelled"),
        (of_batch, "accepted accepted"),
        (of_schedule, "accepted cancelled accepted"),
        (of_removal, "removed"),
    ],
)
def test_whoever_changes_a_task_tells_it(
    store: Store, reader: Reader, happens: Callable[[Store], None], names: str
) -> None:
    happens(store)
    assert reader.names() == [f"task.{name}" for name in names.split()]


def test_what_changes_nothing_tells_nothing(store: Store, reader: Reader) -> None:
    lease = store.start()
    done = store.start()
    store.finish(done, end_of("success"))
    row = new_task()
    store.submissions.record([row])
    reader.read()
    before = rows(store)
    store.submissions.record([row])
    assert store.claim(lease.id) is None
    assert store.finish(done, end_of("failure")) is None
    store.leases.settle([Finish(lease.id, uuid4(), end_of("success"))], [Claim(done.id, 1, uuid4())])
    with pytest.raises(LookupError):
        store.leases.progress(done.id, done.lease_token, 1.0, "", None)
    store.upkeep.take_due(10)
    store.leases.extend({lease.id: lease.lease_token})
    store.expiry.expire(10)
    store.upkeep.rescue(10, poison_after=3, delay_s=0.0)
    assert reader.read() == []
    assert rows(store) == before


def test_of_rows_that_were_there_in_part_the_new_ones_are_told(store: Store, reader: Reader) -> None:
    first, second = new_task(), new_task()
    store.submissions.record([first])
    store.submissions.record([first, second])
    assert [event["task_id"] for event in reader.read()] == [str(first.id), str(second.id)]


def test_what_rolls_back_tells_nothing(store: Store, reader: Reader) -> None:
    bad = new_task(parameters=b'{"text": "\\u0000"}') if store.database.is_postgresql else new_task(task_type=None)
    good = [new_task() for _ in range(3)]
    batches = BatchStore(store.database)
    assert batches.record([*good, bad], batch_id=new_id(), callback=None, each=False, grace_s=0.0).refused
    assert reader.read() == []
    recorded = batches.record([*good, bad], batch_id=new_id(), callback=None, each=True, grace_s=0.0).recorded
    assert {event["task_id"] for event in reader.read()} == {str(id_) for id_ in recorded} == {str(r.id) for r in good}

    with store.database.write() as connection:
        append(connection, [{"event": "task.changed"}])
        connection.rollback()
    assert reader.read() == []


def test_commits_out_of_order_are_not_missed(postgresql: Store) -> None:
    """A row that was numbered first and is committed last is found by a reader that was past its number."""
    reader, database = Reader(postgresql), postgresql.database
    with database.write() as slow:
        append(slow, [{"event": "task.changed", "message": "slow"}])
        with database.write() as quick:
            append(quick, [{"event": "task.changed", "message": "quick"}])
        assert [event["message"] for event in reader.read()] == ["quick"]
        with database.write() as aborted:
            append(aborted, [{"event": "task.changed", "message": "aborted"}])
            aborted.rollback()
        assert reader.read() == []
    assert [event["message"] for event in reader.read()] == ["slow"]
    assert reader.read() == []


def test_who_waited_for_a_task_is_told_after_who_had_it(postgresql: Store) -> None:
    """Though its transaction began first, and another that began in between is not over."""
    reader, database = Reader(postgresql), postgresql.database
    task = postgresql.submit()
    reader.read()
    numbered, waiting = threading.Event(), threading.Event()

    def older() -> None:
        with database.write() as connection:
            connection.execute(text("SELECT pg_current_xact_id()"))
            numbered.set()
            assert waiting.wait(DEADLINE_S)
            postgresql_cancel(connection, task.id)

    thread = threading.Thread(target=older)
    thread.start()
    assert numbered.wait(DEADLINE_S)
    with database.write() as between:
        between.execute(text("SELECT pg_current_xact_id()"))
        with database.write() as younger:
            younger.execute(text("SELECT id FROM tasks WHERE id = :id FOR UPDATE"), {"id": task.id})
            waiting.set()
            append(younger, [{"event": "task.changed", "task_id": str(task.id)}])
        thread.join(DEADLINE_S)
        assert reader.names() == ["task.changed", "task.cancelled"]


def postgresql_cancel(connection: Any, task_id: UUID) -> None:
    connection.execute(text("SELECT id FROM tasks WHERE id = :id FOR UPDATE"), {"id": task_id})
    append(connection, [{"event": "task.cancelled", "task_id": str(task_id)}])


class Follower(threading.Thread):
    """Reads until told that nothing more is to come; `limit` 0 stands for one who begins anew at every event."""

    def __init__(self, store: Store, limit: int, over: threading.Event) -> None:
        super().__init__()
        self.reader, self.limit, self.over = Reader(store, limit or 2), limit, over
        self.messages: list[str] = []
        self.start()

    def run(self) -> None:
        last = False
        while not last:
            last = self.over.is_set()
            if self.limit:
                self.messages += [event["message"] for event in self.reader.read()]
            else:
                self._one_by_one()

    def _one_by_one(self) -> None:
        while events := self.reader.store.event_log.after(self.reader.cursor, 2).events:
            self.reader.cursor, event = events[0]
            self.messages.append(event["message"])


def test_readers_of_a_busy_log_miss_nothing_and_see_nothing_twice(store: Store) -> None:
    writers, each = 6, 25
    over = threading.Event()
    followers = [Follower(store, limit, over) for limit in (0, 1, 7, 1000)]

    def write(number: int) -> None:
        for count in range(each):
            with store.database.write() as connection:
                append(connection, [{"event": "task.changed", "message": f"{number} {count:02} {n}"} for n in range(3)])
                if count % 5 == 0:
                    connection.rollback()

    at_once(writers, write)
    over.set()
    expected = {w: [f"{w} {c:02} {n}" for c in range(each) if c % 5 for n in range(3)] for w in range(writers)}
    for follower in followers:
        follower.join(DEADLINE_S * 3)
        told = {w: [message for message in follower.messages if message.startswith(f"{w} ")] for w in expected}
        assert told == expected


def test_until_a_cursor_and_from_it_on_is_all_there_is(store: Store) -> None:
    start = store.event_log.head()
    first = store.submit()
    middle = store.event_log.head()
    second = store.submit()
    before = store.event_log.after(start, until=middle)
    after = store.event_log.after(middle)
    assert [event["task_id"] for _, event in before.events] == [str(first.id)]
    assert [event["task_id"] for _, event in after.events] == [str(second.id)]
    assert (before.more, after.more) == (False, False)


def test_a_page_of_more_rows_than_one_look_takes(store: Store) -> None:
    reader = Reader(store, ROWS * 10)
    with store.database.write() as connection:
        for number in range(ROWS + 1):
            append(connection, [{"event": "task.changed", "count": number}])
    assert [event["count"] for event in reader.read()] == list(range(ROWS + 1))


def test_cursors_of_what_is_gone_and_such_as_are_none(store: Store) -> None:
    start = store.event_log.head()
    old = store.submit()
    with store.database.write() as connection:
        connection.execute(update(event_batches).values(at=now_plus(-PRUNE_AFTER_S - 1)))
    seen = store.submit()
    assert store.event_log.prune(10) == 1
    assert store.event_log.prune(10) == 0
    assert [event["task_id"] for _, event in store.event_log.after(start).events] == [str(seen.id)]
    assert old.id != seen.id
    *marks, at_ms = start.split("_")
    aged = "_".join([*marks, str(int(at_ms) - int(KEEP_S * 1000) - 60_000)])
    later = "9" * 18 if store.database.dialect == "sqlite" else "999999999:999999999:"
    other = f"{later}_{later}_0_-1_{at_ms}"
    strange = f"7:3:5,4,_7:3:9,2_0_-1_{at_ms}"
    for cursor in (aged, other, strange, "", "nonsense", start + "x", new_id().hex):
        with pytest.raises(CursorTooOld):
            store.event_log.after(cursor)


def test_numbers_go_on_when_everything_was_removed(store: Store, reader: Reader) -> None:
    store.submit()
    reader.read()
    with store.database.write() as connection:
        connection.execute(event_batches.delete())
    store.submit()
    assert reader.names() == ["task.accepted"]


def test_names_and_places_are_kept() -> None:
    """What is stored is found by its place, and read by other versions of the code: new fields come last."""
    assert FIELDS[:7] == ("event", "task_id", "task_type", "queue", "state", "tags", "attempt")
    assert set(EVENT_OF.values()) < set(EVENT_NAMES)
    assert set(EVENT_OF) == set(State)


def rows(store: Store) -> int:
    with store.database.read() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM event_batches")) or 0)
