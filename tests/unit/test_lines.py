"""Bodies of lines that are kept while they are read."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask, request

from task_system.api import lines as module
from task_system.api.lines import Room, spooled
from task_system.model.errors import InvalidSubmission, Overloaded

SIZE = 100_000
LINE = b"{}\n"


@contextmanager
def body(room: Room, content: bytes) -> Iterator[int]:
    """While inside, this body is kept; how many lines it has."""
    app = Flask("test")
    app.config["MAX_CONTENT_LENGTH"] = SIZE
    with app.test_request_context(method="POST", data=content), spooled(request, SIZE, room) as lines:
        yield sum(1 for _ in lines())


@pytest.mark.parametrize("in_memory", [SIZE, 10])
def test_bodies_share_the_room_and_give_it_back(in_memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", in_memory)
    room = Room(SIZE)
    half = LINE * (SIZE // 2 // len(LINE))
    with body(room, half) as count:
        assert count == len(half) // len(LINE)
        with body(room, half), pytest.raises(Overloaded, match="try again"), body(room, LINE * 10):
            pytest.fail("there is no room for it")
        with pytest.raises(InvalidSubmission), body(room, b""):
            pytest.fail("there is nothing in it")
        with body(room, half):
            pass
    with body(room, LINE * (SIZE // len(LINE))):
        pass
