"""A client of server-sent events that goes away and comes back, as browsers do."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import orjson
import requests

from tests.integration.service import Service, wait_until

#: So many streams are room enough for any other test.
_ROOM = 8
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
        """The answer, of which nothing was read."""
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        url = f"{self.service.base_url}{self.path}"
        return requests.get(url, headers=headers, stream=True, timeout=30)

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
    """While inside, there are as many streams as there may be."""
    with ExitStack() as streams:
        wait_until(lambda: not _opened(service, streams), 20, "no room for another stream")
        yield
    with ExitStack() as streams:
        for _ in range(_ROOM):
            wait_until(lambda: _opened(service, streams), 20, "the places of those who left")


def _opened(service: Service, streams: ExitStack) -> bool:
    """Whether there is another stream now, which these hold."""
    answer = requests.get(f"{service.base_url}/api/events", stream=True, timeout=30)
    if answer.ok:
        streams.callback(answer.close)
    else:
        answer.close()
    return answer.ok
