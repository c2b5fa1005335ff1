"""Named points on the critical steps, at which a test makes this process die, wait or fail.

Without FAILPOINTS in the environment, which is how the service runs, `failpoint` is a function that does nothing, and
it is called for a batch, not for a task. With it, FAILPOINTS names a folder: a file there that has a point's name arms
it. The first who comes by takes the file away, so that one file is one fault however many processes and threads pass;
what is left is `<name>.hit`. The file says what happens:

    kill | exit CODE | sleep SECONDS | raise | barrier PATH    and behind it @N: not before the Nth pass of a process

`barrier` waits until PATH exists; `raise` raises `FailpointReached`, which nobody expects.
"""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

#: Name: the step. A test arms each of them.
POINTS = {
    "web.before_commit": "a batch of submissions has gathered, and is not in the database",
    "web.committed": "a batch of submissions is on disk, and nobody was told",
    "web.before_answer": "a task is on disk and was handed to the publisher; its caller is not answered yet",
    "web.key_taken": "an idempotency key and its task were written, and are not committed",
    "publisher.before_send": "messages are about to be sent",
    "publisher.sent": "messages were sent, and are not confirmed",
    "publisher.confirmed": "messages were confirmed, which no row says yet",
    "worker.received": "a message arrived, and its task waits for a slot",
    "worker.before_claim": "claims have gathered, and are not in the database",
    "worker.claimed": "claims are in the database, and their messages not acknowledged",
    "worker.acknowledged": "a claimed task's message is acknowledged, and no pool process has it",
    "worker.before_finish": "ends have gathered, and are not in the database",
    "worker.finished": "ends are in the database, and not announced",
    "worker.before_announce": "copies of results are about to go to Redis",
    "worker.announced": "copies of results are in Redis",
    "worker.before_beat": "the leases are about to be extended",
    "child.before_handler": "a pool process has an attempt, and its handler was not called",
    "child.after_handler": "a handler is done, and nobody knows",
    "keeper.relay.taken": "rows were taken to be published, and are with nobody",
    "keeper.rescuer.before_commit": "leases that ran out were ended, not committed",
    "keeper.rescuer.rescued": "leases that ran out were ended",
    "keeper.expirer.before_commit": "tasks past their time were ended, not committed",
    "keeper.releaser.before_commit": "parked rows were let go, not committed",
    "keeper.reconciler.before_commit": "lost dispatches got new numbers, not committed",
    "keeper.bulk.before_step": "the next tasks of a bulk are about to be acted on",
    "keeper.dead_letters.settled": "a dead letter's task was settled, and the letter not acknowledged",
    "keeper.scheduler.before_commit": "the tasks of ticks were written, not committed",
    "keeper.scheduler.fired": "the tasks of ticks are on disk",
    "keeper.pruner.before_commit": "old tasks were deleted, not committed",
}

_POLL_S = 0.01
_folder = os.environ.get("FAILPOINTS", "")
_passes: Counter[str] = Counter()
_counting = threading.Lock()


class FailpointReached(Exception):
    """A failpoint that was armed with `raise` was reached."""


def _off(_name: str) -> None:
    """Nothing."""


def _on(name: str) -> None:
    if name not in POINTS:
        raise ValueError(f"unknown failpoint {name!r}")
    path = f"{_folder}/{name}"
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - the model of everything below stays without IO
            words = file.read().split()
    except FileNotFoundError:
        return
    with _counting:
        _passes[name] += 1
        if words[-1].startswith("@") and _passes[name] < int(words.pop()[1:]):
            return
        _passes[name] = 0
    try:
        os.rename(path, f"{path}.hit")  # noqa: PTH104 - as above
    except FileNotFoundError:
        return  # somebody else was first
    _act(name, *words)


def _act(name: str, action: str, argument: str = "") -> None:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "exit":
        os._exit(int(argument))
    elif action == "sleep":
        time.sleep(float(argument))
    elif action == "barrier":
        while not os.path.exists(argument):  # noqa: PTH110 - as above
            time.sleep(_POLL_S)
    elif action == "raise":
        raise FailpointReached(name)
    else:
        raise ValueError(f"{name}: {action!r} is none of kill, exit, sleep, barrier, raise")


failpoint: Callable[[str], None] = _on if _folder else _off
