"""What handlers log is kept: in order, up to a size, and as long as the task."""

import logging
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from task_system.model.errors import StoreUnavailable, TaskNotFound
from task_system.model.ids import new_id
from task_system.model.states import State
from task_system.store.tables import task_logs
from task_system.store.task_logs import KEEP_BYTES, LINE_BYTES, MAX_BYTES, PART_BYTES, AttemptLog, Line, TaskLogs
from task_system.worker.task_log import TaskLog
from tests.contract.kit import DEADLINE_S, Store, id_at

START = (0, 0, -1)


@pytest.fixture
def logs(store: Store) -> TaskLogs:
    return TaskLogs(store.database)


def line(message: str) -> Line:
    return (1_700_000_000.5, "INFO", "here", message)


def read(logs: TaskLogs, task_id: UUID, limit: int = 10_000, attempt: int | None = None) -> list[tuple[int, str]]:
    """All lines, in pages of that size."""
    said, position, more = [], START, True
    while more:
        page = logs.read(task_id, after=position, attempt=attempt, limit=limit)
        assert len(page.lines) <= limit
        said += [(number, message) for number, (_, _, _, message) in page.lines]
        position, more = page.end, page.more
    return said


def test_lines_come_back_in_order_and_in_pages(store: Store, logs: TaskLogs) -> None:
    task = store.submit()
    first, second = AttemptLog(task.id, 1), AttemptLog(task.id, 2)
    logs.write(first, [line("a"), line("b")])
    logs.write(second, [line("d")])
    logs.write(first, [line("c ä 'quoted' \\")])
    expected = [(1, "a"), (1, "b"), (1, "c ä 'quoted' \\"), (2, "d")]
    for limit in (1, 2, 3, 4, 10):
        assert read(logs, task.id, limit) == expected
    assert read(logs, task.id, attempt=2) == [(2, "d")]
    page = logs.read(task.id, after=START, attempt=None, limit=10)
    assert page.lines[0] == (1, line("a"))
    assert (page.dropped, page.live) == (0, True)
    assert logs.read(task.id, after=page.end, attempt=None, limit=10).lines == []


def test_a_task_without_a_log_and_no_task(store: Store, logs: TaskLogs) -> None:
    assert read(logs, store.put(State.SUCCESS)) == []
    with pytest.raises(TaskNotFound):
        logs.read(new_id(), after=START, attempt=None, limit=1)


def test_a_full_log_loses_its_oldest_lines_and_counts_them(store: Store, logs: TaskLogs) -> None:
    task, long = store.submit(), "x" * (1000 - LINE_BYTES - 4)
    written = 0
    for attempt in (1, 2):
        log = AttemptLog(task.id, attempt)
        for _ in range(12):
            logs.write(log, [line(f"{written + number:04} {long}"[: 1000 - LINE_BYTES - 4]) for number in range(100)])
            written += 100
            page = logs.read(task.id, after=START, attempt=None, limit=10_000)
            numbers = [int(said[3][:4]) for _, said in page.lines]
            assert numbers == list(range(written - len(numbers), written))
            assert page.dropped == written - len(numbers)
            assert sum(1000 for _ in numbers) <= MAX_BYTES
    assert len(numbers) * 1000 > KEEP_BYTES - PART_BYTES


def test_lines_that_were_dropped_before_they_were_written_count(store: Store, logs: TaskLogs) -> None:
    task = store.submit()
    logs.write(AttemptLog(task.id, 1), [line("last")], dropped=7)
    assert logs.read(task.id, after=START, attempt=None, limit=10).dropped == 7


def test_the_log_goes_with_the_task(store: Store, logs: TaskLogs) -> None:
    long_ago = store.now() - timedelta(days=40)
    old = store.put(State.SUCCESS, id=id_at(long_ago), created_at=long_ago)
    young = store.put(State.SUCCESS)
    for task_id in (old, young):
        logs.write(AttemptLog(task_id, 1), [line("a")])
    store.upkeep.prune(timedelta(days=30).total_seconds(), 10)
    with store.database.read() as connection:
        assert list(connection.scalars(select(task_logs.c.task_id))) == [young]


class Watched(TaskLogs):
    """Says when something was written, and is away when told to."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.database)
        self.written = threading.Event()
        self.away = False

    def write(self, *arguments: Any, **options: Any) -> None:
        if self.away:
            raise StoreUnavailable
        super().write(*arguments, **options)
        self.written.set()


@pytest.fixture
def watched(sqlite: Store) -> Watched:
    return Watched(sqlite)


@pytest.fixture
def task_log(watched: Watched) -> Any:
    handler, root = TaskLog(watched), logging.getLogger()
    root.addHandler(handler)
    level, _ = root.level, root.setLevel("INFO")
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def test_what_is_logged_in_an_attempt_is_written_while_it_runs(
    sqlite: Store, watched: Watched, task_log: TaskLog
) -> None:
    task, log = sqlite.submit(), logging.getLogger("task.echo")
    log.info("before")
    with task_log.attempt(task.id, 1):
        log.info("one of %d", 2)
        log.debug("too quiet")
        assert watched.written.wait(DEADLINE_S)
        assert read(watched, task.id) == [(1, "one of 2")]
        try:
            raise ValueError("bad")
        except ValueError:
            log.exception("two\0")
        # Not by way of the logger: pytest's own handler would have it fail.
        task_log.handle(
            logging.makeLogRecord({"levelname": "INFO", "msg": "%d", "args": ("no number",), "name": "here"})
        )
    log.info("after")
    first, second, third = [message for _, message in read(watched, task.id)]
    assert first == "one of 2"
    assert second.startswith("two\N{REPLACEMENT CHARACTER}\nTraceback")
    assert "ValueError: bad" in second
    assert "cannot be formatted" in third


def test_who_says_nothing_writes_nothing(sqlite: Store, watched: Watched, task_log: TaskLog) -> None:
    with task_log.attempt(sqlite.submit().id, 1):
        logging.getLogger("task.echo").debug("too quiet")
    assert not watched.written.is_set()
    assert task_log._thread is None


def test_attempts_side_by_side_are_kept_apart(sqlite: Store, watched: Watched, task_log: TaskLog) -> None:
    ids = [sqlite.submit().id for _ in range(4)]
    together = threading.Barrier(len(ids), timeout=DEADLINE_S)

    def run(task_id: UUID) -> None:
        with task_log.attempt(task_id, 1):
            for number in range(50):
                together.wait()
                logging.getLogger("task.echo").info("%s %d", task_id, number)

    threads = [threading.Thread(target=run, args=(task_id,)) for task_id in ids]
    for thread in threads:
        thread.start()
    logging.getLogger("task.echo").info("of nobody")
    for thread in threads:
        thread.join(DEADLINE_S)
    for task_id in ids:
        assert read(watched, task_id) == [(1, f"{task_id} {number}") for number in range(50)]


def test_a_log_outlives_an_outage(sqlite: Store, watched: Watched, task_log: TaskLog) -> None:
    task = sqlite.submit()
    watched.away = True
    with task_log.attempt(task.id, 1):
        logging.getLogger("task.echo").info("said while it was away")
    assert read(watched, task.id) == []
    watched.away = False
    assert watched.written.wait(DEADLINE_S)
    assert read(watched, task.id) == [(1, "said while it was away")]


def test_who_says_too_much_between_two_writes_keeps_the_last_of_it(
    sqlite: Store, watched: Watched, task_log: TaskLog
) -> None:
    task = sqlite.submit()
    watched.away = True
    with task_log.attempt(task.id, 1):
        for number in range(300):
            logging.getLogger("task.echo").info("%d %s", number, "x" * 9000)
    watched.away = False
    assert watched.written.wait(DEADLINE_S)
    page = watched.read(task.id, after=START, attempt=None, limit=1000)
    assert page.lines[-1][1][3].startswith("299 ")
    assert page.dropped == 300 - len(page.lines) > 0
