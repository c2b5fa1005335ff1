"""Tables of any size: NDJSON, steps that make tables of tables, and bounded memory."""

import csv
import io
import json
import math
import random
import statistics
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from task_system import Cancelled, Fail
from task_system.task_types.data_processing import (
    DataParameters,
    TableStatistics,
    data_processing,
    reading,
    spilling,
    steps,
)
from task_system.task_types.data_processing.distinct import Distinct
from task_system.task_types.data_processing.numbers_of_column import Numbers, Room
from task_system.testing import FakeContext

SALES = "id,city,sold,price\n001,Oslo,3,1.5\n002,Rome,,2\n003,Oslo,7,0.1\n004,Bonn,x,0.2\n003,Oslo,7,0.1\n"


def table_of(ctx: FakeContext, **parameters: Any) -> TableStatistics:
    result = data_processing(ctx, DataParameters(**parameters))
    assert isinstance(result, TableStatistics)
    return result


def written(ctx: FakeContext, text: str, *, name: str = "a.csv", output: str = "ndjson", **parameters: Any) -> Any:
    """The rows of the output file."""
    (ctx.data_dir / "files" / name).write_text(text)
    result = table_of(ctx, file=name, output=output, **parameters)
    assert result.output
    content = (ctx.data_dir / "files" / result.output.name).read_bytes().decode()
    assert result.output.size_bytes == len(content.encode())
    rows = (
        [json.loads(line) for line in content.splitlines()]
        if output == "ndjson"
        else list(csv.reader(io.StringIO(content, newline="")))
    )
    assert result.rows == len(rows) - (output == "csv")
    return rows


def ids(ctx: FakeContext, **parameters: Any) -> list[str]:
    return [row["id"] for row in written(ctx, SALES, **parameters)]


# --- NDJSON


def test_ndjson_is_a_table(ctx: FakeContext, files: Path) -> None:
    (files / "a.ndjson").write_text('{"a": 1, "b": "x"}\n\n{"a": 2.5, "c": {"d": [1]}}\n{"a": null, "b": true}')
    result = table_of(ctx, file="a.ndjson")
    assert (result.format, result.rows, result.rows_read, result.first_rows) == ("ndjson", 3, 3, [])
    assert [(column.name, column.type, column.count, column.nulls) for column in result.columns] == [
        ("a", "number", 2, 1),
        ("b", "mixed", 2, 1),
        ("c", "text", 1, 2),
    ]


def test_texts_in_ndjson_are_texts(ctx: FakeContext, files: Path) -> None:
    (files / "a.jsonl").write_text('{"a": "1"}\n{"a": ""}')
    column = table_of(ctx, file="a.jsonl").columns[0]
    assert (column.type, column.count, column.nulls) == ("text", 2, 0)


def test_malformed_lines_are_reported_and_counted(ctx: FakeContext, files: Path) -> None:
    lines = [
        b'\xef\xbb\xbf{"a": 1}',
        b"{",
        b"[1]",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b"\xff",
        b"[" * 100_000,
        b'{"a": 2}',
    ]
    (files / "a.ndjson").write_bytes(b"\n".join(lines))
    result = table_of(ctx, file="a.ndjson")
    assert (result.rows, result.malformed_rows) == (2, 6)
    assert [row.line for row in result.malformed] == [2, 3, 4, 5, 6, 7]
    with pytest.raises(Fail, match="Line 2 is malformed: not JSON"):
        table_of(ctx, file="a.ndjson", on_malformed="fail")


def test_malformed_csv_fails_by_choice(ctx: FakeContext) -> None:
    text = 'a,b\n1,2\n3\n"4"x,5\n6,7\n'
    result = table_of(ctx, data=text, format="csv")
    assert (result.rows, result.malformed_rows, [row.line for row in result.malformed]) == (2, 2, [3, 4])
    with pytest.raises(Fail, match="Line 3 is malformed: 1 cells where the first row has 2"):
        table_of(ctx, data=text, format="csv", on_malformed="fail")


def test_rows_without_end_are_not_read_into_memory(
    ctx: FakeContext, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LINE_MAX_CHARACTERS", 1000)
    for name, text, line in (
        ("a.csv", "a,b\n1," + "x" * 2000, 2),
        ("b.csv", 'a,b\n"' + "y\n" * 2000, 501),
        ("a.ndjson", '{"a":' + " " * 2000, 1),
    ):
        (files / name).write_text(text)
        with pytest.raises(Fail, match=f"The row in line {line} has more than 1,000 characters"):
            table_of(ctx, file=name)
    (files / "good.csv").write_text("a,b\n" + "1,2\n" * 2000)
    assert table_of(ctx, file="good.csv").rows == 2000


# --- steps


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ({"column": "city", "is": "eq", "value": "Oslo"}, ["001", "003", "003"]),
        ({"column": "city", "is": "ne", "value": "Oslo"}, ["002", "004"]),
        (
            {"column": "city", "is": "contains", "value": "o"},
            ["001", "002", "003", "004", "003"],
        ),
        ({"column": "city", "is": "lt", "value": "O"}, ["004"]),
        ({"column": "sold", "is": "gt", "value": 3}, ["003", "003"]),
        ({"column": "sold", "is": "ge", "value": 3}, ["001", "003", "003"]),
        ({"column": "sold", "is": "ne", "value": 3}, ["003", "003"]),
        ({"column": "sold", "is": "le", "value": 3.0}, ["001"]),
        ({"column": "sold", "is": "null"}, ["002"]),
        ({"column": "sold", "is": "not_null"}, ["001", "003", "004", "003"]),
        ({"column": "id", "is": "eq", "value": "001"}, ["001"]),
        ({"column": "id", "is": "eq", "value": 1}, []),
        ({"column": "price", "is": "eq", "value": 2}, ["002"]),
        ({"column": "price", "is": "eq", "value": True}, []),
    ],
)
def test_filters(ctx: FakeContext, condition: dict[str, Any], kept: list[str]) -> None:
    assert ids(ctx, filter=[condition]) == kept


def test_all_conditions_must_fit(ctx: FakeContext) -> None:
    conditions = [{"column": "city", "is": "eq", "value": "Oslo"}, {"column": "sold", "is": "lt", "value": 5}]
    assert ids(ctx, filter=conditions) == ["001"]


def test_select_keeps_columns_in_order(ctx: FakeContext) -> None:
    rows = written(ctx, SALES, output="csv", select=["price", "id"])
    assert rows[:2] == [["price", "id"], ["1.5", "001"]]


def test_groups(ctx: FakeContext) -> None:
    functions = [{"function": "count"}]
    functions += [{"function": name, "column": "sold"} for name in ("sum", "min", "max", "mean")]
    functions += [{"function": "sum", "column": "price"}]
    rows = written(ctx, SALES, group_by={"columns": ["city"], "aggregates": functions})
    assert rows == [
        {
            "city": "Oslo",
            "count": 3,
            "sum_sold": 17,
            "min_sold": 3,
            "max_sold": 7,
            "mean_sold": 17 / 3,
            "sum_price": 1.7,
        },
        {
            "city": "Rome",
            "count": 1,
            "sum_sold": None,
            "min_sold": None,
            "max_sold": None,
            "mean_sold": None,
            "sum_price": 2,
        },
        {
            "city": "Bonn",
            "count": 1,
            "sum_sold": None,
            "min_sold": None,
            "max_sold": None,
            "mean_sold": None,
            "sum_price": 0.2,
        },
    ]


def test_groups_need_no_file(ctx: FakeContext) -> None:
    result = table_of(ctx, data=SALES, group_by={"columns": ["city", "sold"]}, filter=[])
    assert result.first_rows[0] == {"city": "Oslo", "sold": "3", "count": 1}
    assert (result.rows, result.rows_read) == (4, 5)
    assert [column.name for column in result.columns] == ["city", "sold", "count"]
    assert result.output is None


def test_too_many_groups(ctx: FakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "GROUPS_MAX", 3)
    assert table_of(ctx, data=SALES, group_by={"columns": ["city"]}).rows == 3
    with pytest.raises(Fail, match="more than 3 groups"):
        table_of(ctx, data=SALES, group_by={"columns": ["city", "sold"]})


@given(st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=50))
def test_sums_of_groups_do_not_drift(values: list[float]) -> None:
    data = [{"g": 1, "v": value} for value in values]
    aggregates = [{"function": name, "column": "v"} for name in ("sum", "mean")]
    [row] = table_of(
        FakeContext(Path("unused")), data=data, group_by={"columns": ["g"], "aggregates": aggregates}
    ).first_rows
    exact = math.fsum(values)
    assert row["sum_v"] == pytest.approx(exact, rel=1e-12, abs=1e-3)
    assert row["mean_v"] == pytest.approx(exact / len(values), rel=1e-12, abs=1e-3)


def test_duplicates(ctx: FakeContext) -> None:
    assert ids(ctx, deduplicate=True) == ["001", "002", "003", "004"]
    assert ids(ctx, deduplicate=["city"]) == ["001", "002", "004"]


def test_sorting(ctx: FakeContext) -> None:
    by_price = {"columns": ["price"]}
    assert ids(ctx, sort=by_price) == ["003", "003", "004", "001", "002"]
    assert ids(ctx, sort={**by_price, "descending": True}) == ["002", "001", "004", "003", "003"]
    assert ids(ctx, sort={"columns": ["sold", "id"]}) == ["002", "001", "003", "003", "004"]


def test_all_steps_together(ctx: FakeContext) -> None:
    rows = written(
        ctx,
        SALES,
        output="csv",
        filter=[{"column": "price", "is": "lt", "value": 2}],
        group_by={"columns": ["city"], "aggregates": [{"function": "sum", "column": "price"}]},
        select=["sum_price", "city"],
        sort={"columns": ["sum_price"]},
    )
    assert rows == [["sum_price", "city"], ["0.2", "Bonn"], ["1.7", "Oslo"]]


def test_ndjson_to_csv_needs_its_columns(ctx: FakeContext) -> None:
    text = '{"a": 1, "b": null}\n{"b": [1], "c": true}\n'
    assert written(ctx, text, name="a.ndjson", output="csv", select=["c", "b"]) == [
        ["c", "b"],
        ["", ""],
        ["true", "[1]"],
    ]
    with pytest.raises(Fail, match="say which with `select`"):
        written(ctx, text, name="a.ndjson", output="csv")


def test_lists_go_through_the_same_steps(tmp_path: Path) -> None:
    ctx = FakeContext(tmp_path)
    result = table_of(ctx, data=[3, None, 1], sort={"columns": ["value"]}, output="csv")
    assert result.output
    assert result.output.name == "data.csv"
    assert result.output.file_id
    assert ctx.local_path(result.output.file_id).read_bytes() == b'value\r\n""\r\n1\r\n3\r\n'


@pytest.mark.parametrize(
    ("parameters", "missing"),
    [
        ({"filter": [{"column": "no", "is": "null"}]}, "no"),
        ({"select": ["id", "no"]}, "no"),
        ({"deduplicate": ["no"]}, "no"),
        ({"group_by": {"columns": ["no"]}}, "no"),
        ({"group_by": {"columns": ["id"]}, "select": ["city"]}, "city"),
        ({"sort": {"columns": ["city"]}, "select": ["id"], "output": "csv"}, "city"),
    ],
)
def test_columns_that_are_not_there(ctx: FakeContext, parameters: dict[str, Any], missing: str) -> None:
    with pytest.raises(Fail, match=f"There is no column `{missing}`. There are: "):
        table_of(ctx, data=SALES, **parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"format": "text", "select": ["a"]}, "prose has no rows"),
        ({"sort": {"columns": ["a"]}}, "`sort` needs an `output`"),
        ({"group_by": {"columns": ["a"]}, "deduplicate": True}, "leaves no duplicates"),
        ({"group_by": {"columns": ["a", "a"]}}, "may be there once"),
        ({"group_by": {"columns": ["a"], "aggregates": [{"function": "sum"}]}}, "`count` takes no `column`"),
        ({"filter": [{"column": "a", "is": "eq"}]}, "`eq` takes a `value`"),
        ({"filter": [{"column": "a", "is": "null", "value": 1}]}, "`null` takes no `value`"),
        ({"filter": [{"column": "a", "is": "contains", "value": 1}]}, "takes a text"),
        ({"filter": [{"column": "a", "is": "lt", "value": True}]}, "compared with `eq` or `ne`"),
        ({"filter": [{"column": "a", "is": "like", "value": "x"}]}, "'eq', 'ne'"),
        ({"output": "xml"}, "'csv' or 'ndjson'"),
    ],
)
def test_parameters_that_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        DataParameters.model_validate({"file": "a.csv", **parameters})
    assert message in str(error.value)


def test_prose_has_no_steps(ctx: FakeContext) -> None:
    with pytest.raises(Fail, match="This is prose"):
        table_of(ctx, data="Dear Ann", select=["a"])


# --- many rows


cells = st.sampled_from(["", "1", "2", "10", "a", "b", "true", "-1.5"])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little memory, so that few rows go to disk, and often."""
    monkeypatch.setattr(spilling, "RUN_BYTES", 200)
    monkeypatch.setattr(spilling, "_RUNS_MAX", 3)
    monkeypatch.setattr(spilling, "SEEN_MAX", 3)
    monkeypatch.setattr(spilling, "_BUCKETS", 4)


@pytest.mark.usefixtures("small")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(table=st.lists(st.tuples(cells, cells), max_size=60), descending=st.booleans())
def test_the_disk_sorts_and_finds_duplicates_as_memory_does(
    ctx: FakeContext, table: list[tuple[str, str]], *, descending: bool
) -> None:
    (ctx.data_dir / "files").mkdir(exist_ok=True)
    text = "a,b,n\n" + "".join(f"{a},{b},{number}\n" for number, (a, b) in enumerate(table))

    def key(row: dict[str, str]) -> Any:
        return spilling._rank(steps.of_cell(row["a"]))

    rows = [{"a": a, "b": b, "n": str(number)} for number, (a, b) in enumerate(table)]
    sort = {"columns": ["a"], "descending": descending}
    assert written(ctx, text, sort=sort, format="csv", header=True) == sorted(rows, key=key, reverse=descending)
    firsts = list({(row["a"], row["b"]): row for row in reversed(rows)}.values())
    firsts.sort(key=lambda row: int(row["n"]))
    assert written(ctx, text, deduplicate=["a", "b"], format="csv", header=True) == firsts


def big(path: Path, rows: int) -> None:
    draw = random.Random(1)
    with path.open("w") as file:
        file.write("id,city,amount,day,note\n")
        for number in range(rows):
            file.write(
                f"{number},city{number % 50},{draw.gauss(100, 15):.6f},2024-01-{number % 28 + 1:02},"
                f"some text that is number {draw.randrange(10**9)}\n"
            )


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"group_by": {"columns": ["city"], "aggregates": [{"function": "mean", "column": "amount"}]}, "output": "csv"},
        {"sort": {"columns": ["amount"]}, "output": "csv"},
        {"deduplicate": ["note"], "output": "ndjson"},
    ],
    ids=["statistics", "groups", "sort", "duplicates"],
)
def test_memory_does_not_grow_with_the_file(
    ctx: FakeContext, files: Path, monkeypatch: pytest.MonkeyPatch, parameters: dict[str, Any]
) -> None:
    monkeypatch.setattr(spilling, "RUN_BYTES", 128 * 1024)
    monkeypatch.setattr(spilling, "SEEN_MAX", 1000)
    monkeypatch.setattr("task_system.task_types.data_processing.table.KEPT_NUMBERS", 4_000)
    monkeypatch.setattr("task_system.task_types.data_processing.table.DISTINCT_VALUES", 2_000)
    peaks = []
    for rows in (4_000, 12_000):
        big(files / "a.csv", rows)
        here = FakeContext(ctx.data_dir)
        tracemalloc.start()
        try:
            assert table_of(here, file="a.csv", **parameters).rows_read == rows
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert here.percents == sorted(here.percents)
    assert peaks[1] < 1.6 * peaks[0] + 1_000_000
    assert peaks[1] < 12_000_000


def test_statistics_beyond_the_bounds_are_close_and_say_so(
    ctx: FakeContext, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("task_system.task_types.data_processing.table.KEPT_NUMBERS", 10_000)
    monkeypatch.setattr("task_system.task_types.data_processing.table.DISTINCT_VALUES", 5_000)
    big(files / "a.csv", 30_000)
    number, city, amount, day, note = table_of(ctx, file="a.csv").columns
    assert number.numbers
    assert amount.numbers
    assert (number.numbers.count, number.numbers.sum) == (30_000, 30_000 * 29_999 / 2)
    assert not amount.numbers.quantiles_are_exact
    assert amount.numbers.quantiles.p50 == pytest.approx(100, abs=2)
    assert amount.numbers.quantiles.p95 == pytest.approx(100 + 15 * 1.645, abs=3)
    assert amount.numbers.stdev == pytest.approx(15, abs=0.3)
    assert [column.distinct_is_exact for column in (number, city, day, note)] == [False, True, True, False]
    assert number.distinct == pytest.approx(30_000, rel=0.06)
    assert (city.distinct, day.distinct) == (50, 28)


@given(st.lists(st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9), min_size=2, max_size=60))
def test_sums_in_batches_agree_with_the_standard_library(values: list[float]) -> None:
    numbers = Numbers(Room(0))
    for value in values * 100:
        numbers.add(value)
    found = numbers.result()
    assert found
    assert found.sum == pytest.approx(sum(values) * 100, rel=1e-9, abs=1e-3)
    assert found.stdev == pytest.approx(statistics.stdev(values * 100), rel=1e-6, abs=1e-6)
    assert (found.min, found.max) == (min(values), max(values))


@pytest.mark.parametrize("count", [200, 3_000, 20_000, 200_000])
def test_estimates_of_different_values(count: int) -> None:
    distinct = Distinct(100)
    for number in range(count):
        distinct.add(f"value {number}")
        distinct.add(f"value {number // 2}")
    assert not distinct.is_exact
    assert distinct.count() == pytest.approx(count, rel=0.06)


def test_equal_values_are_one_however_they_are_counted() -> None:
    for limit in (10, 0):
        distinct = Distinct(limit)
        for value in (1, 1.0, True, "1", "x" * 1000, "x" * 1000, "x" * 999 + "y"):
            distinct.add(value)
        assert distinct.count() == 5


def test_a_cancel_is_heard_in_every_phase_and_leaves_nothing(ctx: FakeContext, files: Path) -> None:
    big(files / "a.csv", 20_000)
    for looks in (0, 5, 12, 18):
        with pytest.raises(Cancelled):
            table_of(
                FakeContext(ctx.data_dir, cancel_after=looks),
                file="a.csv",
                sort={"columns": ["amount"]},
                output="csv",
            )
        assert [path.name for path in files.iterdir()] == ["a.csv"]


class Clock(FakeContext):
    """Knows how long the handler went without a look for a cancel."""

    last: float | None = None
    longest_s = 0.0

    def check_cancelled(self) -> None:
        now = time.thread_time()
        self.longest_s = max(self.longest_s, now - (self.last if self.last is not None else now))
        self.last = now


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"filter": [{"column": "amount", "is": "lt", "value": -1}]},
        {"sort": {"columns": ["note"]}, "output": "csv"},
        {"deduplicate": True, "output": "ndjson"},
    ],
    ids=["statistics", "filter", "sort", "duplicates"],
)
def test_looks_for_a_cancel_are_never_far_apart(ctx: FakeContext, files: Path, parameters: dict[str, Any]) -> None:
    big(files / "a.csv", 30_000)
    clock = Clock(ctx.data_dir)
    table_of(clock, file="a.csv", **parameters)
    assert clock.longest_s < 0.7
