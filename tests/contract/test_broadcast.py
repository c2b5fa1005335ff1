"""One reader of the event log for many streams: each is told what it wants, once, however slow it is."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from task_system.api import broadcast as broadcast_module
from task_system.api.broadcast import Broadcast, News
from task_system.api.streams import frames_of, is_over
from task_system.model.errors import StoreUnavailable, TooManyStreams
from task_system.model.task_events import TaskEvent
from task_system.store import Database
from task_system.store.event_log import EventLog, append
from tests.contract.kit import DEADLINE_S, Store


@pytest.fixture
def broadcast(store: Store) -> Iterator[Broadcast]:
    made = Broadcast(store.event_log, most=4)
    yield made
    made.stop()


def everything(_event: TaskEvent) -> bool:
    return True


def tell(store: Store, *messages: str) -> None:
    with store.database.write() as connection:
        append(connection, [{"event": "task.changed", "message": message} for message in messages])


def read(news: Iterator[News], count: int) -> list[str]:
    """So many messages; the rest of their page is lost."""
    said: list[str] = []
    deadline = time.monotonic() + DEADLINE_S
    while len(said) < count:
        assert time.monotonic() < deadline, f"only {said}"
        said += [entry.event["message"] for entry in next(news).entries]
    return said


def test_each_hears_what_it_wants_from_when_it_came(store: Store, broadcast: Broadcast) -> None:
    tell(store, "before")
    with ExitStack() as stack:
        all_of_it = stack.enter_context(closing(broadcast.follow(everything, None)))
        odd = stack.enter_context(closing(broadcast.follow(lambda event: event["message"] in {"1", "3"}, None)))
        next(all_of_it), next(odd)
        tell(store, "1", "2")
        tell(store, "3")
        assert read(all_of_it, 3) == ["1", "2", "3"]
        assert read(odd, 2) == ["1", "3"]


def test_whoever_comes_back_hears_the_rest(store: Store, broadcast: Broadcast) -> None:
    with closing(broadcast.follow(everything, None)) as news:
        cursor = next(news).cursor
        tell(store, "1", "2")
        while not (page := next(news)).entries:
            pass
        first = page.entries[0]
    tell(store, "3")
    for after, expected in ((cursor, ["1", "2", "3"]), (first.cursor, ["2", "3"])):
        with closing(broadcast.follow(everything, after)) as again:
            assert read(again, len(expected)) == expected


def test_who_is_slow_misses_nothing_and_nobody_waits_for_him(
    store: Store, broadcast: Broadcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast_module, "BACKLOG", 5)
    monkeypatch.setattr(broadcast_module, "PAGE", 3)
    monkeypatch.setattr(broadcast_module, "LOOK_S", 0.02)
    with closing(broadcast.follow(everything, None)) as slow, closing(broadcast.follow(everything, None)) as quick:
        next(slow), next(quick)
        said: list[str] = []
        for number in range(20):
            tell(store, f"{number:02} a", f"{number:02} b")
            said += read(quick, 2)
        expected = [f"{number:02} {letter}" for number in range(20) for letter in "ab"]
        assert said == expected
        assert read(slow, 40) == expected
        tell(store, "on")
        assert (read(slow, 1), read(quick, 1)) == (["on"], ["on"])


def test_what_is_no_longer_kept_is_said(store: Store, broadcast: Broadcast) -> None:
    with closing(broadcast.follow(everything, "a cursor of another world")) as news:
        assert next(news).reset
        tell(store, "on")
        assert read(news, 1) == ["on"]


def test_there_are_only_so_many_and_places_are_given_back(broadcast: Broadcast) -> None:
    with ExitStack() as stack:
        for _ in range(4):
            next(stack.enter_context(closing(broadcast.follow(everything, None))))
        for _ in range(2):
            with pytest.raises(TooManyStreams):
                next(broadcast.follow(everything, None))
    with closing(broadcast.follow(everything, None)) as news:
        next(news)


def test_the_end_of_the_process_ends_all_streams(broadcast: Broadcast) -> None:
    with closing(broadcast.follow(everything, None)) as news:
        next(news)
        broadcast.stop()
        assert [entry for page in news for entry in page.entries] == []
    assert list(broadcast.follow(everything, None)) == []


def test_a_task_s_stream_says_that_it_ended_only_when_the_task_has(store: Store, broadcast: Broadcast) -> None:
    with closing(broadcast.follow(everything, None)) as news:
        next(news)
        with store.database.write() as connection:
            append(connection, [{"event": "task.succeeded", "state": "SUCCESS"}])
        assert list(frames_of(b"", news, over=is_over))[-1].startswith(b"id: end")
    with closing(broadcast.follow(everything, None)) as news:
        next(news)
        broadcast.stop()
        assert b"id: end" not in b"".join(frames_of(b"", news, over=is_over))


class Watched(EventLog):
    """Counts looks, and is away when told to."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.looks = 0
        self.away = False

    def after(self, *arguments: Any) -> Any:
        self.looks += 1
        if self.away:
            raise StoreUnavailable
        return super().after(*arguments)


def test_it_rests_when_nobody_listens(sqlite: Store) -> None:
    log = Watched(sqlite.database)
    broadcast = Broadcast(log, most=4)
    with closing(broadcast.follow(everything, None)) as news:
        next(news)
        tell(sqlite, "1")
        read(news, 1)
    thread = broadcast._thread
    assert thread
    deadline = time.monotonic() + DEADLINE_S
    while broadcast._cursor is not None:
        assert time.monotonic() < deadline, "it reads on"
        time.sleep(0.01)
    looks = log.looks
    time.sleep(broadcast_module.LOOK_S * 2)
    assert log.looks == looks
    assert thread.is_alive()
    broadcast.stop()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


def test_a_database_that_was_away_costs_nothing_but_time(sqlite: Store) -> None:
    log = Watched(sqlite.database)
    broadcast = Broadcast(log, most=4)
    with closing(broadcast.follow(everything, None)) as news:
        next(news)
        log.away = True
        tell(sqlite, "1")
        looks = log.looks
        deadline = time.monotonic() + DEADLINE_S
        while log.looks == looks and time.monotonic() < deadline:
            next(news)
        log.away = False
        assert read(news, 1) == ["1"]
    broadcast.stop()
