"""After this machine stood still nobody is judged by his silence: a lid was closed, a virtual machine was paused.

The workers here were not heard of for as long, and are alive. They are given the time to say so.
"""

import threading
import time
from collections.abc import Callable


class Standstill:
    """A role that notices that it was not run; others ask it before they judge.

    matters_s: standing still for less does no harm. patience_s: within which whoever lives says so. Both in seconds.
    clock: as the database's goes, also while the machine sleeps.
    """

    name = "standstill"
    every_s = 1.0

    def __init__(self, *, matters_s: float, patience_s: float, clock: Callable[[], float] = time.time) -> None:
        self._matters_s = matters_s
        self._patience_s = patience_s
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_at = clock()
        self._over_at = 0.0

    def run_once(self) -> bool:
        self.just_now()
        return False

    def just_now(self) -> bool:
        """Whether it stood still so short a time ago that workers may not have been able to say that they live."""
        with self._lock:
            now = self._clock()
            if now - self._looked_at > self.every_s + self._matters_s:
                self._over_at = now + self._patience_s
            self._looked_at = now
            # A clock that was set back must not make it last.
            return 0 < self._over_at - now <= self._patience_s
