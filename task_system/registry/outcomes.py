"""How a handler says what became of an attempt, other than by returning its result.

Raise one of these. Anything else that a handler raises is retried by its type's policy.
"""


class Outcome(Exception):
    """Base of the named outcomes."""


class Retry(Outcome):
    """Try again later. Costs an attempt; after the last one the task fails with this reason.

    `delay_s`: seconds to wait instead of the policy's backoff, for example what a `Retry-After` header said.
    """

    def __init__(self, reason: str, *, delay_s: float | None = None) -> None:
        super().__init__(reason)
        self.delay_s = delay_s


class Fail(Outcome):
    """Fail for good, now, however many attempts are left."""


class Snooze(Outcome):
    """Not yet: run again after `delay_s` seconds. Does not cost an attempt."""

    def __init__(self, delay_s: float, reason: str = "snoozed") -> None:
        super().__init__(reason)
        self.delay_s = delay_s


class Cancelled(Outcome):
    """Stop because a cancel was requested. `ctx.progress()` and `ctx.check_cancelled()` raise it."""

    def __init__(self, reason: str = "cancelled") -> None:
        super().__init__(reason)
