"""When a worker takes the broker's word for it that nobody consumes."""

from task_system.worker.listening import Listening

QUEUES = ("default.high", "default.low")


class Broker:
    """Says what it is told to say, and counts how often a worker began anew."""

    def __init__(self) -> None:
        self.says: dict[str, tuple[int, int | None]] = {}
        self.anew = 0

    def looks(self, queues: tuple[str, ...]) -> dict[str, tuple[int, int | None]]:
        return {queue: self.says.get(queue, (0, 0)) for queue in queues}

    def begin_anew(self) -> None:
        self.anew += 1


def listening_of(broker: Broker, queues: tuple[str, ...] = QUEUES) -> Listening:
    return Listening(broker.looks, lambda: queues, broker.begin_anew)


def test_messages_that_nobody_consumes_in_two_looks_are_too_many() -> None:
    broker = Broker()
    listening = listening_of(broker)
    broker.says = {"default.low": (3, 0)}
    listening.look()
    assert broker.anew == 0, "it may only just have begun to consume"
    listening.look()
    assert broker.anew == 1
    listening.look()
    assert broker.anew == 1, "the new connection has its time as well"


def test_empty_or_consumed_or_in_between_all_is_well() -> None:
    broker = Broker()
    listening = listening_of(broker)
    for says in ((0, 0), (0, 0), (9, 1), (9, 0), (9, 1), (9, 0), (0, 0), (9, 0)):
        broker.says = {"default.low": says}
        listening.look()
    assert broker.anew == 0


def test_another_queue_in_the_next_look_is_another_matter() -> None:
    broker = Broker()
    listening = listening_of(broker)
    broker.says = {"default.low": (1, 0)}
    listening.look()
    broker.says = {"default.high": (1, 0)}
    listening.look()
    assert broker.anew == 0


def test_what_the_worker_does_not_consume_is_not_its_concern() -> None:
    broker = Broker()
    listening = listening_of(broker, ("default.high",))
    broker.says = {"default.low": (5, 0)}
    listening.look()
    listening.look()
    assert broker.anew == 0
