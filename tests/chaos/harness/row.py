"""One row of the failure matrix: a fault comes, load goes on, the fault goes, and everything is counted.

    @row("F8", "RabbitMQ is stopped and started again", promise=..., tells="broker")
    def test_rabbitmq_restarts(system: System) -> Steps:
        system.servers.rabbitmq.stop()
        yield                       # under the fault: load goes on, health is asked
        system.servers.rabbitmq.start()

What stands behind a second `yield`, which answers the verdict, is asserted of this row alone.
"""

import functools
import inspect
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from task_system.failpoints import POINTS
from tests.chaos.harness.draining import Draining, slow
from tests.chaos.harness.load import Load, Promises
from tests.chaos.harness.oracle import Oracle, Verdict
from tests.chaos.harness.report import Outcome, record
from tests.chaos.harness.system import System
from tests.integration.service import wait_until
from tests.integration.witness import Witness
from tests.standstill import ran_s

#: From the end of the fault until everything is over, and until health tells of a fault, in seconds.
CONVERGES_S, TELLS_S = 60.0, 15.0
#: No request takes longer, whatever is broken, in seconds.
HANGS_S = 8.0

Steps = Generator[None, Verdict, None]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is known of a row before it is run."""

    number: str
    fault: str
    promise: str
    #: The readiness check that must tell of the fault; None where nothing that lasts is broken.
    tells: str | None = None
    #: Whether submissions may be refused meanwhile.
    refuses: bool = False
    #: Whether attempts may be lost: where not, every task starts once.
    loses_attempts: bool = False
    #: Of accepted submissions; None where the fault is in their way. Looked at where the machine is quiet.
    p99_ms: float | None = 250.0
    per_s: float = 60.0
    #: Load before the fault, under it at the least, and after it, in seconds.
    before_s: float = 1.0
    during_s: float = 2.0
    after_s: float = 1.0
    work_s: float = 0.005
    #: Whether clients keep their connections; where not, each submission may be led elsewhere.
    keep_alive: bool = True
    converges_s: float = CONVERGES_S
    hangs_s: float = HANGS_S
    every_change: bool = False
    #: Whether it is run again for every version of the broker.
    broker: bool = False


def row(number: str, fault: str, *, promise: str, **more: Any) -> Callable[[Callable[..., Steps]], Any]:
    """Make a test of a function with steps. `more`: the other members of `Row`."""
    known = Row(number=number, fault=fault, promise=promise, **more)

    def decorate(steps: Callable[..., Steps]) -> Any:
        @functools.wraps(steps)
        def test(system: System, tmp_path: Path, request: pytest.FixtureRequest, **others: Any) -> None:
            outcome = Outcome.of(known, request.node.nodeid, others)
            try:
                system.renew()
                system.forget()
                with closing(steps(system, **others)) as taken:
                    _run(known, taken, system, tmp_path, outcome)
            except BaseException as error:
                outcome.failed(error)
                raise
            finally:
                record(outcome)

        # pytest takes fixtures from the signature: those of the steps, and those that are needed here.
        own = list(inspect.signature(steps).parameters.values())
        needed = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)
            for name in ("tmp_path", "request")
            if name not in {parameter.name for parameter in own}
        ]
        test.__signature__ = inspect.Signature([*own, *needed])  # type: ignore[attr-defined]
        marks = [pytest.mark.chaos_row]
        if known.every_change:
            marks.append(pytest.mark.every_change)
        if known.broker:
            marks.append(pytest.mark.broker)
        for mark in marks:
            test = mark(test)
        return test

    return decorate


def points(*names: str, every_change: tuple[str, ...] = ()) -> pytest.MarkDecorator:
    """A row for each of these failpoints, as its `point`."""
    assert set(names) <= set(POINTS)
    return pytest.mark.parametrize(
        "point", [pytest.param(name, marks=pytest.mark.every_change if name in every_change else ()) for name in names]
    )


def _run(known: Row, steps: Steps, system: System, folder: Path, outcome: Outcome) -> None:
    load = Load(system, folder, per_s=known.per_s, work_s=known.work_s, keep_alive=known.keep_alive)
    oracle = Oracle(system.rows, Witness(load.witness_path))
    load.start()
    try:
        time.sleep(known.before_s)
        _look(oracle)
        fault_at = time.monotonic()
        next(steps)
        told_s = _told(system, known.tells, fault_at) if known.tells else None
        time.sleep(max(0.0, fault_at + known.during_s - time.monotonic()))
        next(steps, None)
        gone_at = time.monotonic()
        _look(oracle)
        time.sleep(known.after_s)
    finally:
        load.stop()
    verdict = converged(system, oracle, load.promises, gone_at, known.converges_s)
    verdict.told_s = told_s
    if verdict.drained_per_s is not None and not verdict.stuck:
        verdict.undisturbed_per_s = _undisturbed_per_s(system, folder, known)
    outcome.found(verdict)
    print(verdict)
    _hold(known, verdict, load)
    with_verdict(steps, verdict)


def converged(system: System, oracle: Oracle, promises: Promises, gone_at: float, within_s: float) -> Verdict:
    """Wait until nothing is left to do and all is well again, or what is left does not get less; then judge."""
    draining = Draining(gone_at, within_s)
    while True:
        left, wrong, now = oracle.live(), system.not_ready(), time.monotonic()
        draining.look(left, now)
        if not (left or wrong):
            break
        if draining.hopeless(now):
            # What is stuck is for the judge to name.
            assert left, f"all is over, and the service is not ready: {wrong}"
            break
        time.sleep(0.1)
    verdict = oracle.judge(promises)
    verdict.recovery_s = now - gone_at
    if draining.late(now):
        verdict.drained_per_s = draining.per_s(now)
    return verdict


def _undisturbed_per_s(system: System, folder: Path, known: Row) -> float:
    """How many tasks end in a second here and now, with nothing broken."""
    load = Load(system, folder, per_s=known.per_s, work_s=known.work_s)
    oracle = Oracle(system.rows, Witness(load.witness_path))
    started = time.monotonic()
    load.start()
    time.sleep(3)
    load.stop()
    wait_until(lambda: not oracle.live(), 120, "what nothing disturbs is over")
    return len(load.promises.accepted) / (time.monotonic() - started)


def _hold(known: Row, verdict: Verdict, load: Load) -> None:
    broken = verdict.broken()
    assert not broken, "\n".join(broken)
    assert not load.promises.problems, load.promises.problems[:3]
    assert verdict.accepted, "nothing was accepted, so nothing was tried"
    assert verdict.slowest_s < known.hangs_s, f"a request took {verdict.slowest_s:.1f} s"
    if verdict.drained_per_s is not None and verdict.undisturbed_per_s is not None:
        rates = f"{verdict.drained_per_s:.1f}/s; undisturbed it does {verdict.undisturbed_per_s:.1f}/s"
        assert not slow(verdict.drained_per_s, verdict.undisturbed_per_s), f"slow: what had gathered ended at {rates}"
    assert known.refuses or not verdict.refused, load.promises.refused[:3]
    assert known.loses_attempts or not verdict.extra_starts, f"{verdict.extra_starts} started again, and nothing died"


def with_verdict(steps: Steps, verdict: Verdict) -> None:
    """What a row asserts for itself, where it waits for the verdict."""
    if inspect.getgeneratorstate(steps) == inspect.GEN_SUSPENDED:
        try:
            steps.send(verdict)
        except StopIteration:
            return
        raise AssertionError("a row yields once or twice")


def _told(system: System, check: str, fault_at: float) -> float:
    said: list[object] = []

    def tells() -> bool:
        said[:] = [system.not_ready()]
        return check in said[0]  # type: ignore[operator]

    wait_until(tells, TELLS_S - ran_s(fault_at, time.monotonic()), lambda: f"health tells of {check}; it says {said}")
    return ran_s(fault_at, time.monotonic())


def _look(oracle: Oracle) -> None:
    try:
        oracle.look()
    except psycopg.OperationalError:
        return  # the database is what is broken
