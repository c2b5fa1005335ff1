"""Files of an attempt, in a worker: kept when it succeeds, gone when it does not, whatever it leaves behind."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from task_system import Context, Fail
from task_system.dispatch.filing import Filing
from task_system.files import Blobs
from task_system.model.errors import FileNotFound, FilesUnavailable
from task_system.model.file import RESULT_MAX_BYTES
from task_system.model.outcome import AttemptEnd
from task_system.registry import Registry, RetryPolicy, task_type
from task_system.store.leases import Claimed
from task_system.store.task_logs import TaskLogs
from task_system.worker.execute import run_attempt
from task_system.worker.job import Job
from task_system.worker.runtime import Runtime, set_runtime
from task_system.worker.task_log import TaskLog
from tests.contract.kit import Store

Handle = Callable[[Context], Any]


class Nothing(BaseModel):
    pass


class Worker:
    def __init__(self, store: Store, blobs: Blobs, data_dir: Path) -> None:
        self.store = store
        self.blobs = blobs
        self.filing = Filing(blobs, store.files, max_bytes=1_000_000, keep_s=60.0)
        self.lease: Claimed = store.start()
        self._registry = Registry()
        set_runtime(
            Runtime(
                registry=self._registry,
                database=store.database,
                leases=store.leases,
                data_dir=data_dir,
                filing=self.filing,
                task_log=TaskLog(TaskLogs(store.database)),
            )
        )

    def attempt(self, handle: Handle) -> AttemptEnd:
        """Run one attempt and record its end."""

        def it(ctx: Context, _parameters: Nothing) -> Any:
            return handle(ctx)

        self._registry._types.clear()
        task_type("it", registry=self._registry, retry=RetryPolicy(base_s=0))(it)
        lease = self.lease
        job = Job(lease.id, "it", "{}", lease.attempt, lease.charged_attempts, 3, lease.lease_token, 60.0)
        end, _ = run_attempt(job)
        self.store.finish(lease, end)
        return end

    def again(self) -> None:
        """The next attempt."""
        lease = self.store.claim(self.lease.id, self.store.row(self.lease.id)["dispatch_no"])
        assert lease
        self.lease = lease

    def blobs_there(self) -> int:
        return len(list(self.blobs.older_than(-60)))


@pytest.fixture
def worker(sqlite: Store, blobs: Blobs, tmp_path: Path) -> Worker:
    return Worker(sqlite, blobs, tmp_path)


def write(ctx: Context, content: bytes = b"abc", name: str = "out.txt") -> str:
    with ctx.create_file(name) as made:
        made.stream.write(content)
    return str(made.file_id)


def test_what_a_success_made_is_the_task_s(worker: Worker) -> None:
    content = os.urandom(1_000_000)
    end = worker.attempt(lambda ctx: write(ctx, content, "a/b.bin"))
    assert (end.outcome, end.made_files) == ("success", True)
    [file] = worker.store.reading.task(worker.lease.id).files
    assert (file.name, file.size, str(file.id)) == ("b.bin", len(content), orjson.loads(end.result or ""))
    assert b"".join(worker.filing.content(file)) == content
    assert list(worker.blobs.prepare().iterdir()) == []


def test_the_digest_is_right_of_what_is_not_written_in_order(worker: Worker) -> None:
    def handle(ctx: Context) -> None:
        with ctx.create_file("a") as made:
            made.stream.write(b"x" * 600_000)
            made.stream.seek(10)
            made.stream.write(b"y" * 10)

    worker.attempt(handle)
    [file] = worker.store.reading.task(worker.lease.id).files
    uploaded = worker.filing.take("b", [b"x" * 10 + b"y" * 10 + b"x" * 599_980])
    assert file.sha256 == uploaded.sha256


@pytest.mark.parametrize("error", [Fail("no"), RuntimeError("no"), KeyboardInterrupt()])
def test_nothing_is_left_of_an_attempt_that_fails(worker: Worker, error: BaseException) -> None:
    def handle(ctx: Context) -> None:
        write(ctx)
        with ctx.create_file("half") as made:
            made.stream.write(b"x")
            raise error

    assert worker.attempt(handle).outcome in {"failure", "retry"}
    assert (worker.blobs_there(), worker.store.files.discarded(10, None)[0]) == (0, [])
    assert list(worker.blobs.prepare().iterdir()) == []


def test_a_retry_leaves_no_duplicates(worker: Worker) -> None:
    def fails(ctx: Context) -> None:
        write(ctx)
        raise RuntimeError

    worker.attempt(fails)
    worker.again()
    worker.attempt(write)
    assert len(worker.store.reading.task(worker.lease.id).files) == worker.blobs_there() == 1


def test_an_attempt_reads_what_was_uploaded_and_what_it_made(worker: Worker) -> None:
    uploaded = worker.filing.take("up.txt", [b"hello"]).id

    def handle(ctx: Context) -> list[Any]:
        with ctx.open_file(uploaded) as stream:
            stream.seek(1)
            first = stream.read().decode()
        path = ctx.local_path(uploaded)
        with ctx.create_file("mine") as made:
            made.stream.write(b"mine")
        with ctx.open_file(made.file_id) as stream:
            return [first, path.name, path.read_text(), stream.read().decode(), ctx.file_info(uploaded).size]

    assert orjson.loads(worker.attempt(handle).result or "") == ["ello", "up.txt", "hello", "mine", 5]
    assert list(worker.blobs.prepare().iterdir()) == []
    assert b"".join(worker.filing.content(worker.store.files.get(uploaded))) == b"hello"


def test_a_file_that_is_gone_fails_the_task_in_words(worker: Worker) -> None:
    gone = worker.filing.take("up.txt", [b"hello"])
    worker.filing.remove(gone.id)
    end = worker.attempt(lambda ctx: ctx.open_file(gone.id).__enter__())
    assert (end.outcome, end.error_type) == ("failure", "Fail")
    assert f"There is no file `{gone.id}`" in str(end.error_message)


def test_a_store_that_is_away_is_tried_again(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: object) -> None:
        raise FilesUnavailable

    monkeypatch.setattr(worker.blobs, "adopt", away)
    assert worker.attempt(write).outcome == "retry"


@pytest.mark.parametrize("size", [RESULT_MAX_BYTES - 2, RESULT_MAX_BYTES - 1])
def test_a_large_result_is_a_blob(worker: Worker, size: int) -> None:
    end = worker.attempt(lambda _ctx: "x" * size)
    large = size + 2 > RESULT_MAX_BYTES
    assert (end.outcome, end.result is None, end.made_files) == ("success", large, large)
    task = worker.store.reading.task(worker.lease.id)
    assert (task.result is None, task.result_size, task.files) == (large, size + 2 if large else None, [])
    if large:
        content = b"".join(worker.filing.content(worker.store.files.result_of(task.id)))
        assert orjson.loads(content) == "x" * size


def test_a_large_result_of_a_lost_attempt_is_no_result(worker: Worker) -> None:
    worker.store.expire_lease(worker.lease.id)
    worker.store.upkeep.rescue(10, poison_after=3, delay_s=0.0)
    worker.attempt(lambda _ctx: "x" * RESULT_MAX_BYTES)
    with pytest.raises(FileNotFound):
        worker.store.files.result_of(worker.lease.id)
    [lost], _ = worker.store.files.discarded(10, None)
    assert list(worker.blobs.older_than(-60)) == [lost]
