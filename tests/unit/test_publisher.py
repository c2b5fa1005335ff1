"""Publishing in the background: what the broker has is noted, what it refused or never answered stays the relay's."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from task_system.dispatch import publisher as module
from task_system.dispatch.publisher import Publisher
from task_system.model.errors import BrokerUnavailable
from task_system.model.events import Events
from task_system.model.task import Dispatch
from task_system.testing.servers.server import wait_until
from tests.contract.kit import DEADLINE_S, Store, dispatch_of, new_task


class Broker:
    """A broker in the test's hands: what arrives is answered when, and as, the test says."""

    def __init__(self) -> None:
        self.arrived: list[Dispatch] = []
        self.links: list[Link] = []
        #: What it answers a message with, by itself.
        self.answer: Callable[[Dispatch], str | None] = lambda _dispatch: "confirm"
        self.away = False

    def open(self) -> "Link":
        if self.away:
            raise BrokerUnavailable
        link = Link(self)
        self.links.append(link)
        return link

    @property
    def link(self) -> "Link":
        """The connection that is open now."""
        return self.links[-1]


class Link:
    window = 10

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._sent: list[Dispatch] = []
        self._confirmed: list[Dispatch] = []
        self._refused: list[Dispatch] = []
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._broken = False
        self.closed = False
        self.most_unconfirmed = 0

    @property
    def unconfirmed(self) -> int:
        return len(self._sent)

    def send(self, dispatches: Sequence[Dispatch]) -> None:
        self._sent += dispatches
        self.most_unconfirmed = max(self.most_unconfirmed, len(self._sent))
        for dispatch in dispatches:
            self._broker.arrived.append(dispatch)
            answer = self._broker.answer(dispatch)
            if answer == "break":
                raise BrokerUnavailable("the connection broke")
            if answer:
                self.say(answer, dispatch)

    def say(self, answer: str, dispatch: Dispatch) -> None:
        with self._lock:
            self._sent.remove(dispatch)
            (self._confirmed if answer == "confirm" else self._refused).append(dispatch)
        self._woken.set()

    def break_off(self) -> None:
        self._broken = True
        self._woken.set()

    def wait(self, timeout_s: float) -> None:
        self._woken.wait(timeout_s)
        self._woken.clear()
        if self._broken:
            raise BrokerUnavailable("the connection broke")

    def wake(self) -> None:
        self._woken.set()

    def taken(self) -> tuple[list[Dispatch], list[Dispatch]]:
        with self._lock:
            taken = self._confirmed, self._refused
            self._confirmed, self._refused = [], []
        return taken

    def close(self) -> None:
        self.closed = True


class Service:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.broker = Broker()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.publisher = Publisher(self.broker.open, store.upkeep, Events(lambda *event: self.events.append(event)))

    def submitted(self, count: int) -> list[Dispatch]:
        rows = [new_task() for _ in range(count)]
        self.store.submissions.record(rows)
        return [dispatch_of(row) for row in rows]

    def noted(self, dispatches: list[Dispatch]) -> int:
        """How many of them the store knows to be with the broker; the others are the relay's."""
        rows, _ = self.store.rows()
        for dispatch in dispatches:
            row = rows[dispatch.task_id]
            assert (row["published_at"] is None) == (row["relay_at"] is not None)
        return sum(rows[dispatch.task_id]["published_at"] is not None for dispatch in dispatches)

    def wait_until_noted(self, dispatches: list[Dispatch]) -> None:
        wait_until(lambda: self.noted(dispatches) == len(dispatches), DEADLINE_S)

    def count(self, name: str) -> int:
        return sum(facts["count"] for event, facts in self.events if event == name)


@pytest.fixture
def service(sqlite: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(module, "RECONNECT_FIRST_S", 0.01)
    monkeypatch.setattr(module, "RECONNECT_MOST_S", 0.05)
    monkeypatch.setattr(module, "NOTE_EVERY_S", 0.05)
    made = Service(sqlite)
    yield made
    made.broker.away = True
    for link in made.broker.links:
        link.break_off()
    made.publisher.stop()


def test_what_the_broker_confirmed_is_noted(service: Service) -> None:
    dispatches = service.submitted(25)
    service.publisher.publish(dispatches)
    service.wait_until_noted(dispatches)
    assert service.broker.arrived == dispatches
    assert service.count("task.dispatched") == 25
    assert service.publisher.connected
    assert service.publisher.waiting == 0


def test_no_more_is_unconfirmed_than_the_window_holds(service: Service) -> None:
    held: list[Dispatch] = []
    service.broker.answer = held.append
    dispatches = service.submitted(35)
    service.publisher.publish(dispatches)
    confirmed = 0
    while confirmed < len(dispatches):
        wait_until(lambda: len(held) > confirmed, DEADLINE_S)  # noqa: B023 - waited for at once
        assert service.broker.link.unconfirmed <= Link.window
        service.broker.link.say("confirm", held[confirmed])
        confirmed += 1
    service.wait_until_noted(dispatches)
    assert service.broker.link.most_unconfirmed == Link.window
    assert len(service.broker.links) == 1


def test_confirms_in_any_order_are_each_ones_own(service: Service) -> None:
    held: list[Dispatch] = []
    service.broker.answer = held.append
    dispatches = service.submitted(6)
    service.publisher.publish(dispatches)
    wait_until(lambda: len(held) == 6, DEADLINE_S)
    for dispatch in (dispatches[4], dispatches[1]):
        service.broker.link.say("confirm", dispatch)
    service.wait_until_noted([dispatches[4], dispatches[1]])
    assert service.noted(dispatches) == 2


def test_what_the_broker_refused_is_the_relays_at_once_and_a_new_connection_is_made(service: Service) -> None:
    dispatches = service.submitted(3)
    service.broker.answer = lambda dispatch: "refuse" if dispatch is dispatches[1] else "confirm"
    service.publisher.publish(dispatches)
    wait_until(lambda: len(service.broker.links) == 2, DEADLINE_S)
    service.wait_until_noted([dispatches[0], dispatches[2]])
    assert service.store.upkeep.take_due(10) == [dispatches[1]]
    assert service.broker.links[0].closed
    assert not service.broker.link.closed


@pytest.mark.parametrize("when", ["sending", "waiting"])
def test_a_connection_that_breaks_is_thrown_away_and_unanswered_rows_stay_the_relays(
    service: Service, when: str
) -> None:
    dispatches = service.submitted(8)
    answers: dict[Dispatch, str | None] = dict.fromkeys(dispatches[:3], "confirm")
    if when == "sending":
        answers[dispatches[5]] = "break"
    service.broker.answer = answers.get
    service.publisher.publish(dispatches)
    if when == "waiting":
        wait_until(lambda: len(service.broker.arrived) == 8, DEADLINE_S)
        service.broker.link.break_off()
    wait_until(lambda: len(service.broker.links) == 2, DEADLINE_S)

    service.wait_until_noted(dispatches[:3])
    assert service.noted(dispatches[3:]) == 0
    assert service.broker.links[0].closed
    assert service.count("task.dispatch_failed") >= 5
    # Nothing is sent twice by itself; the relay brings them when their time comes.
    service.broker.answer = lambda _dispatch: "confirm"
    service.store.make_due(*(dispatch.task_id for dispatch in dispatches[3:]))
    again = service.store.upkeep.take_due(10)
    assert set(again) == set(dispatches[3:])
    service.publisher.publish(again)
    service.wait_until_noted(dispatches)


def test_a_broker_that_is_away_is_tried_until_it_is_back(service: Service) -> None:
    service.broker.away = True
    lost = service.submitted(4)
    service.publisher.publish(lost)
    wait_until(lambda: service.publisher.connected is False, DEADLINE_S)
    wait_until(lambda: service.count("task.dispatch_failed") == 4, DEADLINE_S)
    assert service.publisher.waiting == 0
    service.broker.away = False
    wait_until(lambda: bool(service.publisher.connected), DEADLINE_S)
    fresh = service.submitted(2)
    service.publisher.publish(fresh)
    service.wait_until_noted(fresh)
    assert service.noted(lost) == 0


def test_a_link_that_raises_anything_else_does_not_end_the_thread(service: Service) -> None:
    broken, fine = service.submitted(1), service.submitted(1)

    def answer(dispatch: Dispatch) -> str:
        if dispatch in broken:
            raise RuntimeError("a mistake of ours")
        return "confirm"

    service.broker.answer = answer
    service.publisher.publish(broken)
    wait_until(lambda: len(service.broker.links) == 2, DEADLINE_S)
    service.publisher.publish(fine)
    service.wait_until_noted(fine)
    assert service.noted(broken) == 0


def test_a_row_that_was_claimed_meanwhile_is_left_alone(service: Service) -> None:
    (dispatch,) = service.submitted(1)
    held: list[Dispatch] = []
    service.broker.answer = held.append
    service.publisher.publish([dispatch])
    wait_until(lambda: held == [dispatch], DEADLINE_S)
    assert service.store.claim(dispatch.task_id)
    before = service.store.row(dispatch.task_id)
    service.broker.link.say("confirm", dispatch)
    wait_until(lambda: service.count("task.dispatched") == 1, DEADLINE_S)
    service.publisher.stop()
    assert service.store.row(dispatch.task_id) == before


def test_a_store_that_is_away_when_confirms_are_noted_costs_nothing(
    service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = service.submitted(1), service.submitted(1)
    folder = Path(str(service.store.database.engine.url.database)).parent
    service.store.database.close()
    elsewhere = folder.rename(tmp_path / "elsewhere")
    with caplog.at_level(logging.WARNING):
        service.publisher.publish(first)
        wait_until(lambda: "could not note 1 confirms" in caplog.text, DEADLINE_S)
    elsewhere.rename(folder)
    service.publisher.publish(second)
    service.wait_until_noted(second)
    assert service.noted(first) == 0
    assert len(service.broker.links) == 1


def test_stopping_publishes_what_waits_and_notes_it(service: Service) -> None:
    dispatches = service.submitted(40)
    service.publisher.publish(dispatches)
    service.publisher.stop()
    assert service.noted(dispatches) == 40
    assert service.broker.link.closed


def test_stopping_does_not_wait_for_a_broker_that_says_nothing(service: Service) -> None:
    service.broker.answer = lambda _dispatch: None
    service.publisher.publish(service.submitted(1))
    wait_until(lambda: len(service.broker.arrived) == 1, DEADLINE_S)
    service.publisher.stop(timeout_s=0.05)
    assert service.broker.link.unconfirmed == 1
    service.broker.link.break_off()


def test_more_than_can_wait_push_out_the_oldest(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CAPACITY", 5)
    opening, may_open = threading.Event(), threading.Event()

    def open_when_allowed() -> Link:
        opening.set()
        may_open.wait(DEADLINE_S)
        return service.broker.open()

    publisher = Publisher(open_when_allowed, service.store.upkeep, Events())
    dispatches = service.submitted(8)
    publisher.publish(dispatches)
    assert opening.wait(DEADLINE_S)
    assert publisher.waiting == 5
    may_open.set()
    service.wait_until_noted(dispatches[3:])
    publisher.stop()
    assert service.broker.arrived == dispatches[3:]
    assert service.noted(dispatches[:3]) == 0


def test_threads_that_publish_at_once_are_all_served(service: Service) -> None:
    dispatches = service.submitted(120)
    ready = threading.Barrier(6, timeout=DEADLINE_S)

    def publish(number: int) -> None:
        ready.wait()
        for dispatch in dispatches[number::6]:
            service.publisher.publish([dispatch])

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    service.wait_until_noted(dispatches)
    assert sorted(d.task_id for d in service.broker.arrived) == sorted(d.task_id for d in dispatches)
    assert len(service.broker.links) == 1


def test_starting_again_and_after_the_end_is_harmless(service: Service) -> None:
    service.publisher.start()
    service.publisher.start()
    wait_until(lambda: len(service.broker.links) == 1, DEADLINE_S)
    service.publisher.stop()
    service.publisher.start()
    service.publisher.publish(service.submitted(1))
    assert len(service.broker.links) == 1
    assert service.broker.arrived == []
