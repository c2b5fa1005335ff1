"""What `data_processing` is sent and what it answers."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from task_system.task_types.data_files import FileName

#: The most that can be sent in one submission; `file` takes more.
TEXT_MAX_CHARACTERS = 5_000_000
NUMBERS_MAX = 200_000
RECORDS_MAX = 100_000

Scalar = str | int | float | bool | None
Data = (
    Annotated[str, Field(title="Text", max_length=TEXT_MAX_CHARACTERS, description="prose or CSV")]
    | Annotated[list[int | float | None], Field(title="Numbers", max_length=NUMBERS_MAX, description="null is missing")]
    | Annotated[
        list[dict[str, Scalar]], Field(title="Records", max_length=RECORDS_MAX, description="one object per record")
    ]
)


class DataParameters(BaseModel):
    """What to look at: exactly one of `data` and `file`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"data": "test data"},
                {"data": [3, 1, 4, 1, 5]},
                {"data": [{"city": "Oslo", "sold": 12}, {"city": "Rome", "sold": 7}]},
                {"data": "city,sold\nOslo,12\nRome,7"},
            ]
        },
    )

    data: Data | None = Field(
        None,
        description=(
            f"The data itself: a text (prose or CSV, up to {TEXT_MAX_CHARACTERS:,} characters), a list of up to "
            f"{NUMBERS_MAX:,} numbers, or a list of up to {RECORDS_MAX:,} records that are not nested"
        ),
    )
    file: FileName | None = Field(
        None, description="Instead of `data`: a text or CSV file in the data folder's `files/`, in UTF-8, up to 32 MiB"
    )
    format: Literal["auto", "text", "csv"] = Field(
        "auto", description="Whether a text is prose or CSV; `auto` goes by the file's ending, else by the content"
    )
    header: bool | None = Field(
        None,
        description="Whether the first row of CSV names the columns; by default if it holds neither number nor date",
    )

    @field_validator("data", mode="plain", json_schema_input_type=Data | None)
    @classmethod
    def _of_one_kind(cls, data: Any) -> Any:
        """By hand, because a union's own messages name every member that a bad element did not fit."""
        problem = _problem_of(data)
        if problem:
            raise ValueError(problem)
        return data

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.data is None) == (self.file is None):
            raise ValueError("send exactly one of `data` and `file`")
        if isinstance(self.data, list) and self.format != "auto":
            raise ValueError("`format` is for a text or a file; leave it out for a list")
        if self.header is not None and (isinstance(self.data, list) or self.format == "text"):
            raise ValueError("`header` is for CSV; leave it out")
        return self


def _problem_of(data: Any) -> str | None:
    """Why the data cannot be taken, said to the caller; None when it can."""
    if data is None or isinstance(data, str):
        return _problem_of_length(data or "", TEXT_MAX_CHARACTERS, "characters")
    if not isinstance(data, list):
        return "send a text, a list of numbers or a list of records"
    if data and isinstance(data[0], dict):
        too_long = _problem_of_length(data, RECORDS_MAX, "records")
        problems = (_problem_of_record(index, element) for index, element in enumerate(data))
    else:
        too_long = _problem_of_length(data, NUMBERS_MAX, "numbers")
        problems = (_problem_of_number(index, element) for index, element in enumerate(data))
    return too_long or next(filter(None, problems), None)


def _problem_of_length(data: str | list[Any], limit: int, unit: str) -> str | None:
    if len(data) <= limit:
        return None
    return f"at most {limit:,} {unit} can be sent; put more into a file and send its name as `file`"


def _problem_of_number(index: int, number: Any) -> str | None:
    if isinstance(number, bool) or not isinstance(number, int | float | None):
        return f"element {index} is no number; a list holds numbers (null for a missing one) or records, not both"
    if not _is_finite(number):
        return f"element {index} is not a finite number; send null for a missing one"
    return None


def _problem_of_record(index: int, record: Any) -> str | None:
    if not isinstance(record, dict):
        return f"element {index} is no record; a list holds records (objects) or numbers, not both"
    for field, value in record.items():
        if not isinstance(field, str) or not isinstance(value, str | int | float | bool | None):
            return f"field {field!r} of record {index} is nested; send texts, numbers, true, false or null"
        if not _is_finite(value):
            return f"field {field!r} of record {index} is not a finite number; send null for a missing one"
    return None


def _is_finite(value: Scalar) -> bool:
    try:
        return not isinstance(value, int | float) or math.isfinite(value)
    except OverflowError:
        return False


class WordCount(BaseModel):
    """A word and how often it occurs, upper and lower case taken as one."""

    word: str
    count: int


class TextStatistics(BaseModel):
    """What there is to say of prose."""

    format: Literal["text"] = "text"
    characters: int
    words: int
    distinct_words: int = Field(description="upper and lower case taken as one")
    lines: int
    sentences: int = Field(description="words followed by a full stop, an exclamation mark or a question mark")
    mean_word_length: float | None = Field(description="characters; null without words")
    longest_word: str | None
    most_common: list[WordCount] = Field(
        description="the ten most frequent words, the first to occur first among equals"
    )


class Quantiles(BaseModel):
    """The value below which a share of the values lies, interpolated linearly between neighbours."""

    p5: float
    p25: float
    p50: float
    p75: float
    p95: float
    p99: float


class NumberStatistics(BaseModel):
    """The numbers of a column. A value that no float can hold is null."""

    count: int
    min: int | float
    max: int | float
    sum: float | None
    mean: float | None
    stdev: float | None = Field(description="of the sample (n - 1); null with fewer than two numbers")
    quantiles: Quantiles


class DateStatistics(BaseModel):
    """The dates and times of a column, as they were written."""

    count: int
    min: str
    max: str


class TextLengths(BaseModel):
    """The texts of a column, by their length in characters."""

    count: int
    min_length: int
    max_length: int
    mean_length: float


class Column(BaseModel):
    """One column. `numbers`, `dates` and `texts` are null where it holds none of them."""

    name: str
    type: Literal["integer", "number", "boolean", "date", "text", "mixed", "empty"]
    count: int = Field(description="values that are not null")
    nulls: int = Field(description="missing or empty values")
    distinct: int = Field(description="different values; a lower bound when `distinct_is_exact` is false")
    distinct_is_exact: bool
    numbers: NumberStatistics | None
    dates: DateStatistics | None
    texts: TextLengths | None


class MalformedRow(BaseModel):
    """A row of CSV that was left out."""

    line: int = Field(description="where it begins, from 1")
    reason: str


class TableStatistics(BaseModel):
    """What there is to say of a table, column by column."""

    format: Literal["csv", "records", "numbers"]
    rows: int = Field(description="rows that the statistics are about")
    columns: list[Column]
    delimiter: str | None = Field(None, description="CSV only")
    header: bool | None = Field(None, description="CSV only: whether the first row was taken as the columns' names")
    malformed_rows: int = Field(0, description="CSV only: rows that were left out")
    malformed: list[MalformedRow] = Field([], description="the first 20 of them")
