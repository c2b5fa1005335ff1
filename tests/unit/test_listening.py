"""When a worker takes it that the broker delivers nothing to it any more."""

from task_system.worker.listening import Listening

QUEUES = ("default.high", "default.low")


class World:
    """A broker that says what it is told to, a worker's messages, and how often the worker began anew."""

    def __init__(self, queues: tuple[str, ...] = QUEUES) -> None:
        self.ready: dict[str, int] = {}
        self.holding: set[str] = set()
        self.received: dict[str, int] = {}
        self.anew = 0
        self._listening = Listening(
            self._looks, lambda: queues, lambda: self.holding, lambda: dict(self.received), self._begin_anew
        )

    def look(self, **ready: int) -> int:
        """A look while the queues have so many messages; answers how often the worker has begun anew."""
        self.ready = {f"default.{priority}": count for priority, count in ready.items()}
        self._listening.look()
        return self.anew

    def _looks(self, queues: tuple[str, ...]) -> dict[str, tuple[int, int | None]]:
        return {queue: (self.ready.get(queue, 0), 1) for queue in queues}

    def _begin_anew(self) -> None:
        self.anew += 1


def test_messages_of_which_none_comes_between_two_looks_are_too_many() -> None:
    world = World()
    assert world.look(low=3) == 0, "it may only just have begun to consume"
    assert world.look(low=3) == 1
    assert world.look(low=3) == 1, "the new connection has its time as well"
    assert world.look(low=3) == 2


def test_a_queue_that_delivers_is_well_however_long_it_is() -> None:
    world = World()
    for count in range(5):
        world.received["default.low"] = count
        assert world.look(low=1000) == 0


def test_a_queue_of_which_messages_wait_here_owes_nothing() -> None:
    world = World()
    world.holding = {"default.low"}
    world.look(low=9)
    assert world.look(low=9) == 0
    world.holding = set()
    assert world.look(low=9) == 0
    assert world.look(low=9) == 1


def test_an_empty_queue_in_between_and_another_queue_are_other_matters() -> None:
    world = World()
    for ready in ({"low": 1}, {"high": 1}, {"low": 1}, {}, {"low": 1}):
        assert world.look(**ready) == 0


def test_what_the_worker_does_not_consume_is_not_its_concern() -> None:
    world = World(("default.high",))
    world.look(low=5)
    assert world.look(low=5) == 0
