"""Dead letters: messages that no worker could take, and that the broker put aside.

The task behind one still waits in the store. A worker that is too old for its type may have refused it, so it is
dispatched anew a few times; then it fails, and says why. A message that is not one of ours is logged and forgotten.
"""

import logging
from collections.abc import Callable, Iterable, Sequence

from kombu import Message

from task_system.broker.message import reference_of
from task_system.failpoints import failpoint
from task_system.model.events import Events
from task_system.model.task import Settled
from task_system.store.upkeep import Upkeep

#: After so many dispatches in vain it is no passing trouble.
GIVE_UP_AFTER = 5
#: After the first of them.
DELAY_S = 5.0
_log = logging.getLogger(__name__)


class DeadLetters:
    """messages: those that are there now, each to be acknowledged when it is settled. Raises BrokerUnavailable.

    tell: told of tasks that are over, for those who wait for them elsewhere.
    """

    name = "dead-letters"
    every_s = 5.0

    def __init__(
        self,
        upkeep: Upkeep,
        messages: Callable[[], Iterable[Message]],
        tell: Callable[[Sequence[Settled]], None],
        events: Events,
    ) -> None:
        self._upkeep = upkeep
        self._tell = tell
        self._messages = messages
        self._events = events

    def run_once(self) -> bool:
        count = 0
        for message in self._messages():
            self._settle(message)
            failpoint("keeper.dead_letters.settled")
            message.ack()
            count += 1
        if count:
            self._events.emit("keeper.dead_letter", count=count)
        return False

    def _settle(self, message: Message) -> None:
        try:
            task_id, dispatch_no = reference_of(message)
        except ValueError as error:
            _log.warning("a dead letter is not one of ours (%s); headers: %.500r", error, message.headers)
            return
        over = self._upkeep.undeliverable(
            task_id,
            dispatch_no,
            delay_s=DELAY_S,
            give_up_after=GIVE_UP_AFTER,
            message=f"No worker took it in {GIVE_UP_AFTER} tries. Do the workers of its lane know the task type?",
        )
        if over:
            self._tell(over)
