"""Answers that cost something, given again for a while."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

#: An answer is good for so many times as long as it took to make.
TIMES = 10.0


@dataclass(slots=True)
class _Answer:
    lock: threading.Lock = field(default_factory=threading.Lock)
    body: bytes = b""
    until: float = 0.0


class Kept:
    """However many ask, making the answer to one question takes no more than a tenth of one core."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: defaultdict[str, _Answer] = defaultdict(_Answer)

    def get(self, question: str, make: Callable[[], bytes]) -> bytes:
        """The answer that is kept, or a new one; whoever asks while it is made waits for it."""
        answer = self._answers[question]
        with answer.lock:
            started = self._clock()
            if started >= answer.until:
                answer.body = make()
                ended = self._clock()
                answer.until = ended + TIMES * (ended - started)
            return answer.body
