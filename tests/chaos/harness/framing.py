"""Enough of AMQP 0-9-1 and of PostgreSQL's protocol to see where a frame begins, and what it is."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

_AMQP_KINDS = {1: "method", 2: "header", 3: "body", 8: "heartbeat"}
#: Of what a client may ask for before it says who it is: encryption by SSL or GSSAPI. The answer is one bare byte.
_ENCRYPTION = {80877103, 80877104}


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole frame. kind: `method 60.40` or `body` (AMQP), the type's letter (PostgreSQL), `raw` (neither)."""

    kind: str
    data: bytes
    #: The statement that a client's frame parses or binds, as far as it is known.
    sql: bytes = b""


class Framing(Protocol):
    """The two directions of one connection."""

    def sent(self, data: bytes) -> Iterator[Frame]:
        """What the client's bytes complete."""

    def answered(self, data: bytes) -> Iterator[Frame]:
        """What the server's bytes complete."""


class Raw:
    """No protocol: every chunk is a frame."""

    def sent(self, data: bytes) -> Iterator[Frame]:
        yield Frame("raw", data)

    answered = sent


class Amqp:
    """AMQP 0-9-1, section 4.2.3."""

    def __init__(self) -> None:
        self._sent = self._answered = b""
        self._greeted = False

    def sent(self, data: bytes) -> Iterator[Frame]:
        self._sent += data
        if not self._greeted and len(self._sent) >= 8:
            self._greeted = True
            greeting, self._sent = self._sent[:8], self._sent[8:]
            yield Frame("greeting", greeting)
        if self._greeted:
            frames, self._sent = _amqp_frames(self._sent)
            yield from frames

    def answered(self, data: bytes) -> Iterator[Frame]:
        frames, self._answered = _amqp_frames(self._answered + data)
        yield from frames


def _amqp_frames(data: bytes) -> tuple[list[Frame], bytes]:
    frames, at = [], 0
    while len(data) >= at + 7:
        kind, _channel, size = struct.unpack_from(">BHI", data, at)
        end = at + 7 + size + 1
        if len(data) < end:
            break
        name = _AMQP_KINDS.get(kind, str(kind))
        if kind == 1:
            name += " {}.{}".format(*struct.unpack_from(">HH", data, at + 7))
        frames.append(Frame(name, data[at:end]))
        at = end
    return frames, data[at:]


class PostgreSql:
    """PostgreSQL's protocol 3, sections 55.2 and 55.7."""

    def __init__(self) -> None:
        self._sent = self._answered = b""
        self._started = False
        self._bare_bytes = 0
        self._statements: dict[bytes, bytes] = {}

    def sent(self, data: bytes) -> Iterator[Frame]:
        self._sent += data
        while frame := self._first():
            self._sent = self._sent[len(frame.data) :]
            yield frame

    def _first(self) -> Frame | None:
        head = 5 if self._started else 4
        if len(self._sent) < head:
            return None
        size = int(struct.unpack_from(">I", self._sent, head - 4)[0]) + head - 4
        if len(self._sent) < size:
            return None
        data = self._sent[:size]
        if not self._started:
            if struct.unpack_from(">I", data, 4)[0] in _ENCRYPTION:
                self._bare_bytes += 1
            else:
                self._started = True
            return Frame("startup", data)
        kind = chr(data[0])
        return Frame(kind, data, self._sql(kind, data[5:]))

    def _sql(self, kind: str, body: bytes) -> bytes:
        if kind == "Q":
            return body.rstrip(b"\0")
        if kind == "P":
            name, _, rest = body.partition(b"\0")
            self._statements[name] = rest.partition(b"\0")[0]
            return self._statements[name]
        if kind == "B":
            return self._statements.get(body.split(b"\0", 2)[1], b"")
        return b""

    def answered(self, data: bytes) -> Iterator[Frame]:
        self._answered += data
        while self._answered:
            if self._bare_bytes:
                self._bare_bytes -= 1
                size = 1
            elif len(self._answered) < 5:
                return
            else:
                size = int(struct.unpack_from(">I", self._answered, 1)[0]) + 1
            if len(self._answered) < size:
                return
            frame, self._answered = self._answered[:size], self._answered[size:]
            yield Frame(chr(frame[0]), frame)
