"""Steps that need all rows before they can answer: sort and deduplicate. What memory does not hold goes to disk.

The files on disk have no name, so nothing is left of them however the process ends.
"""

import heapq
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from hashlib import blake2b
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, cast

from task_system.task_types.data_processing.models import Scalar, Sort
from task_system.task_types.data_processing.reading import Record
from task_system.task_types.data_processing.steps import Value

#: Rows that are sorted in memory, by what they take on disk, which is a third of it or less.
RUN_BYTES = 8 * 1024 * 1024
#: Files that are merged at once.
_RUNS_MAX = 64
#: Different rows that are told apart in memory.
SEEN_MAX = 200_000
_BUCKETS = 128
_BUFFER_BYTES = 32 * 1024


Tick = Callable[[], None]


def sorted_rows(rows: Iterable[Record], wanted: Sort, value: Value, folder: Path, tick: Tick) -> Iterator[Record]:
    """The rows in order.

    folder: where there is room for them on disk.
    tick: called for each row that comes from disk.
    """

    def key(row: Record) -> tuple[tuple[int, Any], ...]:
        return tuple(_rank(value(row.get(name))) for name in wanted.columns)

    def merged(runs: list[BinaryIO]) -> Iterator[Record]:
        return heapq.merge(*(_read(run, tick) for run in runs), key=key, reverse=wanted.descending)

    with ExitStack() as opened:
        runs: list[BinaryIO] = []
        pending: list[tuple[Any, bytes]] = []
        size = 0
        for row in rows:
            packed = pickle.dumps(row, pickle.HIGHEST_PROTOCOL)
            pending.append((key(row), packed))
            size += len(packed)
            if size >= RUN_BYTES:
                runs.append(_write(opened, folder, _in_order(pending, wanted)))
                pending, size = [], 0
            if len(runs) == _RUNS_MAX:
                whole = _write(opened, folder, map(pickle.dumps, merged(runs)))
                for run in runs:
                    run.close()
                runs = [whole]
        rest = (pickle.loads(packed) for packed in _in_order(pending, wanted))  # noqa: S301 - packed above
        yield from heapq.merge(merged(runs), rest, key=key, reverse=wanted.descending)


def deduplicated(rows: Iterable[Record], columns: list[str] | None, folder: Path, tick: Tick) -> Iterator[Record]:
    """The first of the rows that are the same in these columns, or in all. `folder`, `tick`: as above."""
    seen: set[bytes] = set()
    rest = enumerate(rows)
    for _, row in rest:
        digest = _digest(row, columns)
        if digest not in seen:
            seen.add(digest)
            yield row
        if len(seen) >= SEEN_MAX:
            break
    else:
        return
    yield from _deduplicated_on_disk(rest, columns, seen, folder, tick)


def _deduplicated_on_disk(
    rows: Iterator[tuple[int, Record]], columns: list[str] | None, seen: set[bytes], folder: Path, tick: Tick
) -> Iterator[Record]:
    """Rows that are the same meet in the same of many files, each small enough to be told apart in memory."""
    with ExitStack() as opened:
        buckets = [_open(opened, folder) for _ in range(_BUCKETS)]
        for number, row in rows:
            digest = _digest(row, columns)
            if digest not in seen:
                pickle.dump((number, digest, row), buckets[digest[0] % _BUCKETS], pickle.HIGHEST_PROTOCOL)
        seen.clear()
        firsts = [_firsts(bucket, _open(opened, folder), tick) for bucket in buckets]
        # by number they are in their order again
        merged = heapq.merge(*(_read(file, tick) for file in firsts), key=itemgetter(0))
        yield from (row for _, row in merged)


def _firsts(bucket: BinaryIO, firsts: BinaryIO, tick: Tick) -> BinaryIO:
    """Write the rows of a bucket into another file, without those that were there before."""
    seen: set[bytes] = set()
    for number, digest, row in _read(bucket, tick):
        if digest not in seen:
            seen.add(digest)
            pickle.dump((number, row), firsts, pickle.HIGHEST_PROTOCOL)
    bucket.close()
    return firsts


def _digest(row: Record, columns: list[str] | None) -> bytes:
    values = list(row.items()) if columns is None else [row.get(name) for name in columns]
    return blake2b(repr(values).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _rank(value: Scalar) -> tuple[int, Any]:
    """Something that can be compared with that of any other value."""
    if value is None:
        return 0, 0
    if isinstance(value, bool):
        return 2, str(value).lower()
    return (2, value) if isinstance(value, str) else (1, value)


def _in_order(pending: list[tuple[Any, bytes]], wanted: Sort) -> Iterable[bytes]:
    pending.sort(key=itemgetter(0), reverse=wanted.descending)
    return map(itemgetter(1), pending)


def _write(opened: ExitStack, folder: Path, rows: Iterable[bytes]) -> BinaryIO:
    file = _open(opened, folder)
    file.writelines(rows)
    return file


def _open(opened: ExitStack, folder: Path) -> BinaryIO:
    return cast("BinaryIO", opened.enter_context(tempfile.TemporaryFile(dir=folder, buffering=_BUFFER_BYTES)))


def _read(file: BinaryIO, tick: Tick) -> Iterator[Any]:
    file.seek(0)
    while True:
        try:
            found = pickle.load(file)  # noqa: S301 - written above
        except EOFError:
            return
        tick()
        yield found
