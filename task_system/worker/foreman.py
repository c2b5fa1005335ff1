"""Who gets the next slot, and who is told what: the middle of a worker.

    reserve ─▶ claim ─▶ ack ─▶ perform ─▶ record ─▶ announce

A message is acknowledged as soon as its task is claimed: from then on the lease, not the broker, brings the task back
if this worker dies, and the broker has nothing to redeliver, time out or count. What it still holds are wake-up calls
for tasks that wait for a slot here.

Messages, pool callbacks and the recorder may call from different threads; the state is behind one lock, which is never
held while anything waits.
"""

import logging
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from billiard.exceptions import TimeLimitExceeded
from celery.worker import state as celery_state

from task_system.failpoints import failpoint
from task_system.model.events import Events
from task_system.model.failure import fingerprint
from task_system.model.outcome import AttemptEnd, Claim, Finish
from task_system.registry import Registry
from task_system.store.leases import Claimed, Ended
from task_system.worker.execute import out_of_time, run_attempt, worker_lost
from task_system.worker.line import Line
from task_system.worker.run import Run

#: An attempt that does not stop at its time limit is killed this much later, in seconds.
KILL_AFTER_S = 5.0
#: A handler that asks has this long to notice a cancel by itself, before it is interrupted, in seconds.
NOTICE_S = 1.5
#: Claimed ahead: about this much work, so that quick tasks need not wait for the store one by one, in seconds.
AHEAD_S = 0.01
AHEAD_MOST = 64
#: What was claimed ahead and has no slot after this long is handed back, in seconds.
HAND_BACK_AFTER_S = 1.0
_log = logging.getLogger(__name__)


class Recorder(Protocol):
    """Where claims and ends are handed in."""

    def claim(self, claim: Claim) -> None:
        """Claim soon."""

    def finish(self, finish: Finish) -> None:
        """Record soon."""


class Listener(Protocol):
    """Told what happens, in the consumer's thread."""

    def received(self, run: Run) -> None:
        """A message came."""

    def started(self, run: Run) -> None:
        """A claim was made."""

    def ended(self, run: Run, end: AttemptEnd, ended: Ended, seconds: float) -> None:
        """An end was recorded."""


class Foreman:
    """One per worker.

    soon: calls a function in the consumer's thread; that thread alone may write to the broker.
    tell: makes the attempt that the pool runs under this process or thread id stop by itself, if it can.
    """

    def __init__(
        self,
        *,
        pool: Any,
        slots: int,
        registry: Registry,
        recorder: Recorder,
        listener: Listener,
        events: Events,
        soon: Callable[..., object],
        tell: Callable[[int], None],
        keeps: Callable[[str, str], bool],
        give_back: Callable[[Run], None],
    ) -> None:
        self._pool = pool
        self._slots = slots
        self._registry = registry
        self._recorder = recorder
        self._listener = listener
        self._events = events
        self._soon = soon
        self._tell = tell
        self._keeps = keeps
        self._give_back = give_back
        self._lock = threading.RLock()
        self._line: Line[Run] = Line()
        self._claiming: dict[UUID, Run] = {}
        #: Claimed, and ours until their end is handed in: some wait for a slot, in their line, the pool has the others.
        self._claimed: dict[UUID, Run] = {}
        self._claimed_line: Line[Run] = Line()
        self._with_pool: set[UUID] = set()
        self._ending: dict[UUID, tuple[Run, float]] = {}
        self._typical_s: dict[str, float] = {}
        #: Claims and attempts, by task type.
        self._held: Counter[str] = Counter()
        #: Messages, by queue.
        self._received: Counter[str] = Counter()
        self._stopping = False
        self._handing_back = False
        #: Set whenever nothing is claimed, running or waiting to be recorded.
        self.idle = threading.Event()
        self.idle.set()

    # Messages in.

    def reserve(self, run: Run) -> None:
        """A message came: its task waits for a slot."""
        celery_state.task_reserved(run)
        self._listener.received(run)
        with self._lock:
            self._line.join(run)
            self._received[run.queue] += 1
        failpoint("worker.received")
        self.fill()

    def fill(self) -> None:
        """Claim for every free slot whose turn it is."""
        with self._lock:
            while not self._stopping and (first := self._line.first()):
                if self._keeps(first.queue, first.task_type):
                    self._give_back(self._line.take() or first)
                    continue
                if len(self._claiming) + len(self._claimed) >= self._slots + self._ahead(first):
                    return
                run = self._line.take()
                assert run is first
                self._claiming[run.lease_token] = run
                self._held[run.task_type] += 1
                self.idle.clear()
                self._recorder.claim(Claim(run.task_id, run.dispatch_no, run.lease_token))

    def parked(self, runs: Sequence[Run]) -> None:
        """These were given back: their rows no longer wait for their messages. Called in the returner's thread."""
        self._soon(self._parked, runs)

    def _parked(self, runs: Sequence[Run]) -> None:
        for run in runs:
            _acknowledge(run)
            celery_state.task_ready(run)

    def _ahead(self, run: Run) -> int:
        """How many may be claimed beyond the slots; none while all slots are held for longer."""
        slow = sum(count for task_type, count in self._held.items() if not self._quick(task_type))
        return self._quick(run.task_type) if slow < self._slots else 0

    def _quick(self, task_type: str) -> int:
        """How many of a type are done in no time; 0 for a slow or unknown one."""
        typical_s = self._typical_s.get(task_type)
        return min(AHEAD_MOST, int(AHEAD_S * self._slots / max(typical_s, 1e-4))) if typical_s is not None else 0

    def starving(self) -> bool:
        """Whether a slot has nothing to do before the recorder answers."""
        return len(self._claimed) < 2 * self._slots

    # The recorder's answers.

    def settled(
        self,
        finishes: Sequence[Finish],
        ended: dict[UUID, Ended],
        claims: Sequence[Claim],
        claimed: dict[UUID, Claimed],
    ) -> None:
        """What became of a batch; called in the recorder's thread."""
        self._soon(self._settle, finishes, ended, claims, claimed)

    def _settle(
        self,
        finishes: Sequence[Finish],
        ended: dict[UUID, Ended],
        claims: Sequence[Claim],
        claimed: dict[UUID, Claimed],
    ) -> None:
        for claim in claims:
            self._take(claim, claimed.get(claim.lease_token))
        for finish in finishes:
            self._ended(finish, ended.get(finish.lease_token))
        self.fill()
        if self._handing_back:
            self.hand_back()
        with self._lock:
            if not (self._claiming or self._claimed or self._ending):
                self.idle.set()

    def _take(self, claim: Claim, claimed: Claimed | None) -> None:
        with self._lock:
            run = self._claiming.pop(claim.lease_token)
            run.claimed, run.claimed_at = claimed, time.monotonic()
            if claimed:
                self._claimed[run.lease_token] = run
                self._claimed_line.join(run)
            else:
                self._held[run.task_type] -= 1
        _acknowledge(run)
        if claimed is None:
            celery_state.task_ready(run)
            self._events.emit("task.stale_delivery", task_id=str(run.task_id), dispatch_no=run.dispatch_no)
        else:
            failpoint("worker.acknowledged")
            self._perform_next()

    def _perform_next(self) -> None:
        """Hand the pool one attempt for each free slot: what waits in the pool could not be given back."""
        while run := self._next():
            self._perform(run)

    def _next(self) -> Run | None:
        with self._lock:
            while not self._handing_back and len(self._with_pool) < self._slots and (run := self._claimed_line.take()):
                if run.lease_token in self._claimed:  # else its end was handed in while it waited
                    self._with_pool.add(run.lease_token)
                    return run
        return None

    def _perform(self, run: Run) -> None:
        claimed = run.claimed
        assert claimed
        celery_state.task_accepted(run)
        self._listener.started(run)
        performed = self._pool.apply_async(
            run_attempt,
            args=(run.job(),),
            accept_callback=partial(self._begun, run),
            callback=partial(self._performed, run),
            error_callback=partial(self._stopped, run),
            soft_timeout=claimed.timeout_s,
            timeout=claimed.timeout_s + KILL_AFTER_S,
            correlation_id=run.id,
        )
        if performed is None:  # the pool is closing
            self._end(run, _handed_back("The worker stopped before the attempt had begun."), 0.0)

    # The pool's answers.

    def _begun(self, run: Run, pid: int, _at: float) -> None:
        run.begun(pid)

    def _performed(self, run: Run, outcome: tuple[AttemptEnd, float]) -> None:
        end, seconds = outcome
        # Follows a type that becomes slower at once, and one that becomes quicker after a while.
        self._typical_s[run.task_type] = max(seconds, 0.8 * self._typical_s.get(run.task_type, seconds))
        self._end(run, end, seconds)

    def _stopped(self, run: Run, failure: Any) -> None:
        """The attempt was stopped from outside: killed at its time limit, or its process died."""
        claimed = run.claimed
        assert claimed
        # Made in this process, billiard wraps it in one whose text is a traceback; from the pipe it comes bare.
        error = getattr(failure.exception, "exc", failure.exception)
        policy = self._registry.get(run.task_type).retry
        self._typical_s.pop(run.task_type, None)
        if run.cancel_told:
            end = AttemptEnd(outcome="cancelled", error_type="Cancelled", error_message="cancelled while running")
        elif isinstance(error, TimeLimitExceeded):
            end = out_of_time(run.job(), policy, claimed.timeout_s)
        else:
            self._events.emit("worker.child_lost", task_id=str(run.task_id), attempt=claimed.attempt)
            end = worker_lost(run.job(), str(error), lost_leases=claimed.lost_leases + 1)
        self._end(run, end, time.time() - (run.started_at or time.time()))

    def _end(self, run: Run, end: AttemptEnd, seconds: float) -> None:
        if end.outcome == "failure":
            end = replace(end, failure=fingerprint(run.task_type, end.error_type, end.error_message))
        if self._leave(run, seconds):
            self._recorder.finish(Finish(run.task_id, run.lease_token, end))
            self._perform_next()
            self.fill()

    def _end_waiting(self, run: Run, end: AttemptEnd) -> None:
        """End an attempt that waits for a slot, unless it has got one meanwhile."""
        with self._lock:
            waits = run.lease_token not in self._with_pool and self._leave(run, 0.0)
        if waits:
            self._recorder.finish(Finish(run.task_id, run.lease_token, end))

    def _leave(self, run: Run, seconds: float) -> bool:
        """Whether it was claimed until now, and had not been handed back or given up before."""
        with self._lock:
            if self._claimed.pop(run.lease_token, None) is None:
                return False
            self._with_pool.discard(run.lease_token)
            self._held[run.task_type] -= 1
            self._ending[run.lease_token] = (run, seconds)
            return True

    def _ended(self, finish: Finish, ended: Ended | None) -> None:
        with self._lock:
            run, seconds = self._ending.pop(finish.lease_token)
        celery_state.task_ready(run, successful=finish.end.outcome == "success")
        if ended is None:
            self._events.emit("task.zombie", task_id=str(run.task_id), attempt=run.claimed and run.claimed.attempt)
        else:
            self._listener.ended(run, finish.end, ended, seconds)

    # From the heartbeat, and at the end.

    def leases(self) -> dict[UUID, UUID]:
        """The leases this worker holds, token by task id."""
        with self._lock:
            return {run.task_id: token for token, run in self._claimed.items()}

    def perhaps_leases(self) -> dict[UUID, UUID]:
        """Those that are just being claimed or ended, token by task id: nobody here knows yet whether they hold.

        While the consumer waits for a broker that is away it takes no answer of the recorder's, and a claim is long
        made before it is known here.
        """
        with self._lock:
            ending = {token: run for token, (run, _) in self._ending.items()}
            return {run.task_id: token for token, run in (self._claiming | ending).items()}

    def reserved(self) -> dict[UUID, int]:
        """The dispatches that wait for a slot here, their number by task id."""
        with self._lock:
            return {run.task_id: run.dispatch_no for run in self._line.waiting()}

    def received(self) -> dict[str, int]:
        """How many messages came, by queue."""
        with self._lock:
            return dict(self._received)

    def holding(self) -> set[str]:
        """The queues of which messages wait here, not yet acknowledged."""
        with self._lock:
            return {run.queue for run in (*self._line.waiting(), *self._claiming.values())}

    def cancel(self, task_id: UUID) -> None:
        """A cancel was requested; called again until the attempt has ended.

        First the handler may notice by itself, then it is told, and when its type's grace is over it is killed.
        """
        with self._lock:
            run = next((run for run in self._claimed.values() if run.task_id == task_id), None)
        if run is None:
            return
        if run.pid is None:
            why = "cancelled before it had begun"
            self._end_waiting(run, AttemptEnd(outcome="cancelled", error_type="Cancelled", error_message=why))
            return
        now = time.monotonic()
        if run.cancel_heard_at is None:
            run.cancel_heard_at = now
        waited_s = now - run.cancel_heard_at
        if run.cancel_told and waited_s >= NOTICE_S + self._registry.get(run.task_type).cancel_grace_s:
            self._soon(self._stop, run, self._kill)
        elif not run.cancel_told and waited_s >= NOTICE_S:
            run.cancel_told = True
            self._soon(self._stop, run, self._tell)

    def _stop(self, run: Run, stop: Callable[[int], object]) -> None:
        """Stop what runs under this attempt's process or thread, unless it has ended meanwhile."""
        if run.lease_token in self._claimed and run.pid:
            stop(run.pid)

    def abandon(self, task_id: UUID, lease_token: UUID) -> None:
        """The lease was lost: stop the attempt, whose end nobody will take."""
        with self._lock:
            run = self._claimed.get(lease_token)
        if run and run.pid:
            self._events.emit("task.zombie", task_id=str(task_id), attempt=run.claimed and run.claimed.attempt)
            self._soon(self._stop, run, self._kill)
        elif run:
            self._end_waiting(run, AttemptEnd(outcome="handed_back", delay_s=0.0))

    def _kill(self, pid: int) -> None:
        self._pool.terminate_job(pid, signal.SIGKILL)

    def hand_back_late(self) -> None:
        """Hand back what was claimed ahead and still waits: what runs before it takes longer than its type did.

        Called every second: otherwise it would wait here, however long, while other workers have nothing to do.
        """
        now = time.monotonic()
        with self._lock:
            late = [run for run in self._claimed_line.waiting() if now - run.claimed_at > HAND_BACK_AFTER_S]
            for run in (self._claimed[token] for token in self._with_pool if late):
                self._typical_s[run.task_type] = max(now - run.claimed_at, self._typical_s.get(run.task_type, 0.0))
        for run in late:
            self._end_waiting(run, _handed_back("It was claimed ahead, and waited too long for a slot."))

    def stop_fetching(self) -> None:
        """Claim nothing more. What waits here goes back to the broker when the connection closes."""
        with self._lock:
            self._stopping = True
            for run in self._line.clear():
                celery_state.task_ready(run)
            if not (self._claiming or self._claimed or self._ending):
                self.idle.set()

    def hand_back(self) -> None:
        """Give up all that runs or waits, uncharged, and stop it; what is claimed later, too."""
        with self._lock:
            self._handing_back = True
            claimed = list(self._claimed.values())
        for run in claimed:
            self._end(run, _handed_back("The worker stopped before the attempt was done."), 0.0)
        for run in claimed:
            if run.pid:
                self._pool.terminate_job(run.pid, signal.SIGKILL)


def _handed_back(reason: str) -> AttemptEnd:
    return AttemptEnd(outcome="handed_back", delay_s=0.0, error_type="HandedBack", error_message=reason)


def _acknowledge(run: Run) -> None:
    """Say that the message is done with. Over a lost connection it is not: it comes again, and is old then."""
    try:
        run.message.ack()
    except Exception as error:  # noqa: BLE001 - kombu's own lets a broken pipe through, and the task would never start
        _log.info("the message of task %s was not acknowledged: %r", run.id, error)
