"""A web process hears that it is to end, beside its server, however often it is told."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from task_system.wiring.web import when_asked_to_end


@pytest.fixture(autouse=True)
def _signals_as_they_were() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    yield
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, before)


def test_it_acts_once_and_is_quiet_about_the_rest(capfd: pytest.CaptureFixture[str]) -> None:
    acted = threading.Semaphore(0)
    when_asked_to_end(acted.release)
    os.kill(os.getpid(), signal.SIGTERM)
    assert acted.acquire(timeout=20)
    thread = next(one for one in threading.enumerate() if one.name == "end")
    thread.join(0.2)
    os.kill(os.getpid(), signal.SIGTERM)
    assert not acted.acquire(timeout=0.1)
    assert capfd.readouterr().err == ""
