"""When a failed attempt is tried again."""

from dataclasses import dataclass

from task_system.model.backoff import backoff_s


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, how long apart, and after which errors not at all.

    With the defaults a task that keeps failing is tried 5 times within about a quarter of a minute on average.
    """

    #: Starts that the task may cost; 1 means never again, not even after a worker died under it.
    max_attempts: int = 5
    #: Upper bound of the first wait, in seconds; it doubles with each failure.
    base_s: float = 2.0
    #: Upper bound of every wait, in seconds.
    cap_s: float = 600.0
    #: Draw the wait from 0 to its bound, so that those who failed together do not come back together.
    jitter: bool = True
    #: Exceptions that another attempt cannot mend.
    not_for: tuple[type[BaseException], ...] = ()

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ValueError("max_attempts must be at least 1")
        if not 0 <= self.base_s <= self.cap_s:
            raise ValueError("base_s must be from 0 to cap_s")

    def delay_s(self, failures: int) -> float:
        """Seconds to wait after this many failed attempts (1, 2, …)."""
        return backoff_s(failures, base_s=self.base_s, cap_s=self.cap_s, jitter=self.jitter)
