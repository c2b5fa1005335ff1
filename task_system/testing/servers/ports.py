"""Ports on the loopback interface that nobody else uses, and that stay ours while a server restarts."""

import random
import socket
from pathlib import Path

HOST = "127.0.0.1"
_LOWEST = 15000
_TRIES = 1000
#: Port to the file descriptor of its claim, which stays open until the process ends.
_reserved: dict[int, int] = {}


def free_port() -> int:
    """Return a free TCP port of 127.0.0.1, kept from other callers on this machine while this process lives.

    It lies below the range that the kernel takes outgoing connections' ports from: there a client that keeps trying to
    reach a stopped server may be given the server's port, or even connect to itself.

    Raises:
        OSError: no free port was found.
    """
    for _ in range(_TRIES):
        port = random.randrange(_LOWEST, _first_ephemeral_port())  # noqa: S311 - not a secret
        if _reserve(port) and _is_free(port):
            return port
    raise OSError("no free TCP port on the loopback interface")


def _first_ephemeral_port() -> int:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return first if first > _LOWEST + _TRIES else 65536


def _reserve(port: int) -> bool:
    """Claim the port among processes that ask here: a name in the abstract socket space goes when its process does."""
    if port in _reserved:
        return False
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0task-system-port-{port}")
    except OSError:
        claim.close()
        return False
    _reserved[port] = claim.detach()
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
