"""Connections to addresses that were checked, and a time limit over all that happens on them.

The name is resolved once and the checked address is dialled, so that no second answer of a name server can lead
elsewhere. Host header, SNI and certificate still go by the name.
"""

import logging
import socket
import ssl
import time
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

import httpcore2
import httpx2

from task_system import Context, Retry
from task_system.task_types.http_request.addresses import Address
from task_system.task_types.http_request.policy import HttpPolicy

#: Between two looks for a cancel, in seconds.
_LOOK_EVERY_S = 0.5
#: One address may take this long while there is another to try, in seconds.
_CONNECT_S = 10.0

#: As of httpcore2.
_SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


# its debug lines quote the headers of answers, which may hold cookies or an echo of a secret
logging.getLogger("httpcore2").setLevel(logging.INFO)


class Deadline:
    """The time that the whole request has, redirects included."""

    def __init__(self, ctx: Context, timeout_s: float) -> None:
        self._ctx = ctx
        self._timeout_s = timeout_s
        self._end = time.monotonic() + timeout_s

    def left_s(self, at_most_s: float = float("inf")) -> float:
        """Seconds left. Raises Retry when there are none, Cancelled when a cancel was requested."""
        self._ctx.check_cancelled()
        left_s = self._end - time.monotonic()
        if left_s <= 0:
            raise Retry(f"The answer was not there within {self._timeout_s:g} s")
        return min(left_s, at_most_s)


class CheckedTransport(httpx2.HTTPTransport):
    """HTTP over connections to allowed addresses only. No proxy: that would resolve names by itself."""

    def __init__(self, policy: HttpPolicy, deadline: Deadline) -> None:
        context = httpx2.create_ssl_context()
        super().__init__(verify=context)
        self._pool = httpcore2.ConnectionPool(ssl_context=context, network_backend=_CheckedNetwork(policy, deadline))


class _CheckedNetwork(httpcore2.NetworkBackend):
    def __init__(self, policy: HttpPolicy, deadline: Deadline) -> None:
        self._policy = policy
        self._deadline = deadline
        self._network = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline knows better
        local_address: str | None = None,
        socket_options: Iterable[_SocketOption] | None = None,
    ) -> httpcore2.NetworkStream:
        addresses = _resolved(host, port)
        self._policy.check_addresses(host, addresses)
        for number, address in enumerate(addresses, 1):
            try:
                stream = self._network.connect_tcp(
                    str(address), port, self._deadline.left_s(_CONNECT_S), local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if number == len(addresses):
                    raise
            else:
                return _TimedStream(stream, self._deadline)
        raise httpcore2.ConnectError("the name has no address")


class _TimedStream(httpcore2.NetworkStream):
    """A connection on which every step has the time that is left, and waits look for a cancel."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - see above
        while True:
            try:
                return self._stream.read(max_bytes, self._deadline.left_s(_LOOK_EVERY_S))
            except httpcore2.ReadTimeout:
                continue

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - see above
        self._stream.write(buffer, self._deadline.left_s())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - see above
    ) -> httpcore2.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left_s())
        return _TimedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _resolved(host: str, port: int) -> list[Address]:
    """Every address that the name stands for, in the order of the name service."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise httpcore2.ConnectError(f"the name cannot be resolved: {error}") from None
    return list(dict.fromkeys(ip_address(address[0]) for *_, address in found))
