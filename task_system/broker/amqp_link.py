"""Publishing to RabbitMQ at full speed: mandatory, confirmed, many at a time.

py-amqp waits for each confirm before it sends the next message, and takes any confirm for its own. Here messages are
pipelined and every confirm is matched by its delivery tag. The frames of a message differ only in an id and a number,
so they are made once for each queue and type and patched for each message, which takes a twentieth of the time.
"""

import select
import socket
import struct
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from uuid import UUID

import amqp
from amqp.basic_message import Message as AmqpMessage
from amqp.exceptions import AMQPError
from amqp.serialization import dumps
from kombu import Connection

from task_system.broker import topology
from task_system.broker.message import BODY, CONTENT_ENCODING, CONTENT_TYPE, headers_of
from task_system.model.errors import BrokerUnavailable
from task_system.model.task import Dispatch

#: Unconfirmed messages at a time: more adds latency and hardly any throughput.
WINDOW = 128
#: Without an answer for this long the connection is given up, in seconds.
CONFIRM_TIMEOUT_S = 5.0
HEARTBEAT_S = 10
CONNECT_TIMEOUT_S = 2.0
#: Put in the place of what differs from message to message, found nowhere else in it.
_ID = UUID("5a5a5a5a-0f0f-4b4b-8c8c-a1b2c3d4e5f6")
_NUMBER = 0x7A6B5C4D


class AmqpLink:
    """A Link to RabbitMQ. Declares the topology when it opens. Raises BrokerUnavailable."""

    window = WINDOW

    def __init__(self, url: str) -> None:
        self._unconfirmed: OrderedDict[int, tuple[Dispatch, float]] = OrderedDict()
        self._returned: set[UUID] = set()
        self._confirmed: list[Dispatch] = []
        self._refused: list[Dispatch] = []
        self._next_tag = 1
        self._wake_receive, self._wake_send = socket.socketpair()
        self._wake_receive.setblocking(False)
        self._wake_send.setblocking(False)
        self._connection = Connection(
            url,
            heartbeat=HEARTBEAT_S,
            connect_timeout=CONNECT_TIMEOUT_S,
            transport_options={
                "read_timeout": CONFIRM_TIMEOUT_S,
                "write_timeout": CONFIRM_TIMEOUT_S,
                "max_retries": 0,
                "socket_settings": {socket.TCP_USER_TIMEOUT: 10_000, socket.TCP_KEEPIDLE: 30},
            },
        )
        try:
            self._open()
        except (AMQPError, OSError) as error:
            self.close()
            raise BrokerUnavailable from error

    def _open(self) -> None:
        self._amqp: amqp.Connection = self._connection.connect()
        topology.declare(self._connection)
        self._channel = self._amqp.channel()
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)

    @property
    def unconfirmed(self) -> int:
        return len(self._unconfirmed)

    def send(self, dispatches: Sequence[Dispatch]) -> None:
        now = time.monotonic()
        frames = []
        for dispatch in dispatches:
            frames.append(_frames(self._channel.channel_id, dispatch))
            self._unconfirmed[self._next_tag] = (dispatch, now)
            self._next_tag += 1
        try:
            self._amqp.transport.write(b"".join(frames))
            self._amqp.bytes_sent += len(frames)
        except (AMQPError, OSError) as error:
            raise BrokerUnavailable from error

    def wait(self, timeout_s: float) -> None:
        try:
            readable = self._readable(min(timeout_s, HEARTBEAT_S / 4))
            while readable:
                # One frame. `drain_events` would wait on for a method when the frame is a heartbeat.
                self._amqp.blocking_read(CONFIRM_TIMEOUT_S)
                readable = self._readable(0)
            self._amqp.heartbeat_tick()
        except (AMQPError, OSError) as error:
            raise BrokerUnavailable from error
        if self._unconfirmed:
            oldest = next(iter(self._unconfirmed.values()))[1]
            if time.monotonic() - oldest > CONFIRM_TIMEOUT_S:
                raise BrokerUnavailable("RabbitMQ takes no messages: it did not confirm one in time.")

    def _readable(self, timeout_s: float) -> bool:
        sock = self._amqp.sock
        if getattr(sock, "pending", None) and sock.pending():
            return True
        ready, _, _ = select.select([sock, self._wake_receive], [], [], timeout_s)
        if self._wake_receive in ready:
            with suppress(BlockingIOError):
                self._wake_receive.recv(4096)
        return sock in ready

    def wake(self) -> None:
        # A full pipe already wakes; a closed one has nobody left to wake.
        with suppress(BlockingIOError, OSError):
            self._wake_send.send(b"\0")

    def taken(self) -> tuple[list[Dispatch], list[Dispatch]]:
        confirmed, refused = self._confirmed, self._refused
        self._confirmed, self._refused = [], []
        return confirmed, refused

    def close(self) -> None:
        with suppress(Exception):
            # Not `close()`: that waits for an answer which a broker in trouble never gives.
            self._connection.collect(socket_timeout=0.1)
        self._wake_receive.close()
        self._wake_send.close()

    def _on_ack(self, delivery_tag: int, multiple: bool) -> None:
        for dispatch in self._answered(delivery_tag, multiple):
            if dispatch.task_id in self._returned:
                self._returned.discard(dispatch.task_id)
                self._refused.append(dispatch)
            else:
                self._confirmed.append(dispatch)

    def _on_nack(self, delivery_tag: int, multiple: bool) -> None:
        self._refused.extend(self._answered(delivery_tag, multiple))

    def _on_return(self, _error: Exception, _exchange: str, _routing_key: str, message: AmqpMessage) -> None:
        # No queue took it. Its ack follows, and means only "done with it".
        self._returned.add(UUID(message.headers["id"]))

    def _answered(self, delivery_tag: int, multiple: bool) -> list[Dispatch]:
        if not multiple:
            found = self._unconfirmed.pop(delivery_tag, None)
            return [found[0]] if found else []
        answered = []
        while self._unconfirmed and next(iter(self._unconfirmed)) <= delivery_tag:
            answered.append(self._unconfirmed.popitem(last=False)[1][0])
        return answered


def _frames(channel_id: int, dispatch: Dispatch) -> bytes:
    return (
        _template(channel_id, dispatch.queue, dispatch.task_type)
        .replace(str(_ID).encode(), str(dispatch.task_id).encode())
        .replace(struct.pack(">i", _NUMBER), struct.pack(">i", dispatch.dispatch_no))
    )


@lru_cache(maxsize=1024)
def _template(channel_id: int, queue: str, task_type: str) -> bytes:
    """basic.publish, content header and body (AMQP 0-9-1, sections 4.2.3 and 4.2.6), with placeholders."""
    headers = headers_of(Dispatch(_ID, _NUMBER, queue, task_type))
    headers["argsrepr"] = "()"
    properties = AmqpMessage(  # noqa: SLF001 - py-amqp's own way to a content header's bytes
        BODY,
        content_type=CONTENT_TYPE,
        content_encoding=CONTENT_ENCODING,
        application_headers=headers,
        delivery_mode=2,
        correlation_id=str(_ID),
    )._serialize_properties()
    # Reserved, exchange, routing key, mandatory, immediate.
    publish = struct.pack(">HH", 60, 40) + dumps("Bssbb", [0, topology.TASKS.name, queue, True, False])
    header = struct.pack(">HHQ", 60, 0, len(BODY)) + properties
    return b"".join(_frame(kind, channel_id, payload) for kind, payload in ((1, publish), (2, header), (3, BODY)))


def _frame(kind: int, channel_id: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, channel_id, len(payload)) + payload + b"\xce"
