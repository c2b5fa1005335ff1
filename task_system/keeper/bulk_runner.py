"""The bulk runner: acts on everything that a filter matched, step by step. First the set is frozen, then it is run."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from pydantic import ValidationError

from task_system.dispatch.again import all_again
from task_system.dispatch.filtering import Filter
from task_system.dispatch.submit import Dispatcher
from task_system.failpoints import failpoint
from task_system.model.bulk import Bulk, BulkState
from task_system.model.errors import InvalidSubmission, StoreUnavailable
from task_system.model.events import Events
from task_system.model.task import Settled
from task_system.store.bulk import Bulks
from task_system.store.finding import Finding

#: Tasks that are looked for at once.
FREEZE = 1000
#: Between two steps, so that others get at the database, and an abort at the bulk.
GIVE_WAY_S = 0.01
TIDY_EVERY_S = 60.0
TIDY = 5000
#: How long one that is over can be looked at.
KEEP_S = timedelta(days=30).total_seconds()
_log = logging.getLogger(__name__)


class BulkRunner:
    """tell: told of tasks that are over, for those who wait for them elsewhere. forget: drops copies of tasks."""

    name = "bulk-runner"
    every_s = 0.5

    def __init__(
        self,
        *,
        bulks: Bulks,
        finding: Finding,
        dispatcher: Dispatcher,
        tell: Callable[[Sequence[Settled]], None],
        forget: Callable[[Sequence[UUID]], None],
        events: Events,
    ) -> None:
        self._bulks = bulks
        self._finding = finding
        self._dispatcher = dispatcher
        self._tell = tell
        self._forget = forget
        self._events = events
        self._tidy_at = 0.0

    def run_once(self) -> bool:
        bulk = self._bulks.next()
        if bulk is None:
            return self._tidy()
        try:
            if bulk.state is BulkState.FREEZING:
                self._freeze(bulk)
            else:
                self._act(bulk)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the others go on
            _log.exception("the bulk %s cannot go on", bulk.id)
            self._bulks.fail(bulk.id, f"{type(error).__name__}: {error}"[:1000])
        time.sleep(GIVE_WAY_S)
        return True

    def _freeze(self, bulk: Bulk) -> None:
        try:
            expression = Filter.model_validate(bulk.filter).expression(bulk.created_at)
        except (ValidationError, InvalidSubmission) as error:
            # It was valid when it was sent; another version of this service took it.
            self._bulks.fail(bulk.id, f"The filter cannot be read: {error}")
            return
        page = self._finding.page(expression, limit=FREEZE, before=bulk.frozen_to)
        self._bulks.freeze(bulk, [task.id for task in page.tasks], page.before)

    def _act(self, bulk: Bulk) -> None:
        failpoint("keeper.bulk.before_step")
        done = self._bulks.act(bulk.id, lambda tasks, missing: all_again(self._dispatcher, tasks, missing))
        if done is None:
            return
        if done.settled:
            self._tell(done.settled)
        if done.changed:
            self._forget(done.changed)
        self._events.emit("keeper.bulk", bulk_id=str(bulk.id), action=bulk.action, count=done.succeeded)

    def _tidy(self) -> bool:
        if time.monotonic() < self._tidy_at:
            return False
        if self._bulks.tidy(KEEP_S, TIDY) == TIDY:
            return True
        self._tidy_at = time.monotonic() + TIDY_EVERY_S
        return False
