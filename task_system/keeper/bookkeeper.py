"""The bookkeeper: enters what the event log says into the rollups and the ledger, each event once."""

import time

from task_system.keeper.leader import Leadership
from task_system.store.books import Books

PRUNE_EVERY_S = 600.0
#: How often the lead is renewed, in seconds.
RENEW_EVERY_S = 5.0


class Bookkeeper:
    """See the module. A second one would find nothing to enter, and is spared the trouble."""

    name = "bookkeeper"
    every_s = 1.0

    def __init__(self, books: Books, leadership: Leadership) -> None:
        self._books = books
        self._leadership = leadership
        self._prune_at = 0.0
        self._leads_until = 0.0

    def run_once(self) -> bool:
        if not self._leads():
            return False
        if time.monotonic() >= self._prune_at:
            self._prune_at = time.monotonic() + PRUNE_EVERY_S
            self._books.prune()
        return self._books.enter()

    def _leads(self) -> bool:
        # Asked now and then: two who think that they lead do no harm.
        if time.monotonic() >= self._leads_until and self._leadership.held():
            self._leads_until = time.monotonic() + RENEW_EVERY_S
        return time.monotonic() < self._leads_until
