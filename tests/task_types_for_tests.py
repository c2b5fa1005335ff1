"""Task types that do what tests need. The service under test is told of them by `TASK_MODULES`.

A handler that is to be counted appends to a file what it did, on disk before it goes on: a witness outside the service.
"""

import ctypes
import json
import logging
import math
import os
import select
import signal
import threading
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from task_system import Context, Fail, Retry, RetryPolicy, Snooze, schedule, task_type

QUICKLY = RetryPolicy(max_attempts=3, base_s=0.05, jitter=False)
ONCE = RetryPolicy(max_attempts=1)
#: At most so long after a failure for want of something it is tried again, in seconds.
NEEDS_S = 15.0
#: Nobody waits longer for a test that has died.
GIVE_UP_S = 60.0


class Parameters(BaseModel):
    """Base of all: nothing unknown."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Parameters):
    """No parameters."""


class Anything(Parameters):
    """Any JSON."""

    value: Any = None


class Failures(Parameters):
    """How often to fail first."""

    times: int = 1


class Gate(Parameters):
    """A file to wait for."""

    gate: str = "/nonexistent"


class Witnessed(Parameters):
    """Where to say what happened, and how long it takes: some time, or until a file appears."""

    file: str = ""
    seconds: float = 0.0
    gate: str = "/"
    label: str = ""


class Lines(Parameters):
    """What to log, and what to wait for before the process dies or the attempt ends."""

    lines: list[str] = []
    gate: str = "/"
    times_to_fail: int = 0
    dies: bool = False


class Bytes(Parameters):
    """How much."""

    count: int = 1


class Done(BaseModel):
    """Which attempt made this result."""

    attempt: int
    lease_token: str


def _done(ctx: Context) -> Done:
    return Done(attempt=ctx.attempt, lease_token=str(ctx.lease_token))


def _witness(ctx: Context, parameters: Witnessed, what: str) -> None:
    if not parameters.file:
        return
    said = {
        "what": what,
        "task_id": str(ctx.task_id),
        "attempt": ctx.attempt,
        "lease_token": str(ctx.lease_token),
        "label": parameters.label,
        "time": time.time(),
    }
    descriptor = os.open(parameters.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, json.dumps(said).encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _wait_for(gate: str) -> None:
    deadline = time.monotonic() + GIVE_UP_S
    while not Path(gate).exists():
        if time.monotonic() > deadline:
            raise Fail(f"{gate} did not come")
        time.sleep(0.01)


@task_type("test_noop", retry=QUICKLY)
def noop(ctx: Context, _parameters: Nothing) -> Done:
    """Do nothing."""
    return _done(ctx)


schedule("test-declared", "test_noop", cron="0 4 1 1 *", timezone="Europe/Berlin")


@task_type("test_echo", retry=ONCE)
def echo(_ctx: Context, parameters: Anything) -> Any:
    """Answer what was sent."""
    return parameters.value


@task_type("test_witnessed", retry=QUICKLY)
def witnessed(ctx: Context, parameters: Witnessed) -> Done:
    """Work for a while; say so before and after."""
    _witness(ctx, parameters, "began")
    # `time.sleep` is an error under libfaketime once the clock has jumped.
    select.select([], [], [], parameters.seconds)
    _wait_for(parameters.gate)
    _witness(ctx, parameters, "done")
    return _done(ctx)


@task_type("test_gate", retry=ONCE)
def gate(ctx: Context, parameters: Gate) -> Done:
    """Wait until a file appears."""
    _wait_for(parameters.gate)
    return _done(ctx)


@task_type("test_slow_gate", retry=ONCE)
def slow_gate(ctx: Context, parameters: Gate) -> Done:
    """Wait until a file appears, and never be quick."""
    time.sleep(0.1)
    _wait_for(parameters.gate)
    return _done(ctx)


@task_type("test_progress", retry=ONCE)
def progress(ctx: Context, parameters: Gate) -> Done:
    """Be at 40 percent until a file appears."""
    ctx.progress(40, "nearly half", rows=12)
    _wait_for(parameters.gate)
    return _done(ctx)


@task_type("test_flaky", retry=QUICKLY)
def flaky(ctx: Context, parameters: Failures) -> Done:
    """Fail some times."""
    if ctx.attempt <= parameters.times:
        raise RuntimeError(f"failure {ctx.attempt}")
    return _done(ctx)


@task_type("test_needs", retry=RetryPolicy(max_attempts=100, base_s=NEEDS_S, cap_s=NEEDS_S))
def needs(ctx: Context, parameters: Gate) -> Done:
    """Fail while a file is there, as while what it needs is away; say when it was asked beside that file."""
    asked_at = time.time()
    if Path(parameters.gate).exists():
        raise RuntimeError("what it needs is away")
    with Path(f"{parameters.gate}.asked").open("a", encoding="utf-8") as file:
        file.write(f"{asked_at} {time.time()}\n")
    return _done(ctx)


@task_type("test_asks_to_retry", retry=RetryPolicy(max_attempts=2, base_s=600, cap_s=600))
def asks_to_retry(ctx: Context, _parameters: Nothing) -> Done:
    """Know better than the policy when to come again."""
    if ctx.attempt == 1:
        raise Retry("the other side is busy", delay_s=0.1)
    return _done(ctx)


@task_type("test_retry_in_ages", retry=QUICKLY)
def retry_in_ages(_ctx: Context, _parameters: Nothing) -> None:
    """Ask to come again in an hour."""
    raise Retry("the other side is busy", delay_s=3600)


@task_type("test_not_worth_a_retry", retry=RetryPolicy(max_attempts=5, not_for=(LookupError,)))
def not_worth_a_retry(_ctx: Context, _parameters: Nothing) -> None:
    """Fail with an error that the policy excludes."""
    raise KeyError("no such thing")


@task_type("test_fail", retry=RetryPolicy(max_attempts=5))
def fail(_ctx: Context, _parameters: Nothing) -> None:
    """Fail for good."""
    raise Fail("it cannot be done")


@task_type("test_snooze", retry=ONCE)
def snooze(ctx: Context, _parameters: Nothing) -> Done:
    """Come again, which costs nothing."""
    if ctx.attempt <= 2:
        raise Snooze(0.1, "not yet")
    return _done(ctx)


@task_type("test_too_slow", retry=ONCE, timeout_s=0.5)
def too_slow(_ctx: Context, parameters: Gate) -> None:
    """Run into the time limit."""
    _wait_for(parameters.gate)


@task_type("test_deaf", retry=ONCE, timeout_s=0.5)
def deaf(_ctx: Context, parameters: Gate) -> None:
    """Run into the time limit, and not listen."""
    deadline = time.monotonic() + GIVE_UP_S
    while not Path(parameters.gate).exists() and time.monotonic() < deadline:
        try:
            _wait_for(parameters.gate)
        except BaseException:
            continue


@task_type("test_asks", retry=ONCE)
def asks(ctx: Context, parameters: Witnessed) -> None:
    """Run until cancelled, and tidy up."""
    deadline = time.monotonic() + GIVE_UP_S
    try:
        while time.monotonic() < deadline:
            ctx.check_cancelled()
            time.sleep(0.01)
    finally:
        _witness(ctx, parameters, "tidied up")


@task_type("test_deaf_to_cancels", retry=ONCE, cancel_grace_s=0.5)
def deaf_to_cancels(ctx: Context, parameters: Gate) -> None:
    """Be cancelled, and not listen."""
    deaf(ctx, parameters)


@task_type("test_exit", retry=RetryPolicy(max_attempts=10))
def exit_process(_ctx: Context, _parameters: Nothing) -> None:
    """End the process it runs in."""
    os._exit(3)


@task_type("test_segfault", retry=RetryPolicy(max_attempts=10))
def segfault(_ctx: Context, _parameters: Nothing) -> None:
    """Crash in native code."""
    ctypes.string_at(0)


@task_type("test_logs", retry=QUICKLY)
def logs(ctx: Context, parameters: Lines) -> None:
    """Log in every way there is."""
    for line in parameters.lines:
        ctx.log.info("%s", line)
    thread = threading.Thread(target=logging.getLogger("elsewhere").warning, args=("in a thread",))
    thread.start()
    thread.join()
    logging.getLogger("library").debug("too quiet")
    logging.getLogger("library").warning("attempt %d", ctx.attempt)
    _wait_for(parameters.gate)
    if parameters.dies:
        os.kill(os.getpid(), signal.SIGKILL)
    if ctx.attempt <= parameters.times_to_fail:
        raise RuntimeError("not yet")


@task_type("test_allocate", retry=ONCE)
def allocate(_ctx: Context, parameters: Bytes) -> int:
    """Answer with much."""
    return len(bytes(parameters.count))


@task_type("test_large_result", retry=ONCE)
def large_result(_ctx: Context, parameters: Bytes) -> str:
    """Answer with a long text."""
    return "x" * parameters.count


@task_type("test_makes_files", retry=QUICKLY)
def makes_files(ctx: Context, parameters: Failures) -> str:
    """Make a file, and fail some times."""
    with ctx.create_file(f"made by attempt {ctx.attempt}.txt") as made:
        made.stream.write(b"hello")
    if ctx.attempt <= parameters.times:
        raise RuntimeError(f"failure {ctx.attempt}")
    return str(made.file_id)


@task_type("test_unserialisable", retry=ONCE)
def unserialisable(_ctx: Context, _parameters: Nothing) -> Any:
    """Answer what is no JSON."""
    return object()


class Depth(BaseModel):
    """How deep, and where."""

    levels: int = 1
    said: bool = False


@task_type("test_deep", retry=ONCE)
def deep(ctx: Context, parameters: Depth) -> Any:
    """Answer a list in a list in a list …; or say it of the progress."""
    made = json.loads("[" * parameters.levels + "]" * parameters.levels)
    if not parameters.said:
        return made
    ctx.progress(50, "deep", made=made)
    return None


class Number(BaseModel):
    """Of what."""

    of: int = 20


@task_type("test_factorial", retry=ONCE)
def factorial(_ctx: Context, parameters: Number) -> int:
    """Answer a number that no machine word has room for."""
    return math.factorial(parameters.of)


@task_type("test_nul", retry=ONCE)
def nul(_ctx: Context, parameters: Anything) -> Any:
    """Say what PostgreSQL cannot store: a NUL, in a result or an error."""
    if parameters.value == "error":
        raise RuntimeError("before\0after")
    return {"text": "before\0after"}
