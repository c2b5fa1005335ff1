"""Histograms of durations: how many fell into which bucket.

Buckets grow by a tenth, so that a few hundred hold any span. What is read from a histogram is at most ERROR off;
durations below a millisecond count as half of one.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

GROWTH = 1.1
#: The middle of a bucket, by ratio, is no further from anything in it.
ERROR = math.sqrt(GROWTH) - 1
_LOG = math.log(GROWTH)
#: Bucket of what is shorter than a millisecond.
_BELOW = -1

Histogram = Counter[int]


def bucket_of(milliseconds: float) -> int:
    """The bucket that a duration falls into."""
    return _BELOW if milliseconds < 1 else int(math.log(milliseconds) / _LOG)


def merged(histograms: Iterable[Mapping[int, int]]) -> Histogram:
    """All of them together."""
    total: Histogram = Counter()
    for histogram in histograms:
        for bucket, count in histogram.items():
            total[bucket] += count
    return total


def percentiles(histogram: Mapping[int, int], shares: Sequence[float]) -> list[float | None]:
    """For each share of all (ascending, to 1) the duration in milliseconds that it did not exceed; None: of nothing."""
    total = sum(histogram.values())
    if not total:
        return [None] * len(shares)
    found: list[float | None] = []
    below = 0
    buckets = iter(sorted(histogram.items()))
    bucket = _BELOW
    for share in shares:
        while below < share * total:
            bucket, count = next(buckets)
            below += count
        found.append(_middle(bucket))
    return found


def _middle(bucket: int) -> float:
    return 0.5 if bucket == _BELOW else round(GROWTH ** (bucket + 0.5), 3)
