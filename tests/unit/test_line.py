"""The line before the slots: high first, and nobody waits for ever."""

from collections import deque
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_system.model.routing import PRIORITIES, Priority
from task_system.worker.line import TURN_AFTER, Line

HIGH, NORMAL, LOW = PRIORITIES


@dataclass(frozen=True)
class Item:
    priority: Priority
    number: int = 0


def line_of(*items: Item) -> Line[Item]:
    line: Line[Item] = Line()
    for item in items:
        line.join(item)
    return line


def test_nobody_is_first_in_an_empty_line() -> None:
    line = line_of()
    assert line.first() is None
    assert line.take() is None
    assert len(line) == 0


def test_high_before_normal_before_low_and_in_order_within_each() -> None:
    items = [Item(priority, number) for number in range(4) for priority in (LOW, NORMAL, HIGH)]
    line = line_of(*items)
    taken = [line.take() for _ in items]
    assert taken == sorted(items, key=lambda item: (item.priority.rank, item.number))


def test_a_high_one_that_comes_late_is_next() -> None:
    line = line_of(*(Item(LOW, n) for n in range(1000)))
    line.take()
    line.join(Item(HIGH))
    assert line.take() == Item(HIGH)


@pytest.mark.parametrize("patient", [NORMAL, LOW])
def test_who_was_passed_over_often_enough_is_next(patient: Priority) -> None:
    line = line_of(Item(patient))
    for number in range(TURN_AFTER):
        line.join(Item(HIGH, number))
        assert line.take() == Item(HIGH, number)
    line.join(Item(HIGH, TURN_AFTER))
    assert line.take() == Item(patient)
    assert line.take() == Item(HIGH, TURN_AFTER)


def test_a_level_that_was_empty_starts_to_be_patient_anew() -> None:
    line = line_of(Item(LOW, 1))
    for number in range(TURN_AFTER):
        line.join(Item(HIGH, number))
        line.take()
    assert line.take() == Item(LOW, 1)
    line.join(Item(LOW, 2))
    for number in range(TURN_AFTER):
        line.join(Item(HIGH, number))
        assert line.take() == Item(HIGH, number)
    line.join(Item(HIGH, TURN_AFTER))
    assert line.take() == Item(LOW, 2)


def test_clearing_gives_all_back() -> None:
    items = [Item(priority, number) for priority in PRIORITIES for number in range(3)]
    line = line_of(*items)
    assert set(line.waiting()) == set(items)
    assert set(line.clear()) == set(items)
    assert len(line) == 0
    assert line.take() is None


@given(st.lists(st.one_of(st.sampled_from(PRIORITIES), st.just("take")), max_size=400))
def test_whatever_the_order_of_coming_and_taking(steps: list[Priority | str]) -> None:
    line: Line[Item] = Line()
    levels: dict[Priority, deque[Item]] = {priority: deque() for priority in PRIORITIES}
    passed_over = dict.fromkeys(PRIORITIES, 0)
    for number, step in enumerate(steps):
        if isinstance(step, Priority):
            item = Item(step, number)
            line.join(item)
            levels[step].append(item)
            continue
        first = line.first()
        taken = line.take()
        assert taken is first
        waiting = [priority for priority in PRIORITIES if levels[priority]]
        if taken is None:
            assert not waiting
            continue
        assert taken == levels[taken.priority].popleft()
        # Whoever is preferred to a higher level has waited long enough for it.
        assert taken.priority is waiting[0] or passed_over[taken.priority] >= TURN_AFTER
        for priority in PRIORITIES:
            passed_over[priority] = (
                passed_over[priority] + 1 if priority in waiting and priority is not taken.priority else 0
            )
        # Two levels may have waited long enough at once; one of them waits for the other.
        assert max(passed_over.values()) <= TURN_AFTER + 1
        assert len(line) == sum(map(len, levels.values()))
