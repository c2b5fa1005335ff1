"""How many different values there are: exactly while they are few, estimated beyond."""

import math
from hashlib import blake2b

from task_system.task_types.data_processing.models import Scalar

#: A longer text is kept as its digest.
_KEPT_CHARACTERS = 64
#: Kept values that go to the registers with each new one: all of them at once would hold everything up.
_AT_ONCE = 16

# HyperLogLog: 4,096 registers estimate with a standard error of 1.6 %.
_INDEX_BITS = 12
_REGISTERS = 1 << _INDEX_BITS
_REST_BITS = 64 - _INDEX_BITS
_ALPHA = 0.7213 / (1 + 1.079 / _REGISTERS)


class Distinct:
    """Takes values and knows how many different ones there were; up to `limit` of them are kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: set[Scalar | bytes | tuple[bool]] = set()
        self._registers: bytearray | None = None

    @property
    def is_exact(self) -> bool:
        return self._registers is None

    def add(self, value: str | int | float | bool) -> None:
        """A value; 1 and 1.0 are the same one, True and "1" are others."""
        if self._registers is not None:
            self._register(value)
            if self._values:
                self._hand_over(_AT_ONCE)
            return
        self._values.add(_key(value))
        if len(self._values) > self._limit:
            self._registers = bytearray(_REGISTERS)

    def count(self) -> int:
        """How many different values there were, exactly or estimated."""
        if self._registers is None:
            return len(self._values)
        self._hand_over(len(self._values))
        empty = self._registers.count(0)
        estimate = _ALPHA * _REGISTERS**2 / sum(2.0**-register for register in self._registers)
        if empty and estimate <= 2.5 * _REGISTERS:
            estimate = _REGISTERS * math.log(_REGISTERS / empty)
        # more than the limit it is for certain
        return max(round(estimate), self._limit + 1)

    def _hand_over(self, most: int) -> None:
        """Some of the kept values to the registers."""
        for _ in range(min(most, len(self._values))):
            self._register(self._values.pop())

    def _register(self, value: Scalar | bytes | tuple[bool]) -> None:
        assert self._registers is not None
        number = int.from_bytes(blake2b(_bytes(_key(value)), digest_size=8).digest())
        index, rest = number & (_REGISTERS - 1), number >> _INDEX_BITS
        rank = _REST_BITS - rest.bit_length() + 1
        self._registers[index] = max(self._registers[index], rank)


def _key(value: Scalar | bytes | tuple[bool]) -> Scalar | bytes | tuple[bool]:
    if isinstance(value, str) and len(value) > _KEPT_CHARACTERS:
        return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    # in a tuple, because True == 1 and a set would take them for one
    return (value,) if isinstance(value, bool) else value


def _bytes(key: Scalar | bytes | tuple[bool]) -> bytes:
    if isinstance(key, str):
        return key.encode("utf-8", "surrogatepass")
    # the hash of a number is that of its equals: 1 and 1.0
    return key if isinstance(key, bytes) else b"\0%d %d" % (isinstance(key, tuple), hash(key))
