"""What happens, as the service tells it; where it tells nothing, one looks every now and then.

It tells nothing when it has as many streams as it may, when a proxy keeps them back, and when the connection was lost.
"""

import math
import time
from collections.abc import Container, Iterator
from contextlib import suppress

from task_system.cli.api import Api, Json, Refused, Unreachable, task_path

TERMINAL = ("SUCCESS", "FAILURE", "CANCELLED", "EXPIRED")
#: Between two looks at what nothing is told of, in seconds.
LOOK_FIRST_S, LOOK_MOST_S = 0.05, 0.5
#: A service that answered before, and does not now, is waited for so long, in seconds: it is started anew meanwhile.
AWAY_S = 60.0
#: What stands for a service says so while that is away.
AWAY = (502, 503, 504)
#: So long after something happened all that follows from it can be seen: statistics come a little later.
SETTLED_S = 3.0
#: When nothing happens, the past moves on still.
LOOK_ANYHOW_S = 15.0
#: Without a stream, it is asked for again after so long.
ASK_AGAIN_S = 30.0


def states_of(api: Api, task_id: str) -> Iterator[Json]:
    """A task as it goes on: status, and progress. Ends when it is over, with the whole task."""
    # Looks go on where the telling ended, and say what is wrong when they find no service either.
    with suppress(Refused, Unreachable):
        yield from _told(api, task_id)
    yield from seen(api, task_path(task_id), TERMINAL, heard=True)


def looks(api: Api, task_id: str) -> Iterator[None]:
    """When to look at what a task says: as it goes on, about each second, and at last when it is over."""
    heard = False
    with suppress(Refused, Unreachable):
        for _ in api.events(task_path(task_id, "events")):
            heard = True
            yield
    for _ in seen(api, task_path(task_id), TERMINAL, heard=heard):
        yield


def seen(api: Api, path: str, over: Container[str], *, heard: bool) -> Iterator[Json]:
    """What stands at an address, every now and then, until its state is one of those.

    heard: whether the service has answered before. One that has may be away for a while.
    """
    pause_s, heard_at = LOOK_FIRST_S, time.monotonic() if heard else -math.inf
    while True:
        try:
            one: Json = api.get(path)
        except (Refused, Unreachable) as error:
            known = isinstance(error, Refused) and error.status not in AWAY
            if known or time.monotonic() - heard_at > AWAY_S:
                raise
        else:
            yield one
            if one["state"] in over:
                return
            heard_at = time.monotonic()
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.3, LOOK_MOST_S)


def moments(api: Api, every_s: float) -> Iterator[bool]:
    """When to look at the service, as True: while something happens, every so many seconds. False about each second:
    nothing is new but the time."""
    while True:
        with suppress(Refused, Unreachable):
            yield from _happening(api, every_s)
        until = time.monotonic() + ASK_AGAIN_S
        while time.monotonic() < until:
            yield True
            time.sleep(every_s)


def _told(api: Api, task_id: str) -> Iterator[Json]:
    status, progress = "pending", {"percent": 0.0, "message": ""}
    for name, said in api.events(task_path(task_id, "events")):
        if name == "snapshot":
            status, progress = said["status"], said["progress"]
        elif name == "task.progress":
            progress = {"percent": said.get("percent") or 0.0, "message": said.get("message") or ""}
        elif name.startswith("task."):
            status = said["state"].lower()
        else:
            continue
        yield {"state": "", "status": status, "progress": progress}


def _happening(api: Api, every_s: float) -> Iterator[bool]:
    looked_at, happened_at = 0.0, time.monotonic()
    for name, _ in api.events("/api/events"):
        now = time.monotonic()
        if name.startswith("task."):
            happened_at = now
        look = now - looked_at >= (every_s if looked_at - happened_at < SETTLED_S else LOOK_ANYHOW_S)
        if look:
            looked_at = now
        if look or not name:
            yield look
