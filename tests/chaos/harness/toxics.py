"""What can be wrong with a connection. The first seven are toxiproxy's, by its names.

A toxic is asked about each frame, in the direction it is for, and answers what goes on instead: nothing, the frame, or
more. It may take its time, and may cut the connection.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

from tests.chaos.harness.framing import Frame

UP, DOWN = "up", "down"


class Cut(Exception):
    """This connection is to be reset."""


class Way(Protocol):
    """One direction of one connection, as a toxic sees it."""

    direction: str

    async def write(self, data: bytes) -> None:
        """Send at once."""

    async def hold(self) -> None:
        """Wait until the toxic is taken away."""


class Toxic:
    """Lets everything pass. direction: `up` from the client, `down` to it, or both."""

    direction: str | None = None
    #: How late the other side learns that this side closed, in seconds.
    slow_close_s = 0.0

    async def pass_on(self, frame: Frame, way: Way) -> bytes:
        return frame.data


class Latency(Toxic):
    """Everything arrives later."""

    def __init__(self, latency_s: float, jitter_s: float = 0.0, seed: int = 0) -> None:
        self._latency_s, self._jitter_s = latency_s, jitter_s
        self._random = random.Random(seed)

    async def pass_on(self, frame: Frame, way: Way) -> bytes:
        await asyncio.sleep(self._latency_s + self._random.uniform(0, self._jitter_s))
        return frame.data


class Bandwidth(Toxic):
    """So many bytes a second, in each direction of each connection."""

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s

    async def pass_on(self, frame: Frame, way: Way) -> bytes:
        await asyncio.sleep(len(frame.data) / self._bytes_per_s)
        return frame.data


class SlowClose(Toxic):
    """The end of a connection is told late."""

    def __init__(self, delay_s: float) -> None:
        self.slow_close_s = delay_s


class Timeout(Toxic):
    """Nothing arrives, and nobody is told: a half-open connection. Nothing that was held is sent afterwards."""

    def __init__(self, direction: str | None = None) -> None:
        self.direction = direction

    async def pass_on(self, frame: Frame, way: Way) -> bytes:
        await way.hold()
        raise Cut


class ResetPeer(Toxic):
    """The connection is reset at the next frame."""

    async def pass_on(self, frame: Frame, way: Way) -> bytes:
        raise Cut


class Slicer(Toxic):
    """Every frame comes in small pieces."""

    def __init__(self, size: int = 1, delay_s: float = 0.0) -> None:
        self._size, self._delay_s = size, delay_s

    async def pass_on(self, frame: Frame, way: Way) -> bytes:
        for at in range(0, len(frame.data), self._size):
            await way.write(frame.data[at : at + self._size])
            await asyncio.sleep(self._delay_s)
        return b""


class LimitData(Toxic):
    """So many bytes pass, of all connections together; then each is reset, in the middle of a frame."""

    def __init__(self, count: int, direction: str | None = None) -> None:
        self.direction = direction
        self.left = count

    async def pass_on(self, frame: Frame, way: Way) -> bytes:
        passed = frame.data[: self.left]
        self.left -= len(passed)
        if len(passed) < len(frame.data):
            if passed:
                await way.write(passed)
            raise Cut
        return passed


class Drop(Toxic):
    """Some of the server's frames of a kind never arrive; the connection lives."""

    direction = DOWN

    def __init__(self, kind: str, times: int = 1) -> None:
        self._kind = kind
        self.left = times

    async def pass_on(self, frame: Frame, way: Way) -> bytes:
        if frame.kind == self._kind and self.left:
            self.left -= 1
            return b""
        return frame.data


class SwallowReply(Toxic):
    """What was asked is done; the answer is lost, and the connection with it: nobody knows.

    asked: says of a client's frame whether it is what was asked. until: the kind of frame that ends the answer.
    """

    def __init__(self, asked: Callable[[Frame], bool], *, until: str, times: int = 1) -> None:
        self._asked, self._until = asked, until
        self.left = times
        self.swallowed = 0
        self._doomed: set[object] = set()

    async def pass_on(self, frame: Frame, way: Way) -> bytes:
        connection = getattr(way, "connection", None)
        if way.direction == UP:
            if self.left and self._asked(frame):
                self.left -= 1
                self._doomed.add(connection)
            return frame.data
        if connection not in self._doomed:
            return frame.data
        if frame.kind == self._until:
            self._doomed.discard(connection)
            self.swallowed += 1
            raise Cut
        return b""


class DuplicateMessage(Toxic):
    """Some AMQP messages (method, header, body) pass twice. method: `60.40`, a publish, or `60.60`, a delivery."""

    def __init__(self, method: str, times: int) -> None:
        self.direction = UP if method == "60.40" else DOWN
        self._method = f"method {method}"
        self.left = times
        self._gathered: dict[object, bytes] = {}

    async def pass_on(self, frame: Frame, way: Way) -> bytes:
        if frame.kind == self._method and self.left:
            self.left -= 1
            self._gathered[way] = frame.data
        elif way in self._gathered:
            self._gathered[way] += frame.data
            if frame.kind == "body":
                return frame.data + self._gathered.pop(way)
        return frame.data
