"""Costly answers are made now and then, however many ask."""

import threading

import pytest

from task_system.api.kept import TIMES, Kept


class Maker:
    """Takes two seconds of its own clock for each answer."""

    def __init__(self) -> None:
        self.now = 100.0
        self.made = 0

    def clock(self) -> float:
        return self.now

    def make(self) -> bytes:
        self.now += 2.0
        self.made += 1
        return b"%d" % self.made


def test_an_answer_is_given_again_for_a_multiple_of_what_it_took() -> None:
    maker = Maker()
    kept = Kept(maker.clock)
    assert kept.get("a", maker.make) == b"1"
    maker.now += TIMES * 2.0 - 0.1
    assert kept.get("a", maker.make) == b"1"
    assert kept.get("b", maker.make) == b"2"
    maker.now += 0.2
    assert kept.get("a", maker.make) == b"3"


def test_what_fails_is_asked_again_at_once() -> None:
    maker = Maker()
    kept = Kept(maker.clock)

    def fail() -> bytes:
        raise OSError("away")

    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            kept.get("a", fail)
    assert kept.get("a", maker.make) == b"1"


def test_those_who_ask_meanwhile_wait_for_the_answer() -> None:
    maker = Maker()
    kept = Kept(maker.clock)
    making, go_on = threading.Event(), threading.Event()

    def slowly() -> bytes:
        making.set()
        assert go_on.wait(20)
        return maker.make()

    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(kept.get("a", slowly))) for _ in range(4)]
    threads[0].start()
    assert making.wait(20)
    for thread in threads[1:]:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert answers == [b"1"] * 4
