"""Bodies of many lines, in the same memory however long they are: kept in a file, and read as often as needed."""

import errno
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from flask import Request, current_app

from task_system.dispatch.findings import Errors
from task_system.model.errors import FilesFull, InvalidSubmission, Overloaded

#: A body may be this many times as large as another request; a line as large as one.
TIMES_AS_LARGE = 1024
#: Kept in memory up to this size, in bytes.
IN_MEMORY = 1_048_576
_PIECE = 65_536


class Room:
    """How many bytes all bodies of a process may take at once, however many come: a flood of them fills no disk.

    Who sends slowly takes no more of it than has arrived.
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    @contextmanager
    def part(self) -> Iterator[Callable[[int], None]]:
        """For one body: call it before so many more bytes are kept. Raises Overloaded."""
        taken = 0

        def take(count: int) -> None:
            nonlocal taken
            with self._lock:
                if count > self._left:
                    raise Overloaded("Other batches fill the room for lines here. Nothing was recorded; try again.")
                self._left -= count
                taken += count

        try:
            yield take
        finally:
            with self._lock:
                self._left += taken


@contextmanager
def spooled(request: Request, most: int, room: Room) -> Iterator[Callable[[], Iterator[bytes | Errors]]]:
    """The request's lines, from the first on each time they are asked for; what is too long comes as an error.

    Raises InvalidSubmission when there is none, or more than `most`, FilesFull, and Overloaded.
    """
    longest: int = current_app.config["MAX_CONTENT_LENGTH"]
    request.max_content_length = TIMES_AS_LARGE * longest
    with _telling_full(), room.part() as take, tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        last = b""
        while piece := request.stream.read(_PIECE):
            take(len(piece))
            file.write(piece)
            last = piece
        if last and not last.endswith(b"\n"):
            file.write(b"\n")

        def lines() -> Iterator[bytes | Errors]:
            file.seek(0)
            return _lines(file, longest)

        count = sum(1 for _ in lines())
        if not 1 <= count <= most:
            message = f"must have 1 to {most} lines, and has {count}"
            raise InvalidSubmission(errors=[{"path": "body", "message": message}])
        yield lines


@contextmanager
def _telling_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise FilesFull("There is no room here to keep so many lines. Nothing was recorded; send fewer.") from error


def _lines(file: IO[bytes], longest: int) -> Iterator[bytes | Errors]:
    while line := file.readline(longest + 1):
        if line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(_PIECE)
        yield [{"path": "body", "message": f"is longer than {longest} bytes"}]
