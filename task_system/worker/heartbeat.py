"""Keeping a worker's leases alive, and bringing what concerns them: cancel requests, and leases that were lost."""

import logging
import threading
import time
from collections.abc import Callable
from uuid import UUID

from task_system.failpoints import failpoint
from task_system.model.errors import StoreUnavailable
from task_system.store.leases import Leases
from task_system.store.workers import Identity, Workers

#: How soon it is known that a task waits in this worker, and here that one is to be cancelled, in seconds.
TELL_EVERY_S = 1.0
_log = logging.getLogger(__name__)


class Heartbeat:
    """One thread per worker: every `every_s` seconds one statement for all leases, and one for the worker itself.

    leases_now: the worker's leases, token by task id; perhaps_now: those that it may have, which are extended and never
    missed. reserved_now: dispatches that wait for a slot in this worker, their number by task id.
    on_cancel, on_lost: told a task's id, in the heartbeat's thread; a cancel again and again until the attempt ends.
    each_time: called in it every `TELL_EVERY_S` seconds, whether or not the database is there.
    """

    def __init__(
        self,
        leases: Leases,
        workers: Workers,
        identity: Identity,
        *,
        every_s: float,
        leases_now: Callable[[], dict[UUID, UUID]],
        perhaps_now: Callable[[], dict[UUID, UUID]],
        reserved_now: Callable[[], dict[UUID, int]],
        on_cancel: Callable[[UUID], None],
        on_lost: Callable[[UUID, UUID], None],
        each_time: Callable[[], None],
    ) -> None:
        self._leases = leases
        self._workers = workers
        self._identity = identity
        self._every_s = every_s
        self._leases_now = leases_now
        self._perhaps_now = perhaps_now
        self._reserved_now = reserved_now
        self._on_cancel = on_cancel
        self._on_lost = on_lost
        self._each_time = each_time
        self._told_reserved: dict[UUID, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread; the first beat is at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and sign off."""
        self._stopping.set()
        self._thread.join(self._every_s)
        try:
            self._workers.leave(self._identity.name)
        except StoreUnavailable:
            _log.warning("could not sign off; the list of workers shows this one for a while")

    def beat(self) -> None:
        """One beat. Raises StoreUnavailable."""
        failpoint("worker.before_beat")
        held = self._leases_now()
        # First, since everything else can wait.
        self._keep(held)
        self._workers.beat(self._identity, running=len(held))
        self._told_reserved = {}
        self.tell_reserved()

    def _keep(self, held: dict[UUID, UUID]) -> None:
        if not (extended := self._perhaps_now() | held):
            return
        ours, to_cancel = self._leases.extend(extended)
        for task_id in to_cancel:
            self._on_cancel(task_id)
        for task_id in held.keys() - ours:
            self._on_lost(task_id, held[task_id])

    def tell_reserved(self) -> None:
        """Say which tasks wait for a slot here, unless it was said since the last beat. Raises StoreUnavailable."""
        reserved = self._reserved_now()
        if news := dict(reserved.items() - self._told_reserved.items()):
            self._leases.still_reserved(news)
        self._told_reserved = reserved

    def bring_cancels(self) -> None:
        """Say which of the running attempts are to be cancelled. Raises StoreUnavailable."""
        if self._leases_now():
            for task_id in self._leases.to_cancel():
                self._on_cancel(task_id)

    def _run(self) -> None:
        next_beat = time.monotonic()
        while True:
            try:
                self._each_time()
                if time.monotonic() >= next_beat:
                    self.beat()
                    # One that failed is made up for at once: the leases do not wait for the next.
                    next_beat = max(next_beat + self._every_s, time.monotonic())
                else:
                    self.tell_reserved()
                    self.bring_cancels()
            except StoreUnavailable as error:
                _log.warning("no heartbeat: %s (%s)", error.detail, error.__cause__)
            except Exception:  # noqa: BLE001 - without its heartbeat a worker loses everything it runs
                _log.exception("a heartbeat failed")
            if self._stopping.wait(min(TELL_EVERY_S, self._every_s)):
                return
