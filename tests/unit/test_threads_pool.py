"""Slots that are threads: their time limits are kept, and no slot is ever lost."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from billiard.einfo import ExceptionInfo
from billiard.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError

from task_system.testing.servers.server import wait_until
from task_system.worker.threads_pool import ThreadsPool
from tests.contract.kit import DEADLINE_S

SLOTS = 3


class Job:
    """One call of the pool, and what it said of it."""

    def __init__(self, pool: ThreadsPool, target: Callable[[], Any], **limits: float) -> None:
        self.accepted: int | None = None
        self.results: list[Any] = []
        self.failures: list[BaseException] = []
        self.over = threading.Event()
        self.begun = threading.Event()
        pool.on_apply(
            target,
            (),
            {},
            callback=self._returned,
            error_callback=self._failed,
            accept_callback=self._accepted,
            **limits,
        )

    def _accepted(self, pid: int, _at: float) -> None:
        self.accepted = pid
        self.begun.set()

    def _returned(self, value: Any) -> None:
        self.results.append(value)
        self.over.set()

    def _failed(self, failure: ExceptionInfo) -> None:
        self.failures.append(failure.exception.exc)
        self.over.set()

    def wait(self) -> "Job":
        assert self.over.wait(DEADLINE_S)
        return self


def busy() -> None:
    """Run Python code for ever."""
    while True:
        time.sleep(0.001)


class Stubborn:
    """Does not stop when told to, until the test lets it."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self.let_go = threading.Event()
        self.ended = threading.Event()

    def __call__(self) -> str:
        deadline = time.monotonic() + DEADLINE_S
        while not self.let_go.is_set() and time.monotonic() < deadline:
            try:
                while not self.let_go.wait(0.001):
                    pass
            except SoftTimeLimitExceeded:
                self.told.set()
        self.ended.set()
        return "late"


@pytest.fixture
def pool() -> Iterator[ThreadsPool]:
    made = ThreadsPool(SLOTS)
    made.on_start()
    yield made
    made.on_stop()


def slots(pool: ThreadsPool) -> int:
    """How many jobs the pool runs at the same time."""
    together, release = threading.Semaphore(0), threading.Event()

    def work() -> None:
        together.release()
        release.wait(DEADLINE_S)

    jobs = [Job(pool, work) for _ in range(SLOTS + 1)]
    found = sum(together.acquire(timeout=DEADLINE_S) for _ in range(SLOTS))
    extra = together.acquire(timeout=0.05)
    release.set()
    for job in jobs:
        job.wait()
    return found + extra


@pytest.mark.parametrize("limits", [{}, {"timeout": 0.05}])
def test_a_caller_that_breaks_costs_no_slot(pool: ThreadsPool, limits: dict[str, float]) -> None:
    told = threading.Semaphore(0)

    def breaks(_value: Any) -> None:
        told.release()
        raise RuntimeError("who knows")

    for _ in range(SLOTS):
        pool.on_apply(
            busy if limits else int, (), {}, callback=breaks, error_callback=breaks, accept_callback=print, **limits
        )
        assert told.acquire(timeout=DEADLINE_S)
    assert slots(pool) == SLOTS


def test_what_returns_is_told_once_with_the_thread_that_ran_it(pool: ThreadsPool) -> None:
    ran: list[int] = []

    def work() -> str:
        ran.append(threading.get_ident())
        return "done"

    job = Job(pool, work).wait()
    assert job.results == ["done"]
    assert job.failures == []
    assert [job.accepted] == ran


def test_as_many_run_at_once_as_there_are_slots(pool: ThreadsPool) -> None:
    assert slots(pool) == SLOTS


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt(), MemoryError()])
def test_what_raises_is_told_and_its_slot_lives_on(pool: ThreadsPool, error: BaseException) -> None:
    def work() -> None:
        raise error

    jobs = [Job(pool, work).wait() for _ in range(SLOTS * 2)]
    assert all(job.failures == [error] and job.results == [] for job in jobs)
    assert slots(pool) == SLOTS


def test_a_soft_limit_is_raised_inside(pool: ThreadsPool) -> None:
    began = time.monotonic()
    job = Job(pool, busy, soft_timeout=0.05).wait()
    assert time.monotonic() - began >= 0.05
    assert [type(failure) for failure in job.failures] == [SoftTimeLimitExceeded]
    assert slots(pool) == SLOTS


def test_a_soft_limit_may_be_answered(pool: ThreadsPool) -> None:
    def work() -> str:
        try:
            busy()
        except SoftTimeLimitExceeded:
            return "tidied up"
        return "never"

    assert Job(pool, work, soft_timeout=0.05).wait().results == ["tidied up"]
    assert slots(pool) == SLOTS


def test_what_keeps_within_its_limits_is_left_alone(pool: ThreadsPool) -> None:
    jobs = [Job(pool, lambda: time.sleep(0.25), soft_timeout=30.0, timeout=60.0) for _ in range(SLOTS)]
    assert all(job.wait().results == [None] for job in jobs)


def test_a_hard_limit_ends_what_does_not_listen_and_gives_its_slot_to_another(pool: ThreadsPool) -> None:
    stubborn = [Stubborn() for _ in range(SLOTS)]
    jobs = [Job(pool, work, soft_timeout=0.05, timeout=1.5) for work in stubborn]
    for job, work in zip(jobs, stubborn, strict=True):
        job.wait()
        assert [type(failure) for failure in job.failures] == [TimeLimitExceeded]
        assert work.told.is_set()
        assert not work.ended.is_set()
    assert slots(pool) == SLOTS

    for work in stubborn:
        work.let_go.set()
    for job, work in zip(jobs, stubborn, strict=True):
        assert work.ended.wait(DEADLINE_S)
        assert (job.results, len(job.failures)) == ([], 1)
    assert slots(pool) == SLOTS


def test_a_hard_limit_is_kept_once_there_is_room_for_another_thread(
    pool: ThreadsPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, failed = pool._add_thread, threading.Event()

    def no_room() -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("can't start new thread")
        add()

    monkeypatch.setattr(pool, "_add_thread", no_room)
    stubborn = Stubborn()
    job = Job(pool, stubborn, timeout=0.01).wait()
    assert failed.is_set()
    assert [type(failure) for failure in job.failures] == [TimeLimitExceeded]
    stubborn.let_go.set()


def test_telling_raises_inside(pool: ThreadsPool) -> None:
    job = Job(pool, busy)
    assert job.begun.wait(DEADLINE_S)
    assert job.accepted
    pool.tell(job.accepted)
    assert [type(failure) for failure in job.wait().failures] == [SoftTimeLimitExceeded]
    pool.tell(job.accepted)
    assert slots(pool) == SLOTS


def test_terminating_ends_the_job_at_once_and_gives_its_slot_to_another(pool: ThreadsPool) -> None:
    stubborn = Stubborn()
    job = Job(pool, stubborn)
    assert job.begun.wait(DEADLINE_S)
    assert job.accepted
    pool.terminate_job(job.accepted)
    assert [type(failure) for failure in job.wait().failures] == [WorkerLostError]
    assert slots(pool) == SLOTS
    stubborn.let_go.set()
    assert stubborn.ended.wait(DEADLINE_S)
    assert job.results == []
    assert slots(pool) == SLOTS


@pytest.mark.parametrize("act", [ThreadsPool.tell, ThreadsPool.terminate_job])
def test_what_runs_nowhere_cannot_be_stopped(pool: ThreadsPool, act: Callable[[ThreadsPool, int], None]) -> None:
    job = Job(pool, lambda: "done").wait()
    assert job.accepted
    act(pool, job.accepted)
    act(pool, 12345)
    assert (job.results, job.failures) == (["done"], [])
    assert slots(pool) == SLOTS


def test_being_told_at_any_moment_costs_no_slot_and_no_answer(pool: ThreadsPool) -> None:
    stop = threading.Event()

    def tell_all() -> None:
        while not stop.is_set():
            for pid in list(pool._running):
                pool.tell(pid)

    telling = threading.Thread(target=tell_all)
    telling.start()
    try:
        jobs = [Job(pool, lambda: sum(range(200))) for _ in range(1500)]
        for job in jobs:
            job.wait()
    finally:
        stop.set()
        telling.join(DEADLINE_S)
    assert all(len(job.results) + len(job.failures) == 1 for job in jobs)
    assert {type(failure) for job in jobs for failure in job.failures} <= {SoftTimeLimitExceeded}
    assert slots(pool) == SLOTS


def test_the_pool_tells_what_it_runs(pool: ThreadsPool) -> None:
    release = threading.Event()
    job = Job(pool, lambda: release.wait(DEADLINE_S))
    assert job.begun.wait(DEADLINE_S)
    assert pool._get_info()["running"] == 1
    release.set()
    job.wait()
    wait_until(lambda: pool._get_info()["running"] == 0, DEADLINE_S)


def test_stopping_ends_idle_threads() -> None:
    before = set(threading.enumerate())
    pool = ThreadsPool(SLOTS)
    pool.on_start()
    mine = set(threading.enumerate()) - before
    assert len(mine) == SLOTS + 1
    pool.on_stop()
    for thread in mine:
        thread.join(DEADLINE_S)
    assert not any(thread.is_alive() for thread in mine)
