"""A client of server-sent events that goes away and comes back, as browsers do."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import orjson
import requests

from task_system.settings import Settings
from tests.integration.service import Service, wait_until

#: So many streams a process has room for, as `wiring/web.py` has it; and so many are enough for any other test.
_MOST, _ENOUGH = Settings.model_fields["web_threads"].default // 4, 8
#: Within which places are free again, in seconds.
LEFT_S = 20.0
Told = tuple[str, str, dict[str, Any]]


def frames(answer: requests.Response) -> Iterator[Told]:
    """What a stream sends: id, event, data; comments that carry an id come as an event without a name."""
    lines: dict[str, str] = {}
    for line in answer.iter_lines(chunk_size=1):
        if line:
            name, _, value = line.decode().partition(":")
            lines[name] = value.removeprefix(" ")
        elif lines:
            if "id" in lines:
                yield lines["id"], lines.get("event", ""), orjson.loads(lines.get("data", "{}"))
            lines = {}


class Listener:
    """Remembers the last id, and asks for what came after it."""

    def __init__(self, service: Service, path: str = "/api/events") -> None:
        self.service, self.path = service, path
        self.last_id: str | None = None
        self.events: list[dict[str, Any]] = []
        self.names: list[str] = []

    def open(self) -> requests.Response:
        """The answer, of which nothing was read. Who left holds a place until the service next writes to it: waits."""
        return wait_until(self._let_in, LEFT_S, "the places of those who left")

    def _let_in(self) -> requests.Response | None:
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        url = f"{self.service.base_url}{self.path}"
        answer = requests.get(url, headers=headers, stream=True, timeout=30)
        if answer.ok:
            return answer
        with answer:
            assert answer.json()["error"] == "too_many_streams", answer.text
        return None

    def listen(self, most: int | None = None) -> Iterator[dict[str, Any]]:
        """Up to so many events of one connection, all of which are kept."""
        with closing(self.open()) as answer:
            assert answer.status_code == 200, answer.text
            for id_, name, data in frames(answer):
                self.last_id = id_
                self.names.append(name)
                if name.startswith("task."):
                    assert name == data["event"]
                    self.events.append(data)
                yield data
                if most is not None and len(self.events) >= most:
                    return


@contextmanager
def crowded(service: Service) -> Iterator[None]:
    """While inside, there are as many streams as there may be, and all are ours: nobody leaves and makes room."""
    with ExitStack() as streams:
        _open(service, streams, _MOST)
        yield
    with ExitStack() as streams:
        _open(service, streams, _ENOUGH)
    for _ in range(2):
        service.run("test_noop")  # told to those who left, too, whose places are free then


def _open(service: Service, streams: ExitStack, number: int) -> None:
    for _ in range(number):
        streams.enter_context(closing(Listener(service).open()))
