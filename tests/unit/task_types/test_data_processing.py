import json
import math
import statistics
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from task_system import Cancelled, Fail
from task_system.registry import default_registry
from task_system.task_types.data_processing import (
    DataParameters,
    TableStatistics,
    TextStatistics,
    data_processing,
    table,
    work,
)
from task_system.task_types.data_processing.models import Column
from task_system.testing import FakeContext


def table_of(ctx: FakeContext, **parameters: Any) -> TableStatistics:
    result = data_processing(ctx, DataParameters(**parameters))
    assert isinstance(result, TableStatistics)
    return result


def words_of(ctx: FakeContext, **parameters: Any) -> TextStatistics:
    result = data_processing(ctx, DataParameters(**parameters))
    assert isinstance(result, TextStatistics)
    return result


def column_of(values: list[Any]) -> Column:
    return table_of(FakeContext(Path("unused")), data=[{"c": value} for value in values]).columns[0]


def test_the_type_is_registered_as_documented() -> None:
    registered = default_registry.get("data_processing")
    assert registered.lane == "data_processing"
    assert registered.example == {"data": "test data"}
    for example in DataParameters.model_json_schema()["examples"]:
        DataParameters.model_validate(example)


# --- prose


def test_words_of_the_first_example(ctx: FakeContext) -> None:
    result = words_of(ctx, data="test data")
    assert (result.characters, result.words, result.distinct_words, result.lines) == (9, 2, 2, 1)
    assert result.longest_word == "test"
    assert result.mean_word_length == 4


def test_words_sentences_and_the_most_common(ctx: FakeContext) -> None:
    result = words_of(ctx, data="The cat's well-known. The dog\u2019s not!\n\nIs THE end near? Pi is 3.14.")
    assert result.words == 14
    assert result.lines == 3
    assert result.sentences == 4
    assert (result.most_common[0].word, result.most_common[0].count) == ("the", 3)
    assert result.longest_word == "well-known"


@pytest.mark.parametrize("data", ["", "  ", "\n", "?!"])
def test_text_without_words(ctx: FakeContext, data: str) -> None:
    result = words_of(ctx, data=data)
    assert (result.words, result.mean_word_length, result.longest_word) == (0, None, None)


def test_a_very_long_line_is_counted_in_pieces_without_cutting_words(ctx: FakeContext) -> None:
    result = words_of(ctx, data="hello world " * 20_000)
    assert (result.words, result.distinct_words, result.lines) == (40_000, 2, 1)
    assert len(ctx.reports) > 2
    assert ctx.percents == sorted(ctx.percents)


def test_a_very_long_word_does_not_make_a_long_result(ctx: FakeContext) -> None:
    result = words_of(ctx, data="x" * 60_000)
    assert result.words == 1
    assert len(result.model_dump_json()) < 1000


# --- CSV


def test_csv_by_its_content(ctx: FakeContext) -> None:
    result = table_of(ctx, data="city,sold,when\nOslo,12,2024-03-01\nRome,7,2024-01-15\nOslo,,2024-02-01T10:00:00Z\n")
    assert (result.format, result.rows, result.delimiter, result.header) == ("csv", 3, ",", True)
    city, sold, when = result.columns
    assert (city.name, city.type, city.count, city.distinct) == ("city", "text", 3, 2)
    assert (sold.type, sold.count, sold.nulls) == ("integer", 2, 1)
    assert sold.numbers
    assert (sold.numbers.min, sold.numbers.max, sold.numbers.mean) == (7, 12, 9.5)
    assert when.type == "date"
    assert when.dates
    assert (when.dates.min, when.dates.max) == ("2024-01-15", "2024-03-01")


def test_the_caller_decides_over_the_content(ctx: FakeContext) -> None:
    assert words_of(ctx, data="a,b\n1,2", format="text").words == 4
    single = table_of(ctx, data="n\n1\n2", format="csv")
    assert (single.rows, single.columns[0].name) == (2, "n")
    untitled = table_of(ctx, data="Ann,Rome\nBob,Oslo", header=False)
    assert (untitled.rows, [column.name for column in untitled.columns]) == (2, ["column_1", "column_2"])
    titled = table_of(ctx, data="1,2\n3,4", header=True)
    assert (titled.rows, [column.name for column in titled.columns]) == (1, ["1", "2"])


def test_rows_that_do_not_fit_are_left_out_and_reported(ctx: FakeContext) -> None:
    result = table_of(ctx, data='a,b\n1,2\n3\n4,5,6\n"x"y,1\n7,8\n', format="csv")
    assert result.rows == 2
    assert result.malformed_rows == 3
    assert [row.line for row in result.malformed] == [3, 4, 5]
    assert result.malformed[0].reason == "1 cells where the first row has 2"


def test_a_malformed_first_row_fails(ctx: FakeContext) -> None:
    with pytest.raises(Fail, match="first row of the CSV, in line 1, is malformed"):
        table_of(ctx, data='"a"b,c\n1,2', format="csv")


def test_empty_csv(ctx: FakeContext) -> None:
    result = table_of(ctx, data="", format="csv")
    assert (result.rows, result.columns) == (0, [])


@pytest.mark.parametrize("cell", ["", " ", "null", "NULL", "NaN", "n/a"])
def test_what_is_missing_in_csv(ctx: FakeContext, cell: str) -> None:
    column = table_of(ctx, data=f"n,m\n1,1\n{cell},2").columns[0]
    assert (column.count, column.nulls, column.type) == (1, 1, "integer")


def test_what_no_float_holds_is_a_text(ctx: FakeContext) -> None:
    column = table_of(ctx, data="n,m\n1,1\ninf,2\n1e999,3\n-Infinity,4").columns[0]
    assert column.type == "mixed"
    assert column.texts
    assert column.texts.count == 3


# --- numbers and records


def test_numbers(ctx: FakeContext) -> None:
    result = table_of(ctx, data=[3, 1, 4, 1, 5, None])
    assert (result.format, result.rows) == ("numbers", 6)
    [column] = result.columns
    assert (column.name, column.type, column.count, column.nulls, column.distinct) == ("value", "integer", 5, 1, 4)
    assert column.numbers
    assert column.numbers.stdev == pytest.approx(statistics.stdev([3, 1, 4, 1, 5]))
    assert column.numbers.quantiles.p50 == 3
    assert column.numbers.quantiles.p25 == 1


def test_no_numbers_at_all(ctx: FakeContext) -> None:
    [column] = table_of(ctx, data=[]).columns
    assert (column.type, column.count, column.numbers) == ("empty", 0, None)


def test_records_need_not_have_the_same_fields(ctx: FakeContext) -> None:
    result = table_of(ctx, data=[{"a": 1, "b": "x"}, {"a": 2.5}, {"b": None, "c": True}])
    assert (result.format, result.rows) == ("records", 3)
    a, b, c = result.columns
    assert (a.type, a.count, a.nulls) == ("number", 2, 1)
    assert (b.type, b.count, b.nulls) == ("text", 1, 2)
    assert (c.type, c.count, c.nulls) == ("boolean", 1, 2)


def test_types_of_columns() -> None:
    assert column_of([1, "x"]).type == "mixed"
    assert column_of([True, False]).type == "boolean"
    assert column_of(["2024-01-01", "2024-01-02T00:00:00+14:00"]).type == "date"
    assert column_of([None]).type == "empty"


def test_true_and_1_are_two_values() -> None:
    assert column_of([True, 1, 1.0]).distinct == 2


def test_dates_are_compared_as_moments_and_shown_as_written() -> None:
    dates = column_of(["2024-01-01T23:00:00-02:00", "2024-01-02T00:30:00+00:00", "0001-01-01T00:00+14:00"]).dates
    assert dates
    assert (dates.min, dates.max) == ("0001-01-01T00:00+14:00", "2024-01-01T23:00:00-02:00")


def test_beyond_the_limit_distinct_is_an_estimate(ctx: FakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "DISTINCT_VALUES", 100)
    exact = table_of(ctx, data=[*range(100), 1, 2]).columns[0]
    assert (exact.distinct, exact.distinct_is_exact) == (100, True)
    more = table_of(ctx, data=[*range(101), 1, 2]).columns[0]
    assert more.distinct == pytest.approx(101, abs=3)
    assert not more.distinct_is_exact


@given(st.lists(st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6), min_size=2))
def test_statistics_agree_with_the_standard_library(values: list[float]) -> None:
    numbers = column_of(values).numbers
    assert numbers
    assert numbers.min == min(values)
    assert numbers.max == max(values)
    assert numbers.mean == pytest.approx(statistics.fmean(values))
    assert numbers.stdev == pytest.approx(statistics.stdev(map(float, values)), abs=1e-6)
    assert numbers.quantiles.p50 == pytest.approx(statistics.median(values))
    quartiles = statistics.quantiles(values, n=4, method="inclusive")
    assert [numbers.quantiles.p25, numbers.quantiles.p75] == pytest.approx([quartiles[0], quartiles[2]])
    assert numbers.min <= numbers.quantiles.p5 <= numbers.quantiles.p95 <= numbers.quantiles.p99 <= numbers.max


@given(st.lists(st.integers(-(10**308), 10**308) | st.floats(allow_nan=False, allow_infinity=False)))
def test_the_result_is_json_whatever_the_numbers(values: list[float]) -> None:
    result = table_of(FakeContext(Path("unused")), data=values)
    json.dumps(result.model_dump(mode="json"), allow_nan=False)
    numbers = result.columns[0].numbers
    if numbers:
        assert all(isinstance(each, float) or abs(each) <= 2**53 for each in (numbers.min, numbers.max))


@given(st.text() | st.text("aA1.,;\t\n\"'- eE+"))
def test_no_text_is_too_strange(text: str) -> None:
    for choice in ("auto", "text", "csv"):
        try:
            result = data_processing(FakeContext(Path("unused")), DataParameters(data=text, format=choice))
        except Fail as failure:
            assert "malformed" in str(failure)  # noqa: PT017 - Fail is one of two right answers
        else:
            json.dumps(result.model_dump(mode="json"), allow_nan=False)


# --- files


def test_files_by_their_ending_or_content(ctx: FakeContext, files: Path) -> None:
    (files / "one.csv").write_text("n\n1\n2\n")
    (files / "one.txt").write_text("n\n1\n2\n")
    (files / "two.txt").write_text("a,b\n1,2\n")
    assert table_of(ctx, file="one.csv").rows == 2
    assert words_of(ctx, file="one.txt").words == 3
    assert table_of(ctx, file="two.txt").rows == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_with_and_without_a_mark(ctx: FakeContext, files: Path, encoding: str) -> None:
    (files / "a.csv").write_text("st\u00e4dt,n\nK\u00f6ln,1\n", encoding=encoding)
    result = table_of(ctx, file="a.csv")
    assert [column.name for column in result.columns] == ["st\u00e4dt", "n"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("latin.txt", b"K\xf6ln", "is no text in UTF-8"),
        ("broken.txt", b"\xff\xfea", "UTF-16"),
        ("a.json", b"[1]", "make CSV of it with file_processing"),
    ],
)
def test_files_that_cannot_be_processed(ctx: FakeContext, files: Path, name: str, content: bytes, message: str) -> None:
    (files / name).write_bytes(content)
    with pytest.raises(Fail, match=message):
        data_processing(ctx, DataParameters(file=name))


def test_a_missing_file_fails_for_good_and_names_no_path_of_the_server(ctx: FakeContext) -> None:
    with pytest.raises(Fail, match=r"`no\.csv` is not in the data folder") as failure:
        data_processing(ctx, DataParameters(file="no.csv"))
    assert str(ctx.data_dir) not in str(failure.value)


def test_limits_say_what_to_do(ctx: FakeContext, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (files / "a.txt").write_text("So it is.\n" * 100)
    monkeypatch.setattr(work, "FILE_MAX_BYTES", 100)
    with pytest.raises(Fail, match="at most 100 can be processed: split it"):
        words_of(ctx, file="a.txt")
    with pytest.raises(Fail, match="1,001 columns; at most 1,000"):
        table_of(ctx, data=",".join("x" * 1001) + "\n", format="csv")


def test_progress_and_cancel(ctx: FakeContext, files: Path) -> None:
    (files / "a.csv").write_text("a,b\n" + "".join(f"{n},x{n}\n" for n in range(50_000)))
    table_of(ctx, file="a.csv")
    assert len(ctx.reports) >= 9
    assert ctx.percents == sorted(ctx.percents)
    assert 0 < ctx.percents[0] < 50 < ctx.percents[-1] <= 100
    with pytest.raises(Cancelled):
        table_of(FakeContext(ctx.data_dir, cancel_after=3), file="a.csv")


def test_lists_report_progress_too(ctx: FakeContext) -> None:
    table_of(ctx, data=list(range(50_000)))
    assert ctx.percents == pytest.approx([20, 40, 60, 80, 100])


# --- parameters


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "exactly one of `data` and `file`"),
        ({"data": "x", "file": "a.csv"}, "exactly one of `data` and `file`"),
        ({"data": 5}, "send a text, a list of numbers or a list of records"),
        ({"data": {"a": 1}}, "send a text, a list of numbers or a list of records"),
        ({"data": [1, "2"]}, "element 1 is no number"),
        ({"data": [True]}, "element 0 is no number"),
        ({"data": [1, math.nan]}, "element 1 is not a finite number"),
        ({"data": [math.inf]}, "element 0 is not a finite number"),
        ({"data": [10**400]}, "element 0 is not a finite number"),
        ({"data": [{"a": 1}, 2]}, "element 1 is no record"),
        ({"data": [{"a": [1]}]}, "field 'a' of record 0 is nested"),
        ({"data": [{"a": math.nan}]}, "field 'a' of record 0 is not a finite number"),
        ({"data": [1], "format": "csv"}, "`format` is for a text or a file"),
        ({"data": [1], "header": True}, "`header` is for CSV"),
        ({"data": "x", "format": "text", "header": True}, "`header` is for CSV"),
        ({"data": "x" * 5_000_001}, "put more into a file"),
        ({"data": "x", "colour": "red"}, "Extra inputs are not permitted"),
        ({"data": "x", "format": "xml"}, "'auto', 'text', 'csv' or 'ndjson'"),
        ({"file": "../a.csv"}, "must not contain `..`"),
    ],
)
def test_parameters_that_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        DataParameters.model_validate(parameters)
    assert message in str(error.value)


def test_the_schema_shows_what_data_may_be() -> None:
    kinds = DataParameters.model_json_schema()["properties"]["data"]["anyOf"]
    assert [kind.get("title", kind["type"]) for kind in kinds] == ["Text", "Numbers", "Records", "null"]
