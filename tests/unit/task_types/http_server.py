"""A real HTTP server on a free port of the loopback interface, and a context whose policy allows it."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from task_system.task_types.http_request import HttpAnswer, HttpParameters, HttpPolicy, http_request
from task_system.task_types.secret_values import Secrets
from task_system.testing import FakeContext

HOST = "127.0.0.1"
LOOPBACK = ("127.0.0.0/8", "::1/128")


class Server(ThreadingHTTPServer):
    """Answers what the test put into `answers`, by path: status, headers, body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), Handler)
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections = 0
        self.names: list[str | None] = []
        self.was_asked = threading.Event()
        self.let_go = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, path: str = "/", host: str = HOST, scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def verify_request(self, *_: Any) -> bool:
        self.connections += 1
        return True

    def handle_error(self, *_: Any) -> None:
        """A client that hung up is no concern of this server."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.command, self.path, headers, body))
        self.server.was_asked.set()
        if self.path == "/echo":
            status, extra, content = 200, {"Content-Type": "application/json"}, json.dumps(headers).encode()
        else:
            status, extra, content = self.server.answers.get(self.path, (200, {"Content-Type": "text/plain"}, b"hello"))
        if self.path == "/silent":
            self.server.let_go.wait(30)
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()
        if self.path == "/drip":
            while not self.server.let_go.wait(0.05):
                self.wfile.write(b"x")
        elif self.command != "HEAD":
            self.wfile.write(content)

    # the names are http.server's
    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server()
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()


def context(tmp_path: Path, *servers: Server, secrets: Secrets | None = None, **options: Any) -> FakeContext:
    policy = HttpPolicy(ports=frozenset(server.port for server in servers), allowed_networks=LOOPBACK)
    resources: dict[type[Any], object] = {HttpPolicy: policy}
    if secrets:
        resources[Secrets] = secrets
    return FakeContext(tmp_path, resources=resources, **options)


def ask(tmp_path: Path, server: Server, path: str = "/", **parameters: Any) -> HttpAnswer:
    return http_request(context(tmp_path, server), HttpParameters(url=server.url(path), **parameters))
