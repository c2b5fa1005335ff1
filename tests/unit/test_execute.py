"""One attempt: whatever a handler does, there is exactly one end, and it says what happened."""

import logging
import sys
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from pydantic import BaseModel, field_validator

from task_system.dispatch.filing import Filing
from task_system.files import LocalBlobs
from task_system.model.backoff import LONGEST_DELAY_S
from task_system.model.outcome import AttemptEnd
from task_system.registry import Cancelled, Context, Fail, Registry, Retry, RetryPolicy, Snooze, task_type
from task_system.store.task_logs import TaskLogs
from task_system.worker import execute, runtime
from task_system.worker.context import EVERY_S, WorkerContext
from task_system.worker.execute import out_of_time, run_attempt, worker_lost
from task_system.worker.job import Job
from task_system.worker.runtime import Runtime, set_runtime
from task_system.worker.task_log import TaskLog
from tests.contract.kit import Store


class Number(BaseModel):
    n: int = 1


class Result(BaseModel):
    day: date


class Worker:
    """A process that runs attempts of one type, and the task that it runs."""

    def __init__(self, store: Store, data_dir: Path) -> None:
        self.store = store
        self.registry = Registry()
        set_runtime(
            Runtime(
                registry=self.registry,
                database=store.database,
                leases=store.leases,
                data_dir=data_dir,
                filing=Filing(LocalBlobs(data_dir / "blobs"), store.files, max_bytes=1_000_000, keep_s=60.0),
                task_log=TaskLog(TaskLogs(store.database)),
                resources={int: 7},
            )
        )
        self.lease = store.start(max_attempts=3)

    def job(self, **changed: Any) -> Job:
        values: dict[str, Any] = {
            "task_id": self.lease.id,
            "task_type": "it",
            "parameters": '{"n": 2}',
            "attempt": 1,
            "charged_attempts": 1,
            "max_attempts": 3,
            "lease_token": self.lease.lease_token,
            "timeout_s": 60.0,
        }
        return Job(**(values | changed))

    def run(
        self, handler: Any, *, retry: RetryPolicy | None = None, job_timeout_s: float = 60.0, **changed: Any
    ) -> AttemptEnd:
        """What becomes of an attempt of a type with this handler; its end is one that the store takes."""
        task_type("it", registry=self.registry, retry=retry)(handler)
        end, seconds = run_attempt(self.job(timeout_s=job_timeout_s, **changed))
        assert seconds >= 0
        recorded = self.store.finish(self.lease, end)
        assert recorded
        assert recorded.state is end.state
        return end


@pytest.fixture
def worker(sqlite: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setattr(runtime, "_current", None)
    return Worker(sqlite, tmp_path)


def raising(error: BaseException) -> Any:
    def it(ctx: Context, parameters: Number) -> None:
        raise error

    return it


# Ends.


def test_a_result_is_written_as_its_annotation_says(worker: Worker) -> None:
    def it(ctx: Context, parameters: Number) -> Result:
        return Result(day=date(2024, 2, parameters.n))

    assert worker.run(it) == AttemptEnd(outcome="success", result='{"day":"2024-02-02"}')


@pytest.mark.parametrize(("value", "result"), [(None, "null"), ({"a": [1, "ü"]}, '{"a":[1,"ü"]}'), (1.5, "1.5")])
def test_a_result_without_annotation_is_written_as_json(worker: Worker, value: Any, result: str) -> None:
    def it(ctx, parameters: Number):  # type: ignore[no-untyped-def]
        return value

    assert worker.run(it) == AttemptEnd(outcome="success", result=result)


def test_a_result_that_is_no_json_is_an_error_of_the_handler(worker: Worker) -> None:
    def it(ctx: Context, parameters: Number) -> Any:
        return object()

    end = worker.run(it)
    assert (end.outcome, end.error_type) == ("retry", "PydanticSerializationError")


def test_an_exception_is_retried_by_the_policy(worker: Worker) -> None:
    end = worker.run(raising(ValueError("not today")), retry=RetryPolicy(base_s=4, jitter=False), charged_attempts=2)
    assert (end.outcome, end.delay_s) == ("retry", 8.0)
    assert (end.error_type, end.error_message) == ("ValueError", "not today")
    assert end.error_traceback
    assert "ValueError: not today" in end.error_traceback
    assert "in it" in end.error_traceback
    assert "worker/execute.py" not in end.error_traceback


def test_an_exception_of_the_last_attempt_is_a_failure(worker: Worker) -> None:
    end = worker.run(raising(ValueError("never")), charged_attempts=3)
    assert (end.outcome, end.delay_s, end.error_type, end.error_message) == ("failure", None, "ValueError", "never")


def test_an_exception_that_another_attempt_cannot_mend_is_a_failure(worker: Worker) -> None:
    end = worker.run(raising(FileNotFoundError("gone")), retry=RetryPolicy(not_for=(OSError,)))
    assert (end.outcome, end.error_type) == ("failure", "FileNotFoundError")
    assert end.error_traceback


@pytest.mark.parametrize(
    ("error", "outcome", "delay_s"),
    [
        (Retry("come back", delay_s=12.5), "retry", 12.5),
        (Retry("come back", delay_s=-3), "retry", 0.0),
        (Retry("come back", delay_s=float("inf")), "retry", LONGEST_DELAY_S),
        (Retry("come back", delay_s=float("nan")), "retry", 0.0),
        (Snooze(7), "snoozed", 7.0),
        (Snooze(1e300, "come back"), "snoozed", LONGEST_DELAY_S),
        (Fail("come back"), "failure", None),
        (Cancelled(), "cancelled", None),
    ],
)
def test_a_named_outcome_is_the_end(worker: Worker, error: Exception, outcome: str, delay_s: float | None) -> None:
    end = worker.run(raising(error))
    assert (end.outcome, end.delay_s) == (outcome, delay_s)
    assert (end.error_type, end.error_message) == (type(error).__name__, str(error))
    assert bool(end.error_traceback) == isinstance(error, Retry | Fail)


def test_a_retry_without_a_time_waits_as_the_policy_says(worker: Worker) -> None:
    assert worker.run(raising(Retry("later")), retry=RetryPolicy(base_s=3, jitter=False)).delay_s == 3.0


def test_a_retry_after_the_last_attempt_is_a_failure(worker: Worker) -> None:
    end = worker.run(raising(Retry("later", delay_s=1)), charged_attempts=3)
    assert (end.outcome, end.delay_s, end.error_message) == ("failure", None, "later")


def test_a_snooze_costs_no_attempt_even_after_the_last(worker: Worker) -> None:
    end = worker.run(raising(Snooze(1)), charged_attempts=3)
    assert (end.outcome, end.charged) == ("snoozed", False)


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), MemoryError(), RecursionError("deep"), GeneratorExit()]
)
def test_not_even_what_ends_programs_ends_the_worker(worker: Worker, error: BaseException) -> None:
    end = worker.run(raising(error))
    assert (end.outcome, end.error_type) == ("retry", type(error).__name__)


def test_a_handler_that_exits_ends_its_attempt_alone(worker: Worker) -> None:
    def it(ctx: Context, parameters: Number) -> None:
        sys.exit("enough")

    assert worker.run(it).error_message == "enough"


def test_an_error_that_cannot_be_shown_is_an_end_as_well(worker: Worker) -> None:
    class Shy(Exception):
        def __str__(self) -> str:
            raise RuntimeError("cannot be shown")

    assert worker.run(raising(Shy())).outcome == "retry"


@pytest.mark.parametrize(
    ("message", "stored"),
    [("a\0b", "a\N{REPLACEMENT CHARACTER}b"), ("half \ud83c", "half ?"), ("snow ☃ 🎉", "snow ☃ 🎉"), ("", "")],
)
def test_messages_that_databases_refuse_are_mended(worker: Worker, message: str, stored: str) -> None:
    end = worker.run(raising(ValueError(message)))
    assert end.error_message == stored
    assert end.error_traceback
    assert "\0" not in end.error_traceback
    task = worker.store.reading.task(worker.lease.id)
    assert (task.error_message, task.error_traceback) == (stored, end.error_traceback)


def test_long_messages_are_cut_in_the_middle(worker: Worker) -> None:
    end = worker.run(raising(ValueError("a" * 500_000 + "z")))
    assert end.error_message
    assert end.error_traceback
    assert len(end.error_message) < execute.LONGEST_MESSAGE + 100
    assert len(end.error_traceback) < execute.LONGEST_TRACEBACK + 100
    assert end.error_message.endswith("az")
    assert "characters left out" in end.error_message


def test_a_soft_time_limit_is_retried_as_what_it_is(worker: Worker) -> None:
    end = worker.run(raising(SoftTimeLimitExceeded()), job_timeout_s=1e-6)
    assert (end.outcome, end.error_type) == ("retry", "TimeLimitExceeded")
    assert end.error_message == "The attempt ran longer than 1e-06 s."
    assert end.error_traceback
    assert "in it" in end.error_traceback


def test_an_attempt_that_is_stopped_in_place_of_another_runs_again(worker: Worker) -> None:
    end = worker.run(raising(SoftTimeLimitExceeded()))
    assert (end.outcome, end.error_type, end.delay_s) == ("handed_back", "Interrupted", 0.0)


def test_an_attempt_that_was_told_to_stop_for_a_cancel_is_cancelled(worker: Worker) -> None:
    worker.store.request_cancel(worker.lease.id)
    end = worker.run(raising(SoftTimeLimitExceeded()))
    assert (end.outcome, end.error_type, end.error_message) == ("cancelled", "Cancelled", "cancelled while running")


# Before the handler.


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ('{"n": "x"}', "parameters.n must be a whole number"),
        ("[]", "parameters must be an object"),
        ("not json", "parameters Invalid JSON"),
    ],
)
def test_parameters_that_no_longer_validate_are_a_failure(worker: Worker, parameters: str, said: str) -> None:
    ran = []

    def it(ctx: Context, parameters: Number) -> None:
        ran.append(parameters)

    end = worker.run(it, parameters=parameters)
    assert (end.outcome, end.error_type, ran) == ("failure", "InvalidParameters", [])
    assert end.error_message
    assert end.error_message.startswith(said)


def test_a_validator_that_breaks_is_a_failure(worker: Worker) -> None:
    class Picky(BaseModel):
        n: int = 1

        @field_validator("n", mode="before")
        @classmethod
        def _check(cls, value: object) -> object:
            if value == 2:
                raise KeyError("a mistake in the model")
            return value

    def it(ctx: Context, parameters) -> None: ...  # type: ignore[no-untyped-def]

    it.__annotations__["parameters"] = Picky
    end = worker.run(it)
    assert (end.outcome, end.error_type) == ("failure", "KeyError")


def test_a_time_limit_while_parameters_are_read_is_no_fault_of_theirs(worker: Worker) -> None:
    class Slow(BaseModel):
        n: int = 1

        @field_validator("n", mode="before")
        @classmethod
        def _check(cls, value: object) -> object:
            if value == 2:
                raise SoftTimeLimitExceeded
            return value

    def it(ctx: Context, parameters) -> None: ...  # type: ignore[no-untyped-def]

    it.__annotations__["parameters"] = Slow
    end = worker.run(it)
    assert (end.outcome, end.error_type) == ("retry", "SoftTimeLimitExceeded")


def test_a_type_that_this_worker_does_not_know_is_a_failure(worker: Worker) -> None:
    end, _ = run_attempt(worker.job(task_type="unheard_of"))
    assert (end.outcome, end.error_type) == ("failure", "UnknownTaskType")


def test_without_a_runtime_the_attempt_is_retried_elsewhere(monkeypatch: pytest.MonkeyPatch, worker: Worker) -> None:
    monkeypatch.setattr(runtime, "_current", None)
    end, _ = run_attempt(worker.job())
    assert (end.outcome, end.error_type) == ("retry", "RuntimeError")


# The context.


def test_a_handler_is_told_what_it_runs(worker: Worker, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told: list[Context] = []

    def it(ctx: Context, parameters: Number) -> int:
        told.append(ctx)
        ctx.log.warning("half way")
        with pytest.raises(LookupError, match="without a str"):
            ctx.resource(str)
        return ctx.resource(int)

    with caplog.at_level(logging.WARNING):
        assert worker.run(it, attempt=2).result == "7"
    (ctx,) = told
    assert (ctx.task_id, ctx.task_type, ctx.attempt, ctx.max_attempts) == (worker.lease.id, "it", 2, 3)
    assert (ctx.lease_token, ctx.data_dir) == (worker.lease.lease_token, tmp_path)
    assert ("task.it", "half way") in [(record.name, record.message) for record in caplog.records]


def test_progress_is_shown_at_once_and_the_last_word_with_the_end(worker: Worker) -> None:
    seen = []

    def it(ctx: Context, parameters: Number) -> None:
        ctx.progress(10, "begun", rows=1)
        seen.append(worker.store.reading.task(ctx.task_id).progress_percent)
        for percent in range(11, 90):
            ctx.progress(percent, "going on", rows=percent)
        seen.append(worker.store.reading.task(ctx.task_id).progress_percent)
        raise Fail("stuck")

    end = worker.run(it)
    assert seen == [10.0, 10.0]
    assert (end.progress_percent, end.progress_message, end.progress_fields) == (89.0, "going on", {"rows": 89})
    assert worker.store.reading.task(worker.lease.id).progress_percent == 89.0


@pytest.mark.parametrize(
    ("said", "percent"), [(-5, 0.0), (130, 100.0), (float("nan"), 0.0), (float("inf"), 100.0), (33.3, 33.3)]
)
def test_a_percentage_is_from_0_to_100(worker: Worker, said: float, percent: float) -> None:
    def it(ctx: Context, parameters: Number) -> None:
        ctx.progress(said)

    assert worker.run(it).progress_percent == percent


def test_progress_that_databases_refuse_is_mended(worker: Worker) -> None:
    def it(ctx: Context, parameters: Number) -> None:
        ctx.progress(1, "a\0b \ud83c" + "x" * 100_000, file="c\0d", day=date(2024, 2, 29))

    end = worker.run(it)
    assert end.outcome == "success"
    assert end.progress_message
    assert end.progress_message.startswith("a\N{REPLACEMENT CHARACTER}b ?")
    assert len(end.progress_message) < 2000
    assert end.progress_fields == {"file": "c\N{REPLACEMENT CHARACTER}d", "day": "2024-02-29"}


def test_progress_that_is_no_json_is_an_error_of_the_handler(worker: Worker) -> None:
    def it(ctx: Context, parameters: Number) -> None:
        ctx.progress(1, file=Path("x"))

    end = worker.run(it)
    assert (end.outcome, end.error_type) == ("retry", "TypeError")


@pytest.mark.parametrize("call", [lambda ctx: ctx.progress(5), lambda ctx: ctx.check_cancelled()])
def test_a_cancel_stops_the_handler_at_its_next_call(worker: Worker, call: Any) -> None:
    def it(ctx: Context, parameters: Number) -> None:
        worker.store.request_cancel(ctx.task_id)
        call(ctx)

    assert worker.run(it).outcome == "cancelled"


@pytest.mark.parametrize("call", [lambda ctx: ctx.progress(5), lambda ctx: ctx.check_cancelled()])
def test_a_lost_lease_stops_the_handler_at_its_next_call(worker: Worker, call: Any) -> None:
    def it(ctx: Context, parameters: Number) -> None:
        call(ctx)

    task_type("it", registry=worker.registry)(it)
    end, _ = run_attempt(worker.job(lease_token=uuid4()))
    assert end.outcome == "cancelled"
    assert end.error_message
    assert "lease of this attempt was lost" in end.error_message


def test_the_store_is_asked_about_once_a_second(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("task_system.worker.context.time.monotonic", lambda: now[0])
    context = worker_context(worker)
    context.check_cancelled()
    worker.store.request_cancel(worker.lease.id)
    context.check_cancelled()
    now[0] += EVERY_S
    with pytest.raises(Cancelled):
        context.check_cancelled()


def test_a_store_that_is_away_does_not_stop_an_attempt(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    context = worker_context(worker)
    worker.store.database.close()
    Path(str(worker.store.database.engine.url.database)).parent.rename(context.data_dir / "elsewhere")
    with caplog.at_level(logging.WARNING):
        context.progress(5, "going on")
    assert context.said == (5.0, "going on", None)
    assert "could not be stored" in caplog.text
    assert context.cancel_was_requested() is False


def worker_context(worker: Worker) -> WorkerContext:
    return runtime.runtime().context(worker.job())


# Ends that the attempt itself could not report.


def test_an_attempt_that_was_killed_at_its_time_limit(worker: Worker) -> None:
    policy = RetryPolicy(base_s=5, jitter=False)
    end = out_of_time(worker.job(), policy, 2.5)
    assert (end.outcome, end.delay_s, end.error_type) == ("retry", 5.0, "TimeLimitExceeded")
    assert end.error_message == "The attempt ran longer than 2.5 s, did not stop when told to, and was killed."
    assert out_of_time(worker.job(charged_attempts=3), policy, 2.5).outcome == "failure"


@pytest.mark.parametrize(
    ("lost_leases", "charged", "outcome", "error_type"),
    [
        (1, 1, "lost", "WorkerLost"),
        (2, 2, "lost", "WorkerLost"),
        (1, 3, "failure", "WorkerLost"),
        (3, 1, "failure", "PoisonTask"),
    ],
)
def test_an_attempt_whose_process_died(
    worker: Worker, lost_leases: int, charged: int, outcome: str, error_type: str
) -> None:
    end = worker_lost(worker.job(charged_attempts=charged), "exit code 139", lost_leases=lost_leases)
    assert (end.outcome, end.error_type) == (outcome, error_type)
    assert end.error_message
    assert end.error_message.startswith("exit code 139")
    assert (end.delay_s is None) == (outcome == "failure")
    assert worker.store.finish(worker.lease, end)
