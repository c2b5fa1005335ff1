"""The batch closer: a batch is over when all of its tasks are; then what is to follow it is submitted, once."""

import time

from task_system.model.events import Events
from task_system.store.batches import BatchStore, CallbackOf

#: Batches of one transaction.
BATCH = 50
TIDY_EVERY_S = 60.0


class BatchCloser:
    """keep_s: how long a batch that is over can be looked at, in seconds."""

    name = "batch-closer"
    every_s = 0.5

    def __init__(self, store: BatchStore, callback_of: CallbackOf, events: Events, *, keep_s: float) -> None:
        self._store = store
        self._callback_of = callback_of
        self._events = events
        self._keep_s = keep_s
        self._tidy_at = 0.0

    def run_once(self) -> bool:
        closed = self._store.close(self._callback_of, BATCH)
        if closed:
            self._events.emit("keeper.batches_closed", count=len(closed))
        if time.monotonic() >= self._tidy_at:
            self._tidy_at = time.monotonic() + TIDY_EVERY_S
            self._store.forget(self._keep_s)
        return len(closed) == BATCH
