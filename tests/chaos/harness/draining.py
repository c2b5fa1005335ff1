"""Stuck or only slow: what is left after a fault is looked at again and again, until it is over or stops getting less.

On a busy machine more may have gathered than can be done in the time that a row is given. As long as tasks end nothing
is stuck, so they are waited for; how fast they ended is then held against what ends where nothing is broken.
"""

from dataclasses import dataclass

#: Without one end for this long, what is left is stuck; and however slow, a row is given up after so long, in seconds.
STALLS_S, LONGEST_S = 30.0, 300.0
#: Slower than this share of what ends undisturbed is no longer the machine's fault.
FAIR_SHARE = 0.5


@dataclass
class Draining:
    """Since a fault's end, on the monotonic clock; `within_s`: the time it should take."""

    gone_at: float
    within_s: float
    #: How many were left at the first look; None before it.
    backlog: int | None = None
    left: int = 0
    moved_at: float = 0.0

    def look(self, left: int, now: float) -> None:
        """So many are left."""
        if self.backlog is None:
            self.backlog, self.left, self.moved_at = left, left, now
        elif left < self.left:
            self.left, self.moved_at = left, now

    def late(self, now: float) -> bool:
        """Whether it takes longer than it should."""
        return now - self.gone_at > self.within_s

    def hopeless(self, now: float) -> bool:
        """Whether to wait no longer: it is late, and nothing ends; or it is very late."""
        return now - self.gone_at > LONGEST_S or (self.late(now) and now - self.moved_at > STALLS_S)

    def per_s(self, now: float) -> float:
        """How many ended in a second."""
        return ((self.backlog or 0) - self.left) / max(now - self.gone_at, 0.001)


def slow(drained_per_s: float, undisturbed_per_s: float) -> bool:
    """Whether it is the service that was slow, and not the machine."""
    return drained_per_s < FAIR_SHARE * undisturbed_per_s
