"""Many threads, one commit: everybody is told what became of their own row, and nobody waits in vain."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

from task_system.dispatch import committer as module
from task_system.dispatch.committer import BATCH, Committer
from task_system.model.errors import InvalidSubmission, Overloaded, StoreUnavailable
from task_system.model.events import Events
from task_system.model.task import Dispatch, NewTask, Recorded
from task_system.store import Database
from task_system.store.submissions import Submissions
from task_system.store.tables import tasks
from task_system.testing.servers.server import wait_until
from tests.contract.kit import DEADLINE_S, Store, new_task


class Service:
    """A committer on a real store, and what can be seen of it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.published: list[Dispatch] = []
        self.committer = Committer(
            Submissions(store.database), Events(lambda *event: self.events.append(event)), self.published.extend
        )
        self.commits = 0
        self.pool = ThreadPoolExecutor(200)

        @event.listens_for(store.database.engine, "commit")
        def count(_connection: object) -> None:
            self.commits += 1

    def submit(self, *rows: NewTask) -> list[Future[Recorded]]:
        """Hand rows in, one after the other, each in a thread that waits."""
        handed_in = []
        for number, row in enumerate(rows, start=self.waiting + 1):
            handed_in.append(self.pool.submit(self.committer.commit, row))
            if self.held:
                wait_until(lambda number=number: self.waiting >= number, DEADLINE_S)  # type: ignore[misc]
        return handed_in

    held = False

    @property
    def waiting(self) -> int:
        return self.committer._waiting.qsize()

    @contextmanager
    def database_is_busy(self) -> Iterator[None]:
        """Somebody else writes: the committer's thread holds one row and waits; others gather."""
        with self.store.database.write():
            first = self.pool.submit(self.committer.commit, new_task())
            wait_until(lambda: self.committer._thread is not None and self.waiting == 0, DEADLINE_S)
            self.held = True
            yield
        self.held = False
        assert first.result(DEADLINE_S)

    def count(self) -> int:
        with self.store.database.read() as connection:
            return connection.scalar(select(func.count()).select_from(tasks)) or 0

    def accepted(self) -> list[int]:
        return [facts["count"] for name, facts in self.events if name == "task.accepted"]


@pytest.fixture
def service(sqlite: Store) -> Iterator[Service]:
    made = Service(sqlite)
    yield made
    made.committer.stop()
    made.pool.shutdown()


def test_a_row_is_on_disk_when_its_request_is_answered(service: Service) -> None:
    row = new_task()
    recorded = service.committer.commit(row)
    assert service.store.row(row.id)["created_at"] == recorded.created_at
    assert recorded.due
    assert service.accepted() == [1]
    assert service.events[0][1]["duration_s"] >= 0


def test_what_gathers_while_the_disk_is_busy_is_one_commit(service: Service) -> None:
    with service.database_is_busy():
        commits = service.commits
        rows = [new_task() for _ in range(BATCH)]
        handed_in = service.submit(*rows)
    recorded = [future.result(DEADLINE_S) for future in handed_in]
    assert [r.id for r in recorded] == [row.id for row in rows]
    assert service.count() == BATCH + 1
    wait_until(lambda: len(service.accepted()) == 2, DEADLINE_S)
    assert service.accepted() == [1, BATCH]
    # The one that held the lock, the first row's, and one for all that gathered.
    assert service.commits - commits == 3


def test_what_is_due_is_published_and_the_rest_left_to_the_relay(service: Service) -> None:
    with service.database_is_busy():
        due, later = new_task(), new_task(delay_s=60)
        handed_in = service.submit(due, later)
    assert all(future.result(DEADLINE_S) for future in handed_in)
    wait_until(lambda: len(service.published) == 2, DEADLINE_S)
    assert service.published[1] == Dispatch(due.id, 1, due.queue, due.task_type)


def test_a_publisher_that_breaks_does_not_end_the_commits(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.committer, "_publish", lambda dispatches: dispatches.no_such_thing)
    for _ in range(2):
        [handed_in] = service.submit(new_task())
        assert handed_in.result(DEADLINE_S)
    assert service.count() == 2, "the relay publishes them"


def test_no_commit_grows_without_bound(service: Service) -> None:
    with service.database_is_busy():
        handed_in = service.submit(*(new_task() for _ in range(2 * BATCH + 1)))
    assert all(future.result(DEADLINE_S) for future in handed_in)
    wait_until(lambda: len(service.accepted()) == 4, DEADLINE_S)
    assert service.accepted() == [1, BATCH, BATCH, 1]


BAD: list[Callable[[], NewTask]] = [
    lambda: new_task(task_type=None),  # a row that the table's own checks refuse
    lambda: new_task(max_attempts=2**70),  # one that the driver cannot even hand over
]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("place", [0, 3, 6])
def test_a_bad_row_takes_no_other_with_it(service: Service, bad: Callable[[], NewTask], place: int) -> None:
    rows = [new_task() for _ in range(6)]
    batch = [*rows[:place], bad(), *rows[place:]]
    with service.database_is_busy():
        handed_in = service.submit(*batch)
    for row, future in zip(batch, handed_in, strict=True):
        if row in rows:
            assert future.result(DEADLINE_S).id == row.id
        else:
            assert isinstance(future.exception(DEADLINE_S), Exception)
    assert service.count() == 7
    wait_until(lambda: len(service.accepted()) == 2, DEADLINE_S)
    assert service.accepted() == [1, 6]


def test_bad_rows_of_several_kinds_in_one_batch(service: Service) -> None:
    rows = [new_task() for _ in range(3)]
    with service.database_is_busy():
        handed_in = service.submit(rows[0], BAD[0](), rows[1], BAD[1](), rows[2])
    assert [future.exception(DEADLINE_S) is None for future in handed_in] == [True, False, True, False, True]
    assert service.committer.commit(new_task())
    assert service.count() == 5


def test_a_refused_row_says_why(service: Service) -> None:
    with pytest.raises(InvalidSubmission) as caught:
        service.committer.commit(BAD[0]())
    (error,) = caught.value.errors
    assert error["path"] == "parameters"
    assert "NOT NULL" in error["message"]
    assert service.accepted() == []


def test_a_store_that_is_away_is_said_to_be_and_may_come_back(tmp_path: Path, service: Service) -> None:
    folder = Path(str(service.store.database.engine.url.database)).parent
    service.store.database.close()
    elsewhere = folder.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailable):
        service.committer.commit(new_task())
    assert service.accepted() == []
    elsewhere.rename(folder)
    assert service.committer.commit(new_task())
    assert service.accepted() == [1]


def test_who_waits_too_long_is_told_so(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_S", 0.2)
    with (
        service.store.database.write(),
        pytest.raises(StoreUnavailable, match="Whether the task was recorded is unknown"),
    ):
        service.committer.commit(new_task())


def test_more_than_can_wait_are_told_to_come_back(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CAPACITY", 3)
    with service.database_is_busy():
        handed_in = service.submit(*(new_task() for _ in range(3)))
        with pytest.raises(Overloaded) as caught:
            service.committer.commit(new_task())
        assert caught.value.facts == {"waiting": 3}
    assert all(future.result(DEADLINE_S) for future in handed_in)
    assert service.committer.commit(new_task())
    assert service.count() == 5


def test_stopping_commits_what_has_gathered_and_refuses_the_rest(service: Service) -> None:
    with service.database_is_busy():
        handed_in = service.submit(*(new_task() for _ in range(2 * BATCH)))
        stopping = service.pool.submit(service.committer.stop)
        wait_until(lambda: service.committer._stopping, DEADLINE_S)
        with pytest.raises(Overloaded):
            service.committer.commit(new_task())
    assert all(future.result(DEADLINE_S) for future in handed_in)
    stopping.result(DEADLINE_S)
    thread = service.committer._thread
    assert thread is not None
    assert not thread.is_alive()
    assert service.count() == 2 * BATCH + 1


def test_stopping_what_never_began(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'never.db'}")
    committer = Committer(Submissions(database), Events(), lambda _dispatches: None)
    committer.stop()
    with pytest.raises(Overloaded):
        committer.commit(new_task())


def test_many_threads_for_a_while(service: Service) -> None:
    rows = [[new_task() for _ in range(20)] for _ in range(16)]
    ready = threading.Barrier(16, timeout=DEADLINE_S)

    def submit(number: int) -> list[Recorded]:
        ready.wait()
        return [service.committer.commit(row) for row in rows[number]]

    answers = list(service.pool.map(submit, range(16)))
    assert [[r.id for r in answer] for answer in answers] == [[row.id for row in part] for part in rows]
    assert service.count() == 320
    wait_until(lambda: sum(service.accepted()) == 320, DEADLINE_S)
