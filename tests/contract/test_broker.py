"""Our own way of writing messages, held against a real RabbitMQ and kombu's way of reading them."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID, uuid4

import pytest
from kombu import Connection, Message

from task_system.broker import topology
from task_system.broker.amqp_link import WINDOW, AmqpLink
from task_system.broker.inspection import Inspector
from task_system.broker.message import BODY, headers_of, reference_of
from task_system.model.errors import BrokerUnavailable
from task_system.model.ids import new_id
from task_system.model.routing import LANES, queues_of
from task_system.model.task import Dispatch
from task_system.testing.servers import RabbitMQ
from tests.contract.kit import DEADLINE_S

QUEUE = "default.normal"


@pytest.fixture
def broker(rabbitmq_server: RabbitMQ) -> RabbitMQ:
    """A RabbitMQ with empty queues."""
    if not rabbitmq_server.running:
        rabbitmq_server.start()
    with Connection(rabbitmq_server.url) as connection:
        topology.declare(connection)
        for queue in (*topology.QUEUES, topology.DEAD_QUEUE):
            queue(connection.default_channel).purge()
    return rabbitmq_server


@pytest.fixture
def link(broker: RabbitMQ) -> Iterator[AmqpLink]:
    opened = AmqpLink(broker.url)
    yield opened
    opened.close()


def dispatches(count: int, queue: str = QUEUE) -> list[Dispatch]:
    return [Dispatch(new_id(), 1 + number % 7, queue, "echo") for number in range(count)]


def answers(link: AmqpLink) -> tuple[list[Dispatch], list[Dispatch]]:
    """What the broker said until nothing is unconfirmed."""
    confirmed: list[Dispatch] = []
    refused: list[Dispatch] = []
    deadline = time.monotonic() + DEADLINE_S
    while link.unconfirmed:
        assert time.monotonic() < deadline
        link.wait(1.0)
        new = link.taken()
        confirmed += new[0]
        refused += new[1]
    return confirmed, refused


@contextmanager
def consumer(broker: RabbitMQ) -> Iterator[Callable[[str], Message | None]]:
    with Connection(broker.url) as connection:
        channel = connection.default_channel
        by_name = {queue.name: queue(channel) for queue in (*topology.QUEUES, topology.DEAD_QUEUE)}
        yield lambda name: by_name[name].get(no_ack=True)


def received(broker: RabbitMQ, queue: str, count: int) -> list[Message]:
    """So many messages; a quorum queue shows what it confirmed a moment later."""
    found: list[Message] = []
    deadline = time.monotonic() + DEADLINE_S
    with consumer(broker) as get:
        while len(found) < count:
            assert time.monotonic() < deadline
            if message := get(queue):
                found.append(message)
        assert get(queue) is None
    return found


# Messages.


def test_what_is_published_is_celerys_protocol_2_with_a_bare_reference_in_it(broker: RabbitMQ, link: AmqpLink) -> None:
    dispatch = Dispatch(new_id(), 2**31 - 1, "email_sending.high", "email_sending")
    link.send([dispatch])
    assert answers(link) == ([dispatch], [])

    (message,) = received(broker, "email_sending.high", 1)
    message.headers.pop("x-delivery-count", None)  # the queue's own
    headers = headers_of(dispatch)
    assert {**message.headers, "argsrepr": None} == {**headers, "argsrepr": None}
    assert {name: type(value) for name, value in message.headers.items()} == {
        name: type(value) for name, value in headers.items()
    }
    assert message.payload == [[], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
    assert (message.content_type, message.content_encoding) == ("application/json", "utf-8")
    assert message.properties["correlation_id"] == str(dispatch.task_id)
    assert message.properties["delivery_mode"] == 2
    assert message.delivery_info["exchange"] == "tasks"
    assert message.delivery_info["routing_key"] == "email_sending.high"
    assert reference_of(message) == (dispatch.task_id, dispatch.dispatch_no)


def test_messages_of_one_queue_and_type_differ_in_nothing_but_the_reference(broker: RabbitMQ, link: AmqpLink) -> None:
    sent = [Dispatch(new_id(), number, QUEUE, "echo") for number in (1, 2, 255, 256, 65_536, 2**30)]
    link.send(sent)
    assert answers(link) == (sent, [])
    found = received(broker, QUEUE, len(sent))
    assert [reference_of(message) for message in found] == [(d.task_id, d.dispatch_no) for d in sent]
    for message, dispatch in zip(found, sent, strict=True):
        assert message.headers["id"] == message.headers["root_id"] == str(dispatch.task_id)
    others = [{**m.headers, "id": 0, "root_id": 0, "dispatch_no": 0} for m in found]
    assert all(headers == others[0] for headers in others)


@pytest.mark.parametrize("queue", queues_of(LANES))
def test_every_queue_is_reached(broker: RabbitMQ, link: AmqpLink, queue: str) -> None:
    (dispatch,) = dispatches(1, queue)
    link.send([dispatch])
    assert answers(link) == ([dispatch], [])
    assert reference_of(received(broker, queue, 1)[0])[0] == dispatch.task_id


def message_with(headers: object) -> Message:
    return Message(body=BODY, headers=headers, channel=None)


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"id": str(uuid4())},
        {"dispatch_no": 1},
        {"id": "no id", "dispatch_no": 1},
        {"id": 7, "dispatch_no": 1},
        {"id": None, "dispatch_no": 1},
        {"id": str(uuid4()), "dispatch_no": "1"},
        {"id": str(uuid4()), "dispatch_no": 0},
        {"id": str(uuid4()), "dispatch_no": -1},
        {"id": str(uuid4()), "dispatch_no": True},
        {"id": str(uuid4()), "dispatch_no": 1.0},
        {"id": str(uuid4()), "dispatch_no": 2**31},
    ],
)
def test_a_message_that_is_not_ours_is_told_apart(headers: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        reference_of(message_with(headers))


def test_the_body_is_json() -> None:
    assert json.loads(BODY) == [[], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
    dispatch = Dispatch(uuid4(), 3, QUEUE, "echo")
    assert reference_of(message_with(headers_of(dispatch))) == (dispatch.task_id, 3)


# Confirms.


def test_hundreds_of_messages_within_the_window_are_each_confirmed_once(broker: RabbitMQ, link: AmqpLink) -> None:
    sent = dispatches(800)
    waiting = list(sent)
    confirmed: list[Dispatch] = []
    deadline = time.monotonic() + DEADLINE_S
    while len(confirmed) < len(sent):
        assert time.monotonic() < deadline
        room = link.window - link.unconfirmed
        if waiting and room:
            link.send(waiting[:room])
            del waiting[:room]
        assert link.unconfirmed <= WINDOW
        link.wait(1.0)
        new, refused = link.taken()
        assert refused == []
        confirmed += new
    assert len(set(confirmed)) == len(confirmed)
    assert set(confirmed) == set(sent)
    assert {reference_of(m) for m in received(broker, QUEUE, 800)} == {(d.task_id, d.dispatch_no) for d in sent}


def test_what_no_queue_takes_is_refused_and_the_others_are_not(broker: RabbitMQ, link: AmqpLink) -> None:
    with Connection(broker.url) as connection:
        connection.default_channel.queue_delete("image_processing.low")
    fine, lost = dispatches(30), dispatches(30, "image_processing.low")
    link.send([dispatch for pair in zip(fine, lost, strict=True) for dispatch in pair])
    confirmed, refused = answers(link)
    assert set(confirmed) == set(fine)
    assert set(refused) == set(lost)

    # A new connection declares what is missing.
    again = AmqpLink(broker.url)
    again.send(lost)
    assert answers(again) == (lost, [])
    again.close()


def test_a_queue_that_takes_no_more_refuses(broker: RabbitMQ, link: AmqpLink) -> None:
    broker.ctl(
        "set_policy", "-p", "task_system", "full", r"^default\.low$", '{"max-length": 1, "overflow": "reject-publish"}'
    )
    try:
        sent = dispatches(30, "default.low")
        refused: list[Dispatch] = []
        deadline = time.monotonic() + DEADLINE_S
        while not refused:
            assert time.monotonic() < deadline
            link.send(sent)
            confirmed, refused = answers(link)
            assert sorted(d.task_id for d in confirmed + refused) == sorted(d.task_id for d in sent)
    finally:
        broker.ctl("clear_policy", "-p", "task_system", "full")


def test_waiting_ends_early_when_woken(link: AmqpLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("task_system.broker.amqp_link.HEARTBEAT_S", 4 * 60)
    began = time.monotonic()
    waker = threading.Timer(0.05, link.wake)
    waker.start()
    link.wait(60.0)
    waker.join()
    for _ in range(100_000):
        link.wake()
    link.wait(60.0)
    assert time.monotonic() - began < 60


def test_a_link_that_was_closed_can_still_be_woken(broker: RabbitMQ) -> None:
    link = AmqpLink(broker.url)
    link.close()
    link.wake()


# Trouble.


@pytest.mark.parametrize("url", ["amqp://task_system:wrong@{}", "amqp://{}/nowhere"])
def test_who_is_not_let_in_is_told_that_the_broker_is_away(broker: RabbitMQ, url: str) -> None:
    _, _, address = broker.url.partition("@")
    user, _, _ = broker.url.partition("@")
    wrong = url.format(address) if "wrong" in url else f"{user}@{address.partition('/')[0]}/nowhere"
    with pytest.raises(BrokerUnavailable):
        AmqpLink(wrong)


def test_a_broker_that_is_not_there_is_away() -> None:
    with pytest.raises(BrokerUnavailable):
        AmqpLink("amqp://nobody:nothing@127.0.0.1:1//")
    with pytest.raises(BrokerUnavailable):
        Inspector("amqp://nobody:nothing@127.0.0.1:1//").ping()


def test_a_broker_that_says_nothing_is_given_up(
    broker: RabbitMQ, link: AmqpLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("task_system.broker.amqp_link.CONFIRM_TIMEOUT_S", 0.3)
    broker.send_signal(signal.SIGSTOP)
    try:
        link.send(dispatches(3))
        with pytest.raises(BrokerUnavailable, match="did not confirm one in time"):
            answers(link)
        assert link.unconfirmed == 3
    finally:
        broker.send_signal(signal.SIGCONT)


# Looking into it.


@contextmanager
def without_quorum(broker: RabbitMQ, queue: str) -> Iterator[None]:
    """While inside, a queue is as where most nodes of a cluster are gone: nobody leads it."""
    server = f"{{'task_system_{queue}', node()}}"
    broker.ctl("eval", f"ra:stop_server(quorum_queues, {server}).")
    try:
        yield
    finally:
        broker.ctl("eval", f"ra:restart_server(quorum_queues, {server}).")


def test_queues_that_take_no_messages_are_told(broker: RabbitMQ) -> None:
    inspector = Inspector(broker.url)
    inspector.ping()
    with without_quorum(broker, topology.PROBE_QUEUE.name):
        started = time.monotonic()
        with pytest.raises(BrokerUnavailable, match="most nodes of its cluster"):
            inspector.ping()
        with pytest.raises(BrokerUnavailable):
            inspector.depth(QUEUE)
        assert time.monotonic() - started < DEADLINE_S
    deadline = time.monotonic() + DEADLINE_S
    while True:
        with suppress(BrokerUnavailable):
            inspector.ping()
            break
        assert time.monotonic() < deadline


def test_looks_leave_nothing_behind(broker: RabbitMQ) -> None:
    inspector = Inspector(broker.url)
    for _ in range(3):
        inspector.ping()
    deadline = time.monotonic() + DEADLINE_S
    with Connection(broker.url) as connection:
        while topology.depth(connection, topology.PROBE_QUEUE.name):
            assert time.monotonic() < deadline


def test_the_depth_of_a_queue_is_seen(broker: RabbitMQ, link: AmqpLink) -> None:
    inspector = Inspector(broker.url)
    inspector.ping()
    assert inspector.depth(QUEUE) == 0
    assert inspector.depth("nowhere.high") == 0
    link.send(dispatches(5))
    answers(link)
    deadline = time.monotonic() + DEADLINE_S
    while inspector.depth(QUEUE) != 5:
        assert time.monotonic() < deadline


def test_dead_letters_are_seen_until_they_are_acknowledged(broker: RabbitMQ) -> None:
    with Connection(broker.url, transport_options={"confirm_publish": True}) as connection:
        producer = connection.Producer(exchange=topology.DEAD)
        for dispatch in dispatches(3):
            producer.publish(
                BODY, headers=headers_of(dispatch), content_type="application/json", content_encoding="utf-8"
            )
    inspector = Inspector(broker.url)
    seen: set[UUID] = set()
    deadline = time.monotonic() + DEADLINE_S
    while len(seen) < 3:
        assert time.monotonic() < deadline
        for message in inspector.dead_letters():
            seen.add(reference_of(message)[0])
    for message in inspector.dead_letters():
        message.ack()
    assert list(inspector.dead_letters()) == []


# At the end, because a broker takes its time to start again.


def test_a_broker_that_dies_breaks_the_connection_and_leaves_no_doubtful_confirm(broker: RabbitMQ) -> None:
    link = AmqpLink(broker.url)
    link.send(dispatches(20))
    before, _ = answers(link)
    assert len(before) == 20
    broker.kill()

    lost = dispatches(WINDOW)

    def go_on() -> None:
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            if not link.unconfirmed:
                link.send(lost)
            link.wait(0.2)

    with pytest.raises(BrokerUnavailable):
        go_on()
    assert link.taken() == ([], [])
    link.close()
    with pytest.raises(BrokerUnavailable):
        AmqpLink(broker.url)
