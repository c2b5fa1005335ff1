"""The fault proxy does what its toxics are called, and nothing where it has none."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator

import pytest

from task_system.testing.servers.ports import HOST
from tests.chaos.harness.framing import Amqp, Frame, Framing, PostgreSql, Raw
from tests.chaos.harness.proxy import FaultProxy, ProxyLoop
from tests.chaos.harness.toxics import (
    DOWN,
    UP,
    Bandwidth,
    Cut,
    Drop,
    DuplicateMessage,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    SwallowReply,
    Timeout,
    Toxic,
)
from tests.integration.service import wait_until

Opened = Callable[..., tuple[FaultProxy, socket.socket]]
LONG_S = 10.0


@pytest.fixture(scope="module")
def loop() -> Iterator[ProxyLoop]:
    loop = ProxyLoop()
    yield loop
    loop.stop()


@pytest.fixture
def opened(loop: ProxyLoop) -> Iterator[Opened]:
    """Answers a proxy in front of an echo server, and a client behind it."""
    closing: list[Callable[[], object]] = []

    def open_(framing: Callable[[], Framing] = Raw) -> tuple[FaultProxy, socket.socket]:
        listener = socket.create_server((HOST, 0))
        thread = threading.Thread(target=_echo, args=(listener,), daemon=True)
        thread.start()
        proxy = FaultProxy(loop, listener.getsockname()[1], framing)
        client = socket.create_connection((HOST, proxy.port), timeout=LONG_S)
        closing.extend((client.close, proxy.down, listener.close))
        return proxy, client

    yield open_
    for close in closing:
        close()


def _echo(listener: socket.socket) -> None:
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_echo_one, args=(sock,), daemon=True).start()


def _echo_one(sock: socket.socket) -> None:
    with sock:
        try:
            while data := sock.recv(65536):
                sock.sendall(data)
        except OSError:
            return


def exchange(client: socket.socket, data: bytes, count: int | None = None) -> bytes:
    """Send, and read so much of what comes back."""
    client.sendall(data)
    return receive(client, len(data) if count is None else count)


def receive(client: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count and (data := client.recv(count - len(received))):
        received += data
    return received


def test_without_toxics_all_passes(opened: Opened) -> None:
    proxy, client = opened()
    data = bytes(range(256)) * 2000
    sender = threading.Thread(target=client.sendall, args=(data,))
    sender.start()
    assert receive(client, len(data)) == data
    sender.join()
    assert proxy.connections == 1
    client.close()
    wait_until(lambda: proxy.connections == 0, 10, "the connection is over")


def test_latency(opened: Opened) -> None:
    proxy, client = opened()
    started = time.monotonic()
    with proxy.toxic(Latency(0.1)):
        assert exchange(client, b"ping") == b"ping"
    assert 0.2 <= time.monotonic() - started < LONG_S
    assert min(_exchanged_s(client) for _ in range(10)) < 0.2


def _exchanged_s(client: socket.socket) -> float:
    started = time.monotonic()
    assert exchange(client, b"ping") == b"ping"
    return time.monotonic() - started


def test_bandwidth(opened: Opened) -> None:
    proxy, client = opened()
    started = time.monotonic()
    with proxy.toxic(Bandwidth(10_000)):
        assert exchange(client, b"x" * 1000) == b"x" * 1000
    assert 0.2 <= time.monotonic() - started < LONG_S


def test_slicer(opened: Opened) -> None:
    proxy, client = opened()
    with proxy.toxic(Slicer(1)):
        assert exchange(client, b"a few bytes") == b"a few bytes"


def test_slow_close(opened: Opened) -> None:
    proxy, client = opened()
    with proxy.toxic(SlowClose(0.2)):
        assert exchange(client, b"ping") == b"ping"
        started = time.monotonic()
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
        assert 0.4 <= time.monotonic() - started < LONG_S


def test_timeout_is_silence_and_then_a_reset(opened: Opened) -> None:
    proxy, client = opened()
    client.settimeout(0.2)
    with proxy.toxic(Timeout(UP)):
        client.sendall(b"anybody?")
        with pytest.raises(TimeoutError):
            client.recv(1)
    client.settimeout(LONG_S)
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_reset_peer(opened: Opened) -> None:
    proxy, client = opened()
    with proxy.toxic(ResetPeer()), pytest.raises(ConnectionResetError):
        exchange(client, b"ping")


def test_limit_data_cuts_at_the_byte(opened: Opened) -> None:
    proxy, client = opened()
    with proxy.toxic(LimitData(5, UP)):
        client.sendall(b"0123456789")
        with pytest.raises(ConnectionResetError):
            receive(client, 6)


def test_down_refuses_and_resets_and_up_is_the_same_address(opened: Opened) -> None:
    proxy, client = opened()
    assert exchange(client, b"ping") == b"ping"
    proxy.down()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, proxy.port), timeout=LONG_S)
    proxy.up()
    with socket.create_connection((HOST, proxy.port), timeout=LONG_S) as again:
        assert exchange(again, b"ping") == b"ping"


# Protocols.


class Way:
    """One direction of a connection that is none."""

    def __init__(self, direction: str, connection: object = None) -> None:
        self.direction = direction
        self.connection = connection

    async def write(self, data: bytes) -> None:
        raise AssertionError(data)

    async def hold(self) -> None:
        raise AssertionError("nothing to wait for")


def passed(toxic: Toxic, way: Way, frames: Iterable[Frame]) -> bytes:
    """What goes on."""

    async def pass_on() -> bytes:
        return b"".join([await toxic.pass_on(frame, way) for frame in frames])

    return asyncio.run(pass_on())


def amqp(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, 1, len(payload)) + payload + b"\xce"


def method(number: str, rest: bytes = b"") -> bytes:
    return amqp(1, struct.pack(">HH", *map(int, number.split("."))) + rest)


def pg(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">I", len(body) + 4) + body


PUBLISH = method("60.40", b"publish") + amqp(2, b"header") + amqp(3, b"body")
SSL_REQUEST = struct.pack(">II", 8, 80877103)
STARTUP = struct.pack(">II", 14, 196608) + b"user\0\0"


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_amqp_frames_are_found_however_they_come(size: int) -> None:
    stream = b"AMQP\0\0\x09\x01" + method("10.11") + PUBLISH + amqp(8, b"")
    framing = Amqp()
    frames = [frame for at in range(0, len(stream), size) for frame in framing.sent(stream[at : at + size])]
    kinds = ["greeting", "method 10.11", "method 60.40", "header", "body", "heartbeat"]
    assert [frame.kind for frame in frames] == kinds
    assert b"".join(frame.data for frame in frames) == stream


def test_a_message_is_passed_twice() -> None:
    frames = list(Amqp().answered(PUBLISH + PUBLISH + method("10.50")))
    assert passed(DuplicateMessage("60.40", times=1), Way(UP), frames) == PUBLISH * 3 + method("10.50")


def test_an_answer_is_dropped_and_the_next_is_not() -> None:
    first, second = method("60.80", b"first"), method("60.80", b"second")
    assert passed(Drop("method 60.80", times=1), Way(DOWN), Amqp().answered(first + second)) == second


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_postgresql_frames_and_their_statements(size: int) -> None:
    framing = PostgreSql()
    parse, bind = pg(b"P", b"name\0INSERT INTO t\0\0\0"), pg(b"B", b"portal\0name\0\0\0\0\0\0\0")
    stream = SSL_REQUEST + STARTUP + parse + bind + pg(b"Q", b"COMMIT\0")
    frames = [frame for at in range(0, len(stream), size) for frame in framing.sent(stream[at : at + size])]
    assert [frame.kind for frame in frames] == ["startup", "startup", "P", "B", "Q"]
    assert [frame.sql for frame in frames[2:]] == [b"INSERT INTO t", b"INSERT INTO t", b"COMMIT"]
    answers = b"N" + pg(b"R", b"ok") + pg(b"Z", b"I")
    assert [frame.kind for frame in framing.answered(answers)] == ["N", "R", "Z"]


def test_what_was_asked_goes_on_and_its_answer_does_not() -> None:
    framing, swallow = PostgreSql(), SwallowReply(lambda frame: b"INSERT" in frame.sql, until="Z")
    asked = pg(b"Q", b"INSERT\0")
    assert passed(swallow, Way(UP, 1), framing.sent(STARTUP + asked)) == STARTUP + asked
    other, answer = pg(b"D", b"another's") + pg(b"Z", b"I"), pg(b"C", b"INSERT 0 1") + pg(b"Z", b"I")
    assert passed(swallow, Way(DOWN, 2), PostgreSql().answered(other)) == other
    with pytest.raises(Cut):
        passed(swallow, Way(DOWN, 1), framing.answered(answer))
    assert swallow.swallowed == 1
