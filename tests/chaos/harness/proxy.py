"""A TCP proxy on loopback that can be told to disturb what passes. Its event loop is a thread of its own."""

import asyncio
import itertools
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from task_system.testing.servers.ports import HOST, free_port
from tests.chaos.harness.framing import Frame, Framing, Raw
from tests.chaos.harness.toxics import DOWN, UP, Cut, Toxic

_CHUNK = 65536
_CALL_S = 10.0
#: Closing sends a reset instead of what is left.
_RESET = struct.pack("ii", 1, 0)


class ProxyLoop:
    """The thread that all proxies of a service share."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxies", daemon=True)
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_CALL_S)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_S)
        self._loop.close()


class FaultProxy:
    """One address in front of one server."""

    def __init__(
        self, loop: ProxyLoop, upstream_port: int, framing: Callable[[], Framing] = Raw, *, upstream: str = HOST
    ) -> None:
        self._loop = loop
        #: Where the next connections are led, in turn.
        self._upstreams = itertools.cycle([(upstream, upstream_port)])
        self._framing = framing
        self._toxics: list[tuple[Toxic, asyncio.Event]] = []
        self._connections: set[_Connection] = set()
        self._led: Counter[tuple[str, int]] = Counter()
        self._server: asyncio.Server | None = None
        self.port = free_port()
        self.up()

    @contextmanager
    def toxic(self, toxic: Toxic) -> Iterator[None]:
        """While inside, everything passes through this toxic too."""
        self.add(toxic)
        try:
            yield
        finally:
            self.remove(toxic)

    def add(self, toxic: Toxic) -> None:
        """Put a toxic behind those that are there."""
        self._loop.call(self._add(toxic))

    def remove(self, toxic: Toxic) -> None:
        """Take it away; what it held is cut."""
        self._loop.call(self._remove(toxic))

    def clear(self) -> None:
        """Take all toxics away, and accept connections."""
        for toxic, _ in list(self._toxics):
            self.remove(toxic)
        self.up()

    def down(self) -> None:
        """Refuse connections, and reset those that are there."""
        self._loop.call(self._down())

    def up(self) -> None:
        """Accept connections; harmless when it does."""
        self._loop.call(self._up())

    def cut(self) -> None:
        """Reset the connections that are there."""
        self._loop.call(self._cut())

    def lead_to(self, port: int, address: str = HOST) -> None:
        """Lead new connections there, and reset the others."""
        self._upstreams = itertools.cycle([(address, port)])
        self.cut()

    def spread(self, *ports: int) -> None:
        """Lead new connections to these in turn, and leave the others as they are: a load balancer."""
        self._upstreams = itertools.cycle([(HOST, port) for port in ports])

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._connections)

    def connections_to(self, port: int) -> int:
        """How many of them lead there, or are about to."""
        return self._led[HOST, port]

    async def _add(self, toxic: Toxic) -> None:
        self._toxics.append((toxic, asyncio.Event()))

    async def _remove(self, toxic: Toxic) -> None:
        for entry in [entry for entry in self._toxics if entry[0] is toxic]:
            self._toxics.remove(entry)
            entry[1].set()

    async def _up(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, HOST, self.port, limit=_CHUNK)

    async def _down(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._cut()

    async def _cut(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = next(self._upstreams)
        self._led[upstream] += 1
        try:
            await self._lead(reader, writer, upstream)
        finally:
            self._led[upstream] -= 1

    async def _lead(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: tuple[str, int]
    ) -> None:
        try:
            server = await asyncio.open_connection(*upstream, limit=_CHUNK)
        except OSError:
            _reset(writer)
            return
        connection = _Connection(self._toxics, self._framing(), (reader, writer), server)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)


class _Connection:
    def __init__(
        self,
        toxics: list[tuple[Toxic, asyncio.Event]],
        framing: Framing,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.toxics = toxics
        self._ways = [
            _Way(self, UP, client[0], server[1], framing.sent),
            _Way(self, DOWN, server[0], client[1], framing.answered),
        ]
        self._writers = (client[1], server[1])
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        self._tasks = [asyncio.ensure_future(way.run()) for way in self._ways]
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()

    def reset(self) -> None:
        for writer in self._writers:
            _reset(writer)
        for task in self._tasks:
            task.cancel()


class _Way:
    """One direction of one connection."""

    def __init__(
        self,
        connection: _Connection,
        direction: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        frames: Callable[[bytes], Iterator[Frame]],
    ) -> None:
        self.connection = connection
        self.direction = direction
        self._reader, self._writer, self._frames = reader, writer, frames
        self._holding: asyncio.Event | None = None

    async def run(self) -> None:
        try:
            while chunk := await self._reader.read(_CHUNK):
                for frame in self._frames(chunk):
                    await self._pass_on(frame)
            await self._end()
        except (Cut, OSError):
            self.connection.reset()

    async def _pass_on(self, frame: Frame) -> None:
        data = frame.data
        for toxic, removed in list(self.connection.toxics):
            if data and toxic.direction in (None, self.direction):
                self._holding = removed
                data = await toxic.pass_on(Frame(frame.kind, data, frame.sql), self)
        if data:
            await self.write(data)

    async def _end(self) -> None:
        await asyncio.sleep(max((toxic.slow_close_s for toxic, _ in self.connection.toxics), default=0.0))
        if self._writer.can_write_eof() and not self._writer.is_closing():
            self._writer.write_eof()

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def hold(self) -> None:
        assert self._holding
        await self._holding.wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
