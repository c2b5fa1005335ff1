"""`kill -9` at each step on which something could be lost, done twice, or left to nobody."""

from tests.chaos.harness.row import Steps, points, row
from tests.chaos.harness.system import System

ONCE = "What was answered with 202 ends, and has one outcome, whatever process dies at whatever step."
#: Not the first that comes by: work is under way on both sides of the step.
SOME = "kill @3"


@points(
    "web.before_commit",
    "web.committed",
    "web.before_answer",
    "web.key_taken",
    every_change=("web.committed",),
)
@row("F1", "kill -9 of the web process at {point}", promise=ONCE, refuses=True)
def test_web_dies(system: System, point: str) -> Steps:
    system.arm(point, SOME)
    system.wait_until_reached(point)
    yield


@points("publisher.before_send", "publisher.sent", "publisher.confirmed", every_change=("publisher.sent",))
@row("F1", "kill -9 of whoever publishes first, at {point}", promise=ONCE, refuses=True)
def test_a_publisher_dies(system: System, point: str) -> Steps:
    system.arm(point, SOME)
    system.wait_until_reached(point)
    yield


@points("child.before_handler", "child.after_handler", every_change=("child.after_handler",))
@row("F3", "kill -9 of a pool process at {point}", promise=ONCE, loses_attempts=True, converges_s=15)
def test_a_pool_process_dies(system: System, point: str) -> Steps:
    system.die_at(point)
    yield
    verdict = yield
    # Its parent saw it die: nobody had to wait for the lease.
    assert verdict.accounted_starts >= 1


@points(
    "worker.received",
    "worker.before_claim",
    "worker.claimed",
    "worker.acknowledged",
    "worker.before_finish",
    "worker.finished",
    "worker.before_announce",
    "worker.announced",
    "worker.before_beat",
    every_change=("worker.claimed", "worker.finished"),
)
@row("F4", "kill -9 of the worker, and of all its pool, at {point}", promise=ONCE, loses_attempts=True)
def test_a_worker_dies(system: System, point: str) -> Steps:
    system.die_at(point)
    yield
