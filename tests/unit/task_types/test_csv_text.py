import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_system.task_types.csv_text import SAMPLE_CHARACTERS, Layout, assume, detect, number_of, rows, titles


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("name,city\nAnn,Rome\n", Layout(",", True)),
        ("name;city\r\nAnn;Rome\r\n", Layout(";", True)),
        ("name\tcity\nAnn\tRome", Layout("\t", True)),
        ("a|b\n1|2", Layout("|", True)),
        ("a, b\n1, 2\n", Layout(",", True)),
        ("1,2\n3,4\n", Layout(",", False)),
        ("2024-01-01,5\n2024-01-02,6", Layout(",", False)),
        ("1,5;2,5\n3,5;4,5", Layout(";", False)),
        (",a,b\n0,1,2\n1,3,4", Layout(",", True)),
        ('text,n\n"Dear Ann,\nhow are you?",1\n', Layout(",", True)),
        ("city,note\n\nRome,a;b\nOslo,c\n", Layout(",", True)),
    ],
)
def test_csv_is_recognised(text: str, layout: Layout) -> None:
    assert detect(text) == layout


@pytest.mark.parametrize(
    "text",
    [
        "",
        "test data",
        "a,b",
        "Hello, world\nGoodbye, moon",
        "Roses are red,\nViolets are blue,\nSugar is sweet,",
        "Dear Ann,\nthank you for your letter, which I got today.\nYours, Bob",
        "First of all, we went home.\nThen, we slept.\n",
        "I came; I saw\nI left; I won",
        'She said "a,b"c\nand "d',
        "1\n2\n3",
    ],
)
def test_prose_is_not_taken_for_csv(text: str) -> None:
    assert detect(text) is None


def test_a_row_that_the_sample_cuts_off_does_not_matter() -> None:
    text = "a,b\n" + f"1,{'x' * 9000}\n" * 20
    assert len(text) > SAMPLE_CHARACTERS
    assert detect(text[:SAMPLE_CHARACTERS]) == Layout(",", True)


def test_what_is_known_to_be_csv_may_have_one_column_or_ragged_rows() -> None:
    assert assume("n\n1\n2") == Layout(",", True)
    assert assume("1\n2") == Layout(",", False)
    assert assume("a;b;c\n1;2") == Layout(";", True)
    assert assume("") == Layout(",", True)


def test_malformed_rows_are_told_and_do_not_end_the_reading() -> None:
    found = list(rows(io.StringIO('a,b\n"x"y,1\n3,4\n5,"open', newline=""), ","))
    assert [(row.line, row.cells, bool(row.malformed)) for row in found] == [
        (1, ["a", "b"], False),
        (2, [], True),
        (3, ["3", "4"], False),
        (4, [], True),
    ]


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2)))
def test_whatever_csv_holds_is_read_verbatim(table: list[list[str]]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written).writerows(table)
    written.seek(0)
    assert [row.cells for row in rows(written, ",", verbatim=True)] == table


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (["a", "b"], ["a", "b"]),
        ([" a ", ""], ["a", "column_2"]),
        (["a", "a", "a_2", "a"], ["a", "a_3", "a_2", "a_4"]),
        (["", "column_1"], ["column_1_2", "column_1"]),
    ],
)
def test_titles_are_unique_and_not_empty(header: list[str], names: list[str]) -> None:
    assert titles(header) == names


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("9" * 30, float("9" * 30)),
        ("007", None),
        ("1_000", None),
        ("1,5", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("0x1f", None),
        ("\u0661", None),
        ("", None),
    ],
)
def test_what_is_a_number(cell: str, number: float | None) -> None:
    assert number_of(cell) == number
    assert type(number_of(cell)) is type(number)
