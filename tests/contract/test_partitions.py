"""Weekly partitions on PostgreSQL: made ahead, dropped whole when nothing in them is alive or wanted, never in the way.

Each test changes the schema, so each has a database of its own.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from task_system.model.errors import StoreUnavailable, TaskNotFound
from task_system.model.ids import made_at, new_id
from task_system.model.states import State
from task_system.store import Database, partitions
from task_system.store import database as database_module
from task_system.store.partitions import WEEKS_AHEAD, week_of
from task_system.store.upkeep import Upkeep
from tests.contract.kit import Store, at_once, end_of, id_at, new_task

WEEK = timedelta(weeks=1)
RETENTION_S = timedelta(days=30).total_seconds()


@pytest.fixture
def store(postgresql_url: str) -> Iterator[Store]:
    database = Database(postgresql_url)
    yield Store(database)
    database.close()


def weeks(store: Store, table: str = "tasks") -> list[datetime]:
    """When the weeks that have a partition begin."""
    with store.database.read() as connection:
        names = partitions.names(connection, table)
    assert all(name.startswith(f"{table}_") for name in names)
    return [partitions.end_of(name) - WEEK for name in names]


def ensure(store: Store, moment: datetime) -> list[str]:
    with store.database.write() as connection:
        return partitions.ensure(connection, moment)


def where(store: Store, task_id: UUID) -> str:
    """The partition that a task is in."""
    with store.database.read() as connection:
        found = connection.scalar(text("SELECT tableoid::regclass::text FROM tasks WHERE id = :id"), {"id": task_id})
    return str(found)


def failed(store: Store, made: datetime, finished: datetime) -> UUID:
    """A task of that week with an attempt that failed."""
    lease = store.start(id=id_at(made))
    store.finish(lease, end_of("failure"))
    store.change(lease.id, finished_at=finished)
    return lease.id


@pytest.mark.parametrize(
    ("moment", "monday"),
    [
        (datetime(2024, 2, 29, 12, tzinfo=UTC), datetime(2024, 2, 26, tzinfo=UTC)),
        (datetime(2024, 2, 26, tzinfo=UTC), datetime(2024, 2, 26, tzinfo=UTC)),
        (datetime(2024, 2, 25, 23, 59, 59, 999999, tzinfo=UTC), datetime(2024, 2, 19, tzinfo=UTC)),
        (datetime.fromisoformat("2024-02-26T01:00:00+02:00"), datetime(2024, 2, 19, tzinfo=UTC)),
        (datetime(2025, 1, 1, tzinfo=UTC), datetime(2024, 12, 30, tzinfo=UTC)),
    ],
)
def test_a_week_begins_on_monday_at_midnight_in_utc(moment: datetime, monday: datetime) -> None:
    assert week_of(moment) == monday


@pytest.mark.parametrize("table", ["tasks", "attempts"])
def test_migrating_makes_this_week_and_those_ahead(store: Store, table: str) -> None:
    this_week = week_of(store.now())
    assert weeks(store, table) == [this_week + n * WEEK for n in range(WEEKS_AHEAD + 1)]


def test_weeks_are_made_once(store: Store) -> None:
    now = store.now()
    assert ensure(store, now) == []
    later = week_of(now + WEEK)
    assert ensure(store, now + WEEK) == [f"{t}_{later + WEEKS_AHEAD * WEEK:%Y%m%d}" for t in partitions.PARTITIONED]


def test_a_new_task_goes_to_its_week(store: Store) -> None:
    submitted = store.submit()
    assert where(store, submitted.id) == f"tasks_{week_of(made_at(submitted.id)):%Y%m%d}"


def test_a_task_at_the_edge_of_a_week_goes_to_the_right_side(store: Store) -> None:
    edge = week_of(store.now()) + WEEK
    before, at = (store.submit(id=id_at(edge + timedelta(milliseconds=ms))).id for ms in (-1, 0))
    assert where(store, before) == f"tasks_{edge - WEEK:%Y%m%d}"
    assert where(store, at) == f"tasks_{edge:%Y%m%d}"


def test_rows_of_a_week_without_a_partition_move_there_when_it_is_made(store: Store) -> None:
    far = week_of(store.now()) + 20 * WEEK
    lease = store.start(id=id_at(far + timedelta(days=3)))
    store.finish(lease, end_of("retry", delay_s=0.0))
    other = store.submit(id=id_at(far + 30 * WEEK))
    assert where(store, lease.id) == where(store, other.id) == "tasks_default"
    before, kept = store.row(lease.id), store.attempts(lease.id)

    ensure(store, far)

    assert where(store, lease.id) == f"tasks_{far:%Y%m%d}"
    assert where(store, other.id) == "tasks_default"
    assert store.row(lease.id) == before
    assert store.attempts(lease.id) == kept != []
    with store.database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM attempts_default")) == 0
    assert store.claim(lease.id, 2)


def test_an_id_is_there_once_in_whatever_partition(store: Store) -> None:
    row = new_task()
    store.submissions.record([row])
    assert store.submissions.record([row]).keys() == {row.id}
    with store.database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM tasks")) == 1


def test_old_weeks_are_dropped_only_when_nothing_in_them_is_alive_or_still_kept(store: Store) -> None:
    now = store.now()
    for ago in (20, 15, 10):
        ensure(store, now - ago * WEEK)
    over, alive, kept = (week_of(now) - ago * WEEK for ago in (20, 19, 18))
    day = timedelta(days=1)
    gone = [failed(store, over + n * day, over + n * day) for n in range(3)]
    old_beside_alive = failed(store, alive + day, alive + day)
    waits = store.put(State.PENDING, id=id_at(alive + day))
    finished_late = failed(store, kept + day, now - day)
    old_beside_kept = failed(store, kept + day, kept + day)

    removed = store.upkeep.prune(RETENTION_S, 100)

    left = weeks(store)
    assert over not in left
    assert {alive, kept} <= set(left)
    assert weeks(store, "attempts") == left
    recent = [week for week in left if week + WEEK >= now - timedelta(seconds=RETENTION_S)]
    assert left == [alive, kept, *recent]
    for task_id in (*gone, old_beside_alive, old_beside_kept):
        with pytest.raises(TaskNotFound):
            store.reading.task(task_id)
        assert store.attempts(task_id) == []
    assert store.row(waits)["state"] == "PENDING"
    assert store.row(finished_late)["state"] == "FAILURE"
    assert len(store.attempts(finished_late)) == 1
    # Those of the dropped week are not counted: nobody looked at them.
    assert removed == 2


def test_a_week_is_gone_before_the_next_is_looked_at(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks through millions of rows holds no lock that everybody waits for."""
    monkeypatch.setattr(database_module, "LOCK_TIMEOUT_MS", 100)
    now = store.now()
    for ago in (20, 15):
        ensure(store, now - ago * WEEK)
    second = weeks(store)[1]
    impatient = Database(store.database.engine.url.render_as_string(hide_password=False))
    with store.database.write() as connection:
        connection.execute(text(f'LOCK TABLE "tasks_{second:%Y%m%d}"'))
        with pytest.raises(StoreUnavailable):
            Upkeep(impatient).prune(RETENTION_S, 100)
    impatient.close()
    assert weeks(store)[0] == second
    assert weeks(store, "attempts")[0] == second
    store.upkeep.prune(RETENTION_S, 100)
    assert weeks(store)[0] > now - timedelta(seconds=RETENTION_S) - WEEK


def test_a_week_that_retention_still_covers_is_never_dropped(store: Store) -> None:
    now = store.now()
    ensure(store, now - timedelta(days=40))
    before = weeks(store)
    boundary = week_of(now - timedelta(seconds=RETENTION_S))
    store.upkeep.prune(RETENTION_S, 100)
    assert weeks(store) == [week for week in before if week >= boundary]


def test_pruning_makes_the_weeks_ahead(store: Store) -> None:
    last = weeks(store)[-1]
    with store.database.write() as connection:
        for table in ("tasks", "attempts"):
            partitions.drop(connection, f"{table}_{last:%Y%m%d}")
    waiting = store.submit(id=id_at(last + timedelta(days=1)))
    assert store.upkeep.prune(RETENTION_S, 10) == 0
    assert weeks(store)[-1] == weeks(store, "attempts")[-1] == last
    assert where(store, waiting.id) == f"tasks_{last:%Y%m%d}"


def test_old_rows_outside_every_week_are_pruned_as_well(store: Store) -> None:
    long_ago = store.now() - timedelta(weeks=60)
    task_id = failed(store, long_ago, long_ago)
    assert where(store, task_id) == "tasks_default"
    assert store.upkeep.prune(RETENTION_S, 10) == 1
    assert store.attempts(task_id) == []


def test_several_pruners_at_once_do_no_harm(store: Store) -> None:
    now = store.now()
    ensure(store, now - 20 * WEEK)
    last = weeks(store)[-1]
    with store.database.write() as connection:
        for table in ("tasks", "attempts"):
            partitions.drop(connection, f"{table}_{last:%Y%m%d}")
    made = now - 12 * WEEK
    for _ in range(30):
        store.put(State.SUCCESS, created_at=made, finished_at=made)
    at_once(4, lambda _: store.upkeep.prune(RETENTION_S, 10))
    while store.upkeep.prune(RETENTION_S, 10):
        pass
    assert weeks(store)[-1] == last
    with store.database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM tasks")) == 0


def test_work_goes_on_while_a_week_is_made(store: Store) -> None:
    far = week_of(store.now()) + 20 * WEEK
    rows = [new_task() for _ in range(50)]

    def work(number: int) -> object:
        if number == 0:
            return ensure(store, far)
        return [store.submissions.record([row]) for row in rows[number::4]]

    at_once(4, work)
    assert far in weeks(store)
    assert all(store.reading.task(row.id) for number in (1, 2, 3) for row in rows[number::4])
    assert new_id() > rows[-1].id
