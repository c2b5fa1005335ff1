"""What atheris feeds with bytes: everything here that reads what others wrote. Each either reads it, or says why not.

python tests/fuzz/harnesses.py NAME [libFuzzer's options]; `make fuzz` runs all of them, each for a while.
"""

import io
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import atheris

with atheris.instrument_imports(include=["task_system", "cronsim"]):
    from task_system.broker.message import reference_of
    from task_system.model.moments import written
    from task_system.model.schedule import Timing, check_cron, check_timezone
    from task_system.model.search import SearchError, parse
    from task_system.task_types import csv_text

#: A day on which clocks change.
NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
#: Of a cron expression; the empty one stands for anything else.
FIELDS = ("", "*", "*/7", "0", "2", "30", "29", "1-5", "1,15", "L", "MON", "5#3", "FEB", "2-4/2", "@daily")
ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe")


def message(data: bytes) -> None:
    """A message's headers, as any producer could set them."""
    take = atheris.FuzzedDataProvider(data)
    values = (
        None,
        take.ConsumeInt(8),
        take.ConsumeUnicode(40),
        take.ConsumeFloat(),
        [take.ConsumeInt(2)],
        {"a": take.ConsumeInt(2)},
        take.ConsumeBool(),
        "01a217ff-8b5b-79fe-9798-9c87fc51d01e",
    )
    headers = {name: take.PickValueInList(list(values)) for name in ("id", "dispatch_no", "task") if take.ConsumeBool()}

    class Received:
        def __init__(self) -> None:
            self.headers = headers or None

    with suppress(ValueError):
        task_id, dispatch_no = reference_of(Received())
        assert task_id.version is None or task_id.bytes
        assert 0 < dispatch_no < 2**31


def search(data: bytes) -> None:
    """`q`. An error has a place in the text."""
    text = atheris.FuzzedDataProvider(data).ConsumeUnicodeNoSurrogates(400)
    position = 0
    try:
        parse(text, NOW)
    except SearchError as error:
        position = error.position
    assert 0 <= position <= len(text), (text, position)


def cron(data: bytes) -> None:
    """A cron expression that is taken has ticks that go forward, or none."""
    take = atheris.FuzzedDataProvider(data)
    zone = take.PickValueInList(list(ZONES))
    text = " ".join(
        take.PickValueInList(list(FIELDS)) or take.ConsumeUnicodeNoSurrogates(8)
        for _ in range(take.ConsumeIntInRange(1, 7))
    )
    try:
        check_cron(text)
    except ValueError:
        return
    assert ZoneInfo(check_timezone(zone))
    ticks = Timing(anchor=NOW, cron=text, timezone=zone).upcoming(NOW, 5)
    assert ticks == sorted(set(ticks))
    assert all(tick > NOW for tick in ticks)


def timezone(data: bytes) -> None:
    """A zone's name, which is a path to who is careless."""
    with suppress(ValueError):
        check_timezone(atheris.FuzzedDataProvider(data).ConsumeUnicode(80))


def csv(data: bytes) -> None:
    """A text that may be CSV: every row has a place, and none is lost."""
    text = data.decode("utf-8", "replace").replace("\0", "")
    layout = csv_text.detect(text) or csv_text.assume(text)
    last = 0
    for row in islice(csv_text.rows(io.StringIO(text, newline=""), layout.delimiter), 10_000):
        assert row.line > last or row.malformed
        last = row.line
        for cell in row.cells:
            csv_text.number_of(cell)
            csv_text.moment_of(cell)
        if not row.malformed and row.cells:
            assert len(csv_text.titles(row.cells)) == len(row.cells)


def moment(data: bytes) -> None:
    """Whatever stands where a moment should."""
    take = atheris.FuzzedDataProvider(data)
    with suppress(ValueError):
        written(take.PickValueInList([take.ConsumeInt(8), take.ConsumeFloat(), take.ConsumeUnicode(40), None]))


HARNESSES: dict[str, Callable[[bytes], None]] = {
    harness.__name__: harness for harness in (message, search, cron, timezone, csv, moment)
}

if __name__ == "__main__":
    name, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options], HARNESSES[name])
    atheris.Fuzz()
