"""Getting messages to the broker, in the background, many at a time; and noting in the store what it confirmed.

One thread owns one connection. After any error the connection is thrown away and forgotten messages are nobody's but
the relay's: their rows say when it takes over. So nothing here needs to be remembered, retried or saved.
"""

import logging
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from task_system.broker.link import Link
from task_system.failpoints import failpoint
from task_system.model.errors import BrokerUnavailable, StoreUnavailable
from task_system.model.events import Events
from task_system.model.task import Dispatch
from task_system.store.upkeep import Upkeep

#: Dispatches that may wait for the connection; the relay brings the others.
CAPACITY = 20_000
#: How long confirms gather before they are noted, well before the relay takes over: most tasks are claimed before, and
#: need no note.
NOTE_EVERY_S = 2.0
NOTE_AT = 1000
RECONNECT_FIRST_S, RECONNECT_MOST_S = 0.2, 5.0
_log = logging.getLogger(__name__)


class Publisher:
    """One per process. Its thread starts with the first dispatch, so that a fork before that is harmless.

    open_link: makes a connection; may raise BrokerUnavailable.
    """

    def __init__(self, open_link: Callable[[], Link], upkeep: Upkeep, events: Events) -> None:
        self._open_link = open_link
        self._upkeep = upkeep
        self._events = events
        self._waiting: deque[Dispatch] = deque()
        self._confirmed: list[Dispatch] = []
        self._noted_at = 0.0
        self._link: Link | None = None
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = 0
        #: Whether the last thing heard of the broker was good; None before the first.
        self.connected: bool | None = None

    def publish(self, dispatches: Iterable[Dispatch]) -> None:
        """Publish soon. Never waits, never raises: what is not confirmed in time the relay publishes again."""
        self._waiting.extend(dispatches)
        while len(self._waiting) > CAPACITY:
            self._waiting.popleft()
        if self._pid != os.getpid():
            self.start()
        if link := self._link:
            link.wake()

    @property
    def waiting(self) -> int:
        """Dispatches that wait for the connection."""
        return len(self._waiting)

    def start(self) -> None:
        """Start the thread in this process; harmless when it runs."""
        with self._starting:
            if self._pid == os.getpid() or self._stopping.is_set():
                return
            self._pid = os.getpid()
            self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Publish what waits, as far as the time allows, and end the thread."""
        self._stopping.set()
        if link := self._link:
            link.wake()
        if self._thread and self._pid == os.getpid():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        pause_s = RECONNECT_FIRST_S
        while not self._stopping.is_set():
            try:
                self._link = self._open_link()
                self.connected, pause_s = True, RECONNECT_FIRST_S
                self._serve(self._link)
            except BrokerUnavailable as error:
                self._broken(error)
                self._stopping.wait(pause_s * random.uniform(0.5, 1))  # noqa: S311 - spreading load is no secret
                pause_s = min(pause_s * 2, RECONNECT_MOST_S)
            except Exception:  # noqa: BLE001 - the thread is all there is between the service and the broker: it goes on
                _log.exception("the publisher failed")
                self._broken(BrokerUnavailable())
                self._stopping.wait(pause_s)
            finally:
                self._let_go()
        self._note()

    def _serve(self, link: Link) -> None:
        while not (self._stopping.is_set() and not self._waiting and not link.unconfirmed):
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), link.window - link.unconfirmed))]
            if batch:
                failpoint("publisher.before_send")
                link.send(batch)
                failpoint("publisher.sent")
            elif not self._waiting or link.unconfirmed:
                link.wait(self._idle_s(link))
            self._collect(link)

    def _idle_s(self, link: Link) -> float:
        return NOTE_EVERY_S if self._confirmed or link.unconfirmed else 10.0

    def _collect(self, link: Link) -> None:
        confirmed, refused = link.taken()
        if confirmed:
            self._confirmed += confirmed
            self._events.emit("task.dispatched", count=len(confirmed))
        if refused:
            _log.warning("the broker refused %d messages", len(refused))
            self._release(refused)
            # A queue is missing: a new connection declares it.
            raise BrokerUnavailable("RabbitMQ had no queue for a message.")
        if len(self._confirmed) >= NOTE_AT or time.monotonic() - self._noted_at > NOTE_EVERY_S:
            self._note()

    def _note(self) -> None:
        """Tell the store what the broker has. When that fails the relay publishes again, which is harmless."""
        self._noted_at = time.monotonic()
        if not self._confirmed:
            return
        failpoint("publisher.confirmed")
        confirmed, self._confirmed = self._confirmed, []
        try:
            self._upkeep.confirm(confirmed)
        except StoreUnavailable:
            _log.warning("could not note %d confirms; they will be published again", len(confirmed))

    def _release(self, dispatches: list[Dispatch]) -> None:
        try:
            self._upkeep.release(dispatches)
        except StoreUnavailable:
            _log.warning("could not give %d refused dispatches back; the relay takes them later", len(dispatches))

    def _broken(self, error: BrokerUnavailable) -> None:
        unconfirmed = self._link.unconfirmed if self._link else 0
        if self.connected is not False:
            _log.warning("%s (%s)", error.detail, error.__cause__)
        self.connected = False
        self._events.emit("task.dispatch_failed", count=unconfirmed + len(self._waiting))
        # Their rows bring them back; keeping them here would only publish them twice.
        self._waiting.clear()

    def _let_go(self) -> None:
        link, self._link = self._link, None
        if link:
            self._confirmed += link.taken()[0]
            link.close()
