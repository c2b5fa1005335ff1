"""One reader of the event log for all streams of a process. It reads while somebody listens, and rests otherwise.

What a stream cannot take in time is not kept for it: it reads on from the log itself, and joins the others again.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cached_property

import orjson

from task_system.model.errors import CursorTooOld, StoreUnavailable, TooManyStreams
from task_system.model.task_events import TaskEvent
from task_system.store.event_log import EventLog

#: Between two looks into the log, in seconds.
LOOK_S = 0.2
#: A stream is written to at least this often, in seconds: whoever has gone is noticed, and makes room for others.
QUIET_S = 1.0
#: Events that wait for one stream, and those of one look.
BACKLOG, PAGE = 2000, 1000
#: How long a stream waits to be let in, and the reader after the database was away, in seconds.
JOIN_S, AWAY_S = 3.0, 1.0
_log = logging.getLogger(__name__)

Matches = Callable[[TaskEvent], bool]


class Entry:
    """An event with the cursor behind it."""

    def __init__(self, cursor: str, event: TaskEvent) -> None:
        self.cursor = cursor
        self.event = event

    @cached_property
    def frame(self) -> bytes:
        """As it is sent, to however many streams."""
        return frame_of(self.event["event"], self.event, self.cursor)


def frame_of(event: str, data: object, cursor: str) -> bytes:
    """A server-sent event."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (cursor.encode(), event.encode(), orjson.dumps(data))


@dataclass(frozen=True, slots=True)
class News:
    """What a stream is to send next; nothing when all was quiet for QUIET_S."""

    entries: list[Entry]
    #: Behind all that the stream was shown or did not want.
    cursor: str
    #: Some of what came before is no longer kept.
    reset: bool = False


class Subscription:
    """What one stream is still to send. Filled by the reader's thread, emptied by the stream's."""

    def __init__(self, matches: Matches) -> None:
        self._matches = matches
        self._news = threading.Condition(threading.Lock())
        self._entries: deque[Entry] = deque()
        #: From where on it is told; None before it has joined, and when it fell behind.
        self.start: str | None = None
        self._cursor = ""
        self._closed = False

    def join(self, cursor: str) -> None:
        """Everything behind this cursor will be told."""
        with self._news:
            self._entries.clear()
            self.start = self._cursor = cursor
            self._news.notify()

    def put(self, entries: list[Entry], cursor: str) -> None:
        """Tell what it wants of these. One that falls behind is told nothing more until it joins again."""
        wanted = [entry for entry in entries if self._matches(entry.event)]
        with self._news:
            if self.start is None:
                return
            self._cursor = cursor
            self._entries += wanted
            too_many = len(self._entries) > BACKLOG
            if wanted:
                self._news.notify()
        if too_many:
            self.fall_behind()

    def fall_behind(self) -> None:
        """It is to read on by itself, and join again."""
        with self._news:
            self._entries.clear()
            self.start = None
            self._news.notify()

    def close(self) -> None:
        """End the stream."""
        with self._news:
            self._closed = True
            self._news.notify()

    def wait_until_joined(self) -> str | None:
        """The cursor from which it is told; None when the stream is to end. Raises StoreUnavailable."""
        with self._news:
            if not self._news.wait_for(lambda: self._closed or self.start is not None, JOIN_S):
                raise StoreUnavailable
            return None if self._closed else self.start

    def take(self) -> News | None:
        """What there is to send, once there is something; None when it fell behind, or is to end."""
        with self._news:
            self._news.wait_for(lambda: self._closed or self.start is None or self._entries, QUIET_S)
            if self._closed or self.start is None:
                return None
            entries = list(self._entries)
            self._entries.clear()
            return News(entries, self._cursor)


class Broadcast:
    """One per process. most: streams at the same time; each of them takes a thread from those that answer requests."""

    def __init__(self, log: EventLog, *, most: int) -> None:
        self._event_log = log
        self._places = threading.BoundedSemaphore(most)
        self._joining: list[Subscription] = []
        self._active: list[Subscription] = []
        self._changed = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._cursor: str | None = None

    def follow(self, matches: Matches, after: str | None) -> Generator[News]:
        """What was committed after that cursor, or from now on, for as long as the caller goes on.

        Raises TooManyStreams at first; StoreUnavailable at first or in between, and whoever keeps the last cursor may
        begin there again.
        """
        if not self._places.acquire(blocking=False):
            raise TooManyStreams
        subscription = Subscription(matches)
        try:
            while (start := self._join(subscription)) is not None:
                if after is None:
                    after = start
                    yield News([], start)
                for news in self.between(matches, after, start):
                    after = news.cursor
                    yield news
                while (told := subscription.take()) is not None:
                    after = told.cursor
                    yield told
        finally:
            self._leave(subscription)
            self._places.release()

    def stop(self) -> None:
        """End all streams."""
        with self._changed:
            self._stopping = True
            for subscription in (*self._joining, *self._active):
                subscription.close()
            self._changed.notify()

    def between(self, matches: Matches, after: str, until: str | None = None) -> Iterator[News]:
        """What was committed between the two, or until now. Raises StoreUnavailable."""
        until = until or self._event_log.head()
        more = after != until
        while more:
            try:
                page = self._event_log.after(after, PAGE, until)
            except CursorTooOld:
                yield News([], until, reset=True)
                return
            wanted = [Entry(cursor, event) for cursor, event in page.events if matches(event)]
            after, more = page.cursor, page.more
            yield News(wanted, after)

    def _join(self, subscription: Subscription) -> str | None:
        with self._changed:
            if self._stopping:
                return None
            if subscription in self._active:
                self._active.remove(subscription)
            self._joining.append(subscription)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="broadcast", daemon=True)
                self._thread.start()
            self._changed.notify()
        return subscription.wait_until_joined()

    def _leave(self, subscription: Subscription) -> None:
        with self._changed:
            for group in (self._joining, self._active):
                if subscription in group:
                    group.remove(subscription)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not (self._joining or self._active):
                    self._cursor = None
                    self._changed.wait_for(lambda: self._joining or self._stopping)
                if self._stopping:
                    return
            try:
                pause_s = self._look()
            except StoreUnavailable as error:
                _log.warning("streams wait for the database: %s", error.__cause__)
                pause_s = AWAY_S
            except Exception:  # noqa: BLE001 - this thread is all that tells; it goes on
                _log.exception("a look into the event log failed")
                pause_s = AWAY_S
            with self._changed:
                self._changed.wait_for(lambda: self._joining or self._stopping, pause_s)

    def _look(self) -> float:
        """Tell what is new, then let in who came before this look; answers how long to rest."""
        with self._changed:
            came, active = list(self._joining), list(self._active)
        more = True
        while more:
            more = self._read(active)
        assert self._cursor is not None
        with self._changed:
            for subscription in came:
                if subscription in self._joining:
                    self._joining.remove(subscription)
                    self._active.append(subscription)
                    subscription.join(self._cursor)
        return LOOK_S

    def _read(self, active: list[Subscription]) -> bool:
        """One page for those; answers whether there is more."""
        if self._cursor is None:
            self._cursor = self._event_log.head()
            return False
        try:
            page = self._event_log.after(self._cursor, PAGE)
        except CursorTooOld:
            # The database was away for long, or is another one. Those who listen find out the same way.
            self._cursor = self._event_log.head()
            for subscription in active:
                subscription.fall_behind()
            return False
        self._cursor = page.cursor
        entries = [Entry(cursor, event) for cursor, event in page.events]
        for subscription in active:
            subscription.put(entries, page.cursor)
        return page.more
