"""Nothing that is to be done in the consumer's thread is forgotten, whatever else goes wrong there."""

from contextlib import suppress

import pytest
from kombu.asynchronous import Hub

from task_system.worker.soon import Soon, at_once


def lose_connection() -> None:
    raise ConnectionResetError


def turn(hub: Hub) -> None:
    with suppress(ConnectionResetError):
        next(hub.create_loop())


def test_what_is_handed_in_is_called_in_order_when_the_loop_raises() -> None:
    hub, called = Hub(), list[int]()
    soon = Soon(hub)
    # The loop takes what is to be called in no order: some stand behind one that raises.
    for number in range(50):
        soon(called.append, number)
        hub.call_soon(lose_connection)
    turn(hub)
    with suppress(ConnectionResetError):
        hub.reset()
    for _ in range(2):
        turn(hub)
    assert called == list(range(50))
    hub.close()


def test_what_fails_takes_nothing_with_it() -> None:
    hub, called = Hub(), list[int]()
    soon = Soon(hub)
    soon(called.append, 1)
    soon(lose_connection)
    soon(called.append, 2)
    turn(hub)
    assert called == [1, 2]
    hub.close()


def test_a_reset_of_the_loop_takes_nothing_away() -> None:
    hub, called = Hub(), list[int]()
    soon = Soon(hub)
    hub.reset()
    soon(called.append, 1)
    turn(hub)
    assert called == [1]
    hub.close()


def test_without_a_loop_what_raises_does_not_end_its_caller(caplog: pytest.LogCaptureFixture) -> None:
    called = []
    at_once(int, "no number")
    at_once(called.append, 1)
    assert (called, "failed" in caplog.text) == ([1], True)
