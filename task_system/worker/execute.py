"""One attempt, from its parameters to its end. Runs in a pool's process or thread; sees no broker.

A pipeline of small steps over one Job. Whatever a handler does, there is exactly one AttemptEnd.
"""

import time
import traceback
from dataclasses import replace
from typing import Any

import orjson
from billiard.exceptions import SoftTimeLimitExceeded
from pydantic import ValidationError

from task_system.dispatch.findings import errors_of
from task_system.failpoints import failpoint
from task_system.model.backoff import LONGEST_DELAY_S
from task_system.model.file import RESULT_MAX_BYTES
from task_system.model.outcome import LOST_DELAY_S, POISON_AFTER, AttemptEnd
from task_system.model.text import storable
from task_system.registry import Cancelled, Fail, Retry, RetryPolicy, Snooze, TaskType
from task_system.worker.context import WorkerContext
from task_system.worker.job import Job
from task_system.worker.runtime import Runtime, runtime

#: Longer texts are cut in the middle.
LONGEST_MESSAGE = 10_000
LONGEST_TRACEBACK = 50_000
#: An attempt stopped before this much of its time had passed was not stopped for its time.
IN_TIME = 0.8


class TimeLimitExceeded(Exception):
    """The attempt ran longer than its task type allows."""


def run_attempt(job: Job) -> tuple[AttemptEnd, float]:
    """Perform an attempt; answers its end and how long it took, in seconds. Never raises."""
    started = time.perf_counter()
    try:
        end = _perform(runtime(), job)
    except BaseException as error:  # noqa: BLE001 - SystemExit in a handler ends the attempt, not the worker
        end = _raised(RetryPolicy(), job, error)
    return end, time.perf_counter() - started


def _perform(here: Runtime, job: Job) -> AttemptEnd:
    try:
        task_type = here.registry.get(job.task_type)
        parameters = task_type.parameters.model_validate_json(job.parameters)
    except ValidationError as error:
        # The type changed since the task was accepted: another attempt would fail alike.
        wrong = errors_of(error, _read(job.parameters), "parameters")
        return _ended("failure", "InvalidParameters", "; ".join(f"{one['path']} {one['message']}" for one in wrong))
    except SoftTimeLimitExceeded:
        raise  # the parameters may be right
    except Exception as error:  # noqa: BLE001 - a model's own validators may raise anything
        return _ended("failure", type(error).__name__, str(error))
    context = here.context(job)
    with here.task_log.attempt(job.task_id, job.attempt):
        end = _handled(task_type, context, parameters, job)
    context.files.close(succeeded=end.outcome == "success")
    if context.said is None:
        return end
    percent, message, fields = context.said
    return replace(end, progress_percent=percent, progress_message=message, progress_fields=fields)


def _read(parameters: str) -> Any:
    try:
        return orjson.loads(parameters)
    except orjson.JSONDecodeError:
        return None


def _handled(task_type: TaskType, context: WorkerContext, parameters: Any, job: Job) -> AttemptEnd:
    started = time.monotonic()
    try:
        failpoint("child.before_handler")
        result = task_type.handler(context, parameters)
        failpoint("child.after_handler")
        return _returned(context, task_type.result.dump_json(result))
    except SoftTimeLimitExceeded as error:
        if context.cancel_was_requested():
            return _ended("cancelled", "Cancelled", "cancelled while running")
        if time.monotonic() - started < job.timeout_s * IN_TIME:
            # Meant for an attempt that ended in the same moment; this one begins anew, and costs nothing.
            return _ended("handed_back", "Interrupted", "stopped by mistake, with an earlier attempt", delay_s=0.0)
        late = TimeLimitExceeded(f"The attempt ran longer than {job.timeout_s:g} s.")
        return _raised(task_type.retry, job, late.with_traceback(error.__traceback__))
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the attempt's end
        return _raised(task_type.retry, job, error)


def _returned(context: WorkerContext, result: bytes) -> AttemptEnd:
    """A success. A large result is safe before the task is over."""
    if len(result) <= RESULT_MAX_BYTES:
        return AttemptEnd(outcome="success", result=result.decode(), made_files=context.files.made)
    context.files.keep_result(result)
    return AttemptEnd(outcome="success", result_size=len(result), made_files=True)


def _raised(policy: RetryPolicy, job: Job, error: BaseException) -> AttemptEnd:
    """What an exception of a handler means."""
    kind, message, trace = type(error).__name__, str(error), _traceback_of(error)
    match error:
        case Cancelled():
            return _ended("cancelled", kind, message)
        case Snooze(delay_s=delay_s):
            return _ended("snoozed", kind, message, delay_s=delay_s)
        case Fail():
            return _ended("failure", kind, message, trace)
        case Retry(delay_s=delay_s):
            return _retry(policy, job, (kind, message, trace), delay_s)
        case _ if isinstance(error, policy.not_for):
            return _ended("failure", kind, message, trace)
        case _:
            return _retry(policy, job, (kind, message, trace), None)


def _retry(policy: RetryPolicy, job: Job, error: tuple[str, str, str], delay_s: float | None) -> AttemptEnd:
    if job.charged_attempts >= job.max_attempts:
        return _ended("failure", *error)
    return _ended("retry", *error, delay_s=policy.delay_s(job.charged_attempts) if delay_s is None else delay_s)


def out_of_time(job: Job, policy: RetryPolicy, timeout_s: float) -> AttemptEnd:
    """The end of an attempt that did not stop at its time limit and was killed."""
    message = f"The attempt ran longer than {timeout_s:g} s, did not stop when told to, and was killed."
    return _retry(policy, job, ("TimeLimitExceeded", message, ""), None)


def worker_lost(job: Job, message: str, *, lost_leases: int) -> AttemptEnd:
    """The end of an attempt whose process died under it. `lost_leases`: how many the task has now lost."""
    if lost_leases >= POISON_AFTER:
        return _ended("failure", "PoisonTask", f"{message} This task lost its worker {lost_leases} times.")
    if job.charged_attempts >= job.max_attempts:
        return _ended("failure", "WorkerLost", message)
    return _ended("lost", "WorkerLost", message, delay_s=LOST_DELAY_S)


def _ended(
    outcome: str, error_type: str, message: str, trace: str | None = None, *, delay_s: float | None = None
) -> AttemptEnd:
    return AttemptEnd(
        outcome=outcome,
        delay_s=min(max(0.0, delay_s), LONGEST_DELAY_S) if delay_s is not None else None,
        error_type=error_type,
        error_message=storable(message, LONGEST_MESSAGE),
        error_traceback=storable(trace, LONGEST_TRACEBACK) if trace else None,
    )


def _traceback_of(error: BaseException) -> str:
    """The traceback from the handler's own frame on."""
    frames: Any = error.__traceback__
    if frames is not None and frames.tb_frame.f_code is _handled.__code__ and frames.tb_next is not None:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))
