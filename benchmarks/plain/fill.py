"""Put no-op tasks into the peer's queue: `python -m benchmarks.plain.fill NUMBER`. Not part of any measurement."""

import sys

from benchmarks.plain import tasks


def fill(number: int) -> None:
    """Publish so many no-op tasks over one connection."""
    with tasks.app.producer_or_acquire() as producer:
        for _ in range(number):
            tasks.noop.apply_async(producer=producer)


if __name__ == "__main__":
    fill(int(sys.argv[1]))
