"""How long to wait before the next attempt."""

import random

#: Nothing waits longer, in seconds: ten years. Beyond that databases run out of calendar.
LONGEST_DELAY_S = 10 * 366 * 86_400.0


def backoff_s(failures: int, *, base_s: float, cap_s: float, jitter: bool = True) -> float:
    """Seconds until the next attempt after this many failed ones (1, 2, …).

    Exponential with "full jitter": a uniform draw from 0 to `min(cap_s, base_s * 2 ** (failures - 1))`, which spreads a
    crowd that failed together over the whole window (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture
    Blog, 2015).
    """
    # 2**63 seconds is beyond every cap; without the bound a task that snoozes for years would overflow the float.
    ceiling = min(cap_s, base_s * 2 ** min(failures - 1, 63))
    return random.uniform(0, ceiling) if jitter else ceiling  # noqa: S311 - spreading load is no secret
