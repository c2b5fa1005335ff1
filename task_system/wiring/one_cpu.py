"""A process whose threads run Python stays on one CPU.

They run one at a time anyway. Spread over CPUs each turn wakes another one, and finds what it needs in the other's
cache: on two CPUs a submission cost 40 % more (docs/decisions/0015). The system moves others out of the way, unless
they stay where they are, too; so the process goes elsewhere when it shares its CPU while another one has more room.
"""

import logging
import os
import random
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

#: Between two looks, in seconds; not at the same moment in every process, lest they move together.
LOOK_EVERY_S = (5.0, 10.0)
#: A CPU must have so much more room before it is worth a move.
WORTH_IT = 0.25

_log = logging.getLogger(__name__)

#: Of each CPU: for how many seconds it was busy since the system started.
Busy = Mapping[int, float]


def stay_on_one_cpu() -> None:
    """Keep this process, and all threads that it has or will have, on one CPU at a time. Linux only; else nothing."""
    if not hasattr(os, "sched_setaffinity"):
        return
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        return
    cpu = random.choice(sorted(allowed))  # noqa: S311 - to spread processes is no secret
    try:
        _move(cpu)
    except OSError as error:
        _log.warning("this process may not stay on one CPU, and so takes more of all: %s", error)
        return
    threading.Thread(target=_watch, args=(allowed, cpu), name="one-cpu", daemon=True).start()


def better(cpu: int, own_s: float, before: Busy, now: Busy, passed_s: float) -> int:
    """The CPU to be on from here on, after `passed_s` in which this process used `own_s` of its CPU."""
    share = {each: (now[each] - before[each]) / passed_s for each in now}
    share[cpu] -= own_s / passed_s
    freest = min(share, key=lambda each: share[each])
    return freest if share[cpu] - share[freest] > WORTH_IT else cpu


def _watch(allowed: set[int], cpu: int) -> None:
    before, own_s, at_s = _busy(allowed), time.process_time(), time.monotonic()
    while True:
        time.sleep(random.uniform(*LOOK_EVERY_S))  # noqa: S311 - as above
        now, own_now_s, now_s = _busy(allowed), time.process_time(), time.monotonic()
        to = better(cpu, own_now_s - own_s, before, now, now_s - at_s)
        if to != cpu:
            _move(to)
        cpu, before, own_s, at_s = to, now, own_now_s, now_s


def _move(cpu: int) -> None:
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it ended meanwhile
            os.sched_setaffinity(int(thread.name), {cpu})


def _busy(allowed: set[int]) -> dict[int, float]:
    """From proc(5): user, nice, system, idle, iowait, irq, softirq, steal, in ticks."""
    busy = {}
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name != "cpu" and int(name[3:]) in allowed:
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
            busy[int(name[3:])] = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    return busy
