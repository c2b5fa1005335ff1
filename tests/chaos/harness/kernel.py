"""What the kernel itself does to packets of some ports. Only for a network that nobody else is in."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

#: The loopback's packets are else so large that one of them is more than a narrow line lets pass at once.
_MTU = "1500"
_CLASS = "1:4"


@contextmanager
def narrow(ports: Sequence[int], rate: str) -> Iterator[None]:
    """While inside, so much passes to and from all these ports together (`tc tbf`); what is too much is dropped."""
    _run("ip", "link", "set", "lo", "mtu", _MTU)
    _run("tc", "qdisc", "add", "dev", "lo", "root", "handle", "1:", "htb", "default", "1")
    try:
        for number in ("1:1", _CLASS):
            _run("tc", "class", "add", "dev", "lo", "parent", "1:", "classid", number, "htb", "rate", "10gbit")
        tbf = ("tbf", "rate", rate, "burst", "16kb", "latency", "400ms")
        _run("tc", "qdisc", "add", "dev", "lo", "parent", _CLASS, "handle", "40:", *tbf)
        for way in _ways(ports):
            _run("iptables", "-t", "mangle", "-A", "POSTROUTING", *way, "-j", "CLASSIFY", "--set-class", _CLASS)
        yield
    finally:
        _run("iptables", "-t", "mangle", "-F", "POSTROUTING")
        _run("tc", "qdisc", "del", "dev", "lo", "root")


@contextmanager
def lossy(ports: Sequence[int], share: float) -> Iterator[None]:
    """While inside, this share of the packets to and from these ports is lost."""
    try:
        for way in _ways(ports):
            some = ("-m", "statistic", "--mode", "random", "--probability", str(share))
            _run("iptables", "-A", "INPUT", *way, *some, "-j", "DROP")
        yield
    finally:
        _run("iptables", "-F", "INPUT")


def own_network() -> str | None:
    """What this machine, or this run, lacks to do so."""
    if os.environ.get("CHAOS_NETWORK") != "own":
        return "needs a network of its own: run `make chaos` as root"
    if missing := [program for program in ("iptables", "ip", "tc") if not shutil.which(program)]:
        return f"needs {' and '.join(missing)}"
    return None


def _ways(ports: Sequence[int]) -> list[tuple[str, ...]]:
    return [("-p", "tcp", f"--{side}port", str(port)) for port in ports for side in ("s", "d")]


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=20)
