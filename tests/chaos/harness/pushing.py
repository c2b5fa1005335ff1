"""Clients that never pause. They are a process of their own and do little, so that what is measured is the service.

    python -m tests.chaos.harness.pushing PORT CLIENTS SECONDS WITNESS LOG

LOG gets a line for each task that was accepted: its id, its label, and how long that took in seconds. Then, as JSON,
it is printed how often each status came, and what should not have been answered.
"""

import json
import selectors
import socket
import sys
import time
from collections import Counter
from pathlib import Path

from task_system.testing.servers.ports import HOST

_ANSWER_S = 30.0


class Client:
    """One connection, and the request that is not answered yet."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.label = ""
        self.sent_at = 0.0
        self.received = b""
        self.sock = socket.create_connection((HOST, port), timeout=_ANSWER_S)

    def send(self, witness: str, label: str) -> None:
        """Submit the next task."""
        self.label, self.received = label, b""
        parameters = {"file": witness, "label": label}
        body = json.dumps({"task_type": "test_witnessed", "parameters": parameters}).encode()
        head = (
            f"POST /api/tasks HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.sent_at = time.monotonic()
        self.sock.sendall(head.encode() + body)

    def answer(self) -> tuple[int, bytes, bytes] | None:
        """Status, head and body, once all of it is here. Raises ConnectionError."""
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionResetError("closed without an answer")
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return None
        head = head.lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        return (int(head[9:12]), head, body) if len(body) >= length else None


class Pushing:
    """What came of it."""

    def __init__(self, witness: str, log: Path) -> None:
        self._witness, self._name = witness, Path(witness).name
        self._log = log.open("w", encoding="utf-8")
        self.sent = 0
        self.statuses: Counter[int] = Counter()
        self.problems: list[str] = []
        self.slowest_s = 0.0

    def run(self, port: int, count: int, seconds: float) -> None:
        """Until the time is over and all is answered."""
        selector = selectors.DefaultSelector()
        for _ in range(count):
            client = Client(port)
            selector.register(client.sock, selectors.EVENT_READ, client)
            self._next(client)
        until, open_ = time.monotonic() + seconds, count
        while open_:
            events = selector.select(_ANSWER_S)
            if not events:
                self.problems.append(f"{open_} requests were not answered within {_ANSWER_S:g} s")
                break
            for key, _ in events:
                if self._heard(key.data) and time.monotonic() < until:
                    self._next(key.data)
                elif key.data.label == "":
                    selector.unregister(key.fileobj)
                    key.data.sock.close()
                    open_ -= 1
        self._log.close()

    def _next(self, client: Client) -> None:
        client.send(self._witness, f"{self._name}-{self.sent}")
        self.sent += 1

    def _heard(self, client: Client) -> bool:
        """Whether the client is answered; then it has no label any more."""
        try:
            answer = client.answer()
        except ConnectionError as error:
            self.problems.append(repr(error))
            client.label = ""
            return False
        if answer is None:
            return False
        self._note(client, *answer)
        client.label = ""
        return True

    def _note(self, client: Client, status: int, head: bytes, body: bytes) -> None:
        took_s = time.monotonic() - client.sent_at
        self.slowest_s = max(self.slowest_s, took_s)
        self.statuses[status] += 1
        if status == 202:
            self._log.write(f"{json.loads(body)['task_id']} {client.label} {took_s:.6f}\n")
        elif status not in {429, 503} or b"retry-after:" not in head:
            self.problems.append(f"{status} {body[:200]!r}")


def main() -> None:
    port, count, seconds, witness, log = sys.argv[1:]
    pushing = Pushing(witness, Path(log))
    pushing.run(int(port), int(count), float(seconds))
    said = {
        "sent": pushing.sent,
        "statuses": pushing.statuses,
        "problems": pushing.problems[:20],
        "slowest_s": pushing.slowest_s,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
