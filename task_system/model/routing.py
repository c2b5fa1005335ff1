"""Priorities, lanes and the queue that a task goes to."""

from enum import StrEnum
from functools import cache


class Priority(StrEnum):
    """How soon a waiting task gets a free slot, compared with the others in the same worker."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for high, 1 for normal, 2 for low."""
        return PRIORITIES.index(self)


#: From first to last.
PRIORITIES = (Priority.HIGH, Priority.NORMAL, Priority.LOW)

#: Which workers a task type belongs to. The priority worker serves `default`, where users' own types go.
LANES = ("default", "data_processing", "email_sending", "file_processing", "image_processing")


@cache
def queue_name(lane: str, priority: Priority) -> str:
    """The RabbitMQ queue of a lane and a priority: `email_sending.high`."""
    return f"{lane}.{priority}"


def queues_of(lanes: tuple[str, ...]) -> tuple[str, ...]:
    """All queues of these lanes, high before normal before low."""
    return tuple(queue_name(lane, priority) for priority in PRIORITIES for lane in lanes)


def lane_of(queue: str) -> str:
    """The lane of a queue's name."""
    return queue.rpartition(".")[0]


def priority_of(queue: str) -> Priority:
    """The priority of a queue's name."""
    return Priority(queue.rpartition(".")[2])
