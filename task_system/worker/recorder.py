"""Claims and ends, written to the store by one thread, as many at a time as have gathered.

While one transaction runs, the next batch gathers by itself. When the database is away the thread keeps what it has and
tries again: ends are not lost, and the leases' rules decide what they are still worth.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from uuid import UUID

from task_system.failpoints import failpoint
from task_system.model.errors import StoreUnavailable
from task_system.model.outcome import Claim, Finish
from task_system.store.leases import Claimed, Ended, Leases

#: Of each kind in one transaction.
BATCH = 100
#: While no slot waits for an answer, this long is waited for more, in seconds.
GATHER_S = 0.005
PAUSE_FIRST_S, PAUSE_MOST_S = 0.1, 2.0
_log = logging.getLogger(__name__)

#: Told what became of a batch: the ends with what was recorded, the claims with what was claimed.
OnSettled = Callable[[Sequence[Finish], dict[UUID, Ended], Sequence[Claim], dict[UUID, Claimed]], None]


class BatchRecorder:
    """One per worker.

    settled: called in the recorder's thread. urgent: whether a slot has nothing to do before the next answer.
    """

    def __init__(self, leases: Leases, settled: OnSettled, urgent: Callable[[], bool]) -> None:
        self._leases = leases
        self._settled = settled
        self._urgent = urgent
        self._finishes: deque[Finish] = deque()
        self._claims: deque[Claim] = deque()
        self._work = threading.Condition(threading.Lock())
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def claim(self, claim: Claim) -> None:
        """Claim soon."""
        with self._work:
            self._claims.append(claim)
            if len(self._claims) == 1:
                self._work.notify()

    def finish(self, finish: Finish) -> None:
        """Record soon."""
        with self._work:
            self._finishes.append(finish)
            if len(self._finishes) in (1, BATCH):
                self._work.notify()

    def stop(self, timeout_s: float) -> None:
        """Record what is left, as far as the time allows, and end."""
        with self._work:
            self._stopping = True
            self._work.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._work:
                while not (self._finishes or self._claims or self._stopping):
                    self._work.wait()
                if not (self._finishes or self._claims):
                    return
                if not (self._stopping or self._urgent()):
                    self._work.wait_for(lambda: len(self._finishes) >= BATCH, GATHER_S)
                finishes = [self._finishes.popleft() for _ in range(min(BATCH, len(self._finishes)))]
                claims = [self._claims.popleft() for _ in range(min(BATCH, len(self._claims)))]
            try:
                ended, claimed = self._settle(finishes, claims)
            except Exception:  # noqa: BLE001 - this thread is all that writes; it goes on
                # A row that cannot be written must not stop the others.
                _log.exception("a batch could not be written; trying its rows one by one")
                ended, claimed = self._one_by_one(finishes, claims)
            self._settled(finishes, ended, claims, claimed)

    def _settle(
        self, finishes: Sequence[Finish], claims: Sequence[Claim], *, again: bool = False
    ) -> tuple[dict[UUID, Ended], dict[UUID, Claimed]]:
        """Write these, however long the database is away. again: some may be written."""
        pause_s = PAUSE_FIRST_S
        while True:
            _pass(finishes, "worker.before_finish", claims, "worker.before_claim")
            try:
                settled = self._leases.settle(finishes, claims, again=again)
            except StoreUnavailable as error:
                again = True
                _log.warning("%s (%s); trying again", error.detail, error.__cause__)
                time.sleep(pause_s)
                pause_s = min(pause_s * 2, PAUSE_MOST_S)
            else:
                _pass(finishes, "worker.finished", claims, "worker.claimed")
                return settled

    def _one_by_one(
        self, finishes: Sequence[Finish], claims: Sequence[Claim]
    ) -> tuple[dict[UUID, Ended], dict[UUID, Claimed]]:
        ended: dict[UUID, Ended] = {}
        claimed: dict[UUID, Claimed] = {}
        for finish in finishes:
            try:
                ended |= self._settle([finish], [], again=True)[0]
            except Exception:  # noqa: BLE001 - the others go on
                # Its lease runs out, and the rescuer says so.
                _log.exception("the end of task %s could not be written", finish.task_id)
        for claim in claims:
            try:
                claimed |= self._settle([], [claim], again=True)[1]
            except Exception:  # noqa: BLE001 - the others go on
                _log.exception("task %s could not be claimed", claim.task_id)
        return ended, claimed


def _pass(finishes: Sequence[Finish], of_finishes: str, claims: Sequence[Claim], of_claims: str) -> None:
    if finishes:
        failpoint(of_finishes)
    if claims:
        failpoint(of_claims)
