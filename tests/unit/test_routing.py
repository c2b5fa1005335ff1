"""Queues are named after lane and priority, and the names can be read back."""

import pytest

from task_system.broker import topology
from task_system.model.routing import LANES, PRIORITIES, Priority, lane_of, priority_of, queue_name, queues_of


def test_a_queue_is_named_after_its_lane_and_priority() -> None:
    assert queue_name("email_sending", Priority.HIGH) == "email_sending.high"


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("priority", PRIORITIES)
def test_a_queues_name_tells_its_lane_and_priority(lane: str, priority: Priority) -> None:
    name = queue_name(lane, priority)
    assert (lane_of(name), priority_of(name)) == (lane, priority)
    assert type(priority_of(name)) is Priority


def test_priorities_are_ranked() -> None:
    assert [priority.rank for priority in (Priority.HIGH, Priority.NORMAL, Priority.LOW)] == [0, 1, 2]
    assert set(PRIORITIES) == set(Priority)


def test_a_workers_queues_come_high_before_normal_before_low() -> None:
    assert queues_of(("default", "email_sending")) == (
        "default.high",
        "email_sending.high",
        "default.normal",
        "email_sending.normal",
        "default.low",
        "email_sending.low",
    )
    assert len(set(queues_of(LANES))) == len(LANES) * len(PRIORITIES)


@pytest.mark.parametrize("name", ["default", "default.urgent", ""])
def test_a_name_that_is_none_of_ours_has_no_priority(name: str) -> None:
    with pytest.raises(ValueError, match="is not a valid Priority"):
        priority_of(name)


def test_there_is_a_queue_for_every_lane_and_priority() -> None:
    assert {queue.name for queue in topology.QUEUES} == set(queues_of(LANES))
    for queue in topology.QUEUES:
        assert queue.routing_key == queue.name
        assert queue.exchange == topology.TASKS
        assert queue.durable
        assert queue.queue_arguments == {"x-queue-type": "quorum"}
