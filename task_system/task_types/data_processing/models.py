"""What `data_processing` is sent and what it answers."""

import math
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from task_system.task_types.data_files import BY_ID, FileSource

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


ColumnName = Annotated[str, Field(min_length=1, max_length=500)]
ColumnNames = Annotated[list[ColumnName], Field(min_length=1, max_length=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Condition(_Strict):
    """What a row must be like. A number is compared with numbers, a text with texts; a row that has neither there does
    not fit."""

    column: ColumnName
    is_: Literal["eq", "ne", "lt", "le", "gt", "ge", "contains", "null", "not_null"] = Field(alias="is")
    value: str | int | float | bool | None = None

    @model_validator(mode="after")
    def _value_where_needed(self) -> Self:
        if (self.is_ in {"null", "not_null"}) != (self.value is None):
            raise ValueError(f"`{self.is_}` takes {'no' if self.value is not None else 'a'} `value`")
        if isinstance(self.value, bool) and self.is_ not in {"eq", "ne"}:
            raise ValueError("true and false are compared with `eq` or `ne`")
        if self.is_ == "contains" and not isinstance(self.value, str):
            raise ValueError("`contains` takes a text")
        if not _is_finite(self.value):
            raise ValueError("the `value` is not a finite number")
        return self


class Aggregate(_Strict):
    """One value for each group; its column is called `sum_price` or, of `count`, `count`."""

    function: Literal["count", "sum", "min", "max", "mean"]
    column: ColumnName | None = Field(None, description="of the numbers in it; `count` counts rows and takes none")

    @model_validator(mode="after")
    def _column_where_needed(self) -> Self:
        if (self.function == "count") != (self.column is None):
            raise ValueError("`count` takes no `column`, the others do")
        return self

    @property
    def name(self) -> str:
        """Of the column that it makes."""
        return self.function if self.column is None else f"{self.function}_{self.column}"


class GroupBy(_Strict):
    """Rows with the same values in `columns` become one row, with the aggregates of the group."""

    columns: ColumnNames
    aggregates: list[Aggregate] = Field([Aggregate(function="count")], min_length=1, max_length=50)

    @model_validator(mode="after")
    def _each_name_once(self) -> Self:
        names = [*self.columns, *(aggregate.name for aggregate in self.aggregates)]
        if len(set(names)) < len(names):
            raise ValueError("each column and each aggregate may be there once")
        return self


class Sort(_Strict):
    """Missing values first, then numbers, then texts; rows that are equal stay in their order."""

    columns: ColumnNames
    descending: bool = False


class DataParameters(BaseModel):
    """What to look at: exactly one of `data` and `file`. And what to make of a table first, if anything: rows are
    filtered, then grouped or freed of duplicates, then reduced to some columns, then sorted."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"data": "test data"},
                {"data": [3, 1, 4, 1, 5]},
                {"data": [{"city": "Oslo", "sold": 12}, {"city": "Rome", "sold": 7}]},
                {"data": "city,sold\nOslo,12\nRome,7"},
                {
                    "file": "sales.csv",
                    "filter": [{"column": "sold", "is": "gt", "value": 0}],
                    "group_by": {"columns": ["city"], "aggregates": [{"function": "sum", "column": "sold"}]},
                    "sort": {"columns": ["sum_sold"], "descending": True},
                    "output": "csv",
                },
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
    file: FileSource | None = Field(
        None,
        description=(
            "Instead of `data`: a file, by its name in the data folder's `files/` or by its id, in UTF-8: CSV or "
            "NDJSON of any size, or prose up to 32 MiB"
        ),
        json_schema_extra=dict(BY_ID),
    )
    format: Literal["auto", "text", "csv", "ndjson"] = Field(
        "auto",
        description=(
            "Whether a text is prose, CSV or NDJSON (an object in each line); `auto` goes by the file's ending, else "
            "by the content"
        ),
    )
    header: bool | None = Field(
        None,
        description="Whether the first row of CSV names the columns; by default if it holds neither number nor date",
    )

    on_malformed: Literal["skip", "fail"] = Field(
        "skip", description="Whether malformed rows are left out and counted, or fail the task"
    )
    filter: list[Condition] = Field([], max_length=50, description="Keep the rows that fit all of these")
    group_by: GroupBy | None = None
    deduplicate: bool | ColumnNames = Field(
        False, description="Keep the first of rows that are the same, in all columns or in these, as they are written"
    )
    select: ColumnNames | None = Field(None, description="Keep these columns, in this order")
    sort: Sort | None = None
    output: Literal["csv", "ndjson"] | None = Field(None, description="Write the resulting table into a new file")

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
        if self.header is not None and (isinstance(self.data, list) or self.format in {"text", "ndjson"}):
            raise ValueError("`header` is for CSV; leave it out")
        return self

    @model_validator(mode="after")
    def _steps_that_make_sense(self) -> Self:
        if self.format == "text" and self.has_steps:
            raise ValueError("prose has no rows: filter, group_by and the like are for tables")
        if self.group_by is not None and self.deduplicate:
            raise ValueError("`group_by` leaves no duplicates: send one of `group_by` and `deduplicate`")
        if self.sort is not None and self.output is None:
            raise ValueError("`sort` needs an `output`: statistics are the same in any order")
        return self

    @property
    def has_steps(self) -> bool:
        """Whether anything is to be made of a table."""
        return bool(self.filter or self.deduplicate) or any(
            step is not None for step in (self.group_by, self.select, self.sort, self.output)
        )


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
    quantiles_are_exact: bool = Field(description="false: of a sample of at least 2,000, the table having many numbers")


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
    distinct: int = Field(description="different values; an estimate, some 2 % off, when `distinct_is_exact` is false")
    distinct_is_exact: bool
    numbers: NumberStatistics | None
    dates: DateStatistics | None
    texts: TextLengths | None


class MalformedRow(BaseModel):
    """A row that was left out."""

    line: int = Field(description="where it begins, from 1")
    reason: str


class OutputFile(BaseModel):
    """The resulting table as a file."""

    name: str = Field(description="in `files/` send it as `file` to go on with it")
    file_id: UUID | None = Field(
        None, description="its id, unless its source is in `files/`: it is then one of the task's files"
    )
    size_bytes: int


class TableStatistics(BaseModel):
    """What there is to say of a table, column by column: of the resulting one, when something was made of it."""

    format: Literal["csv", "ndjson", "records", "numbers"]
    rows: int = Field(description="rows that the statistics are about")
    rows_read: int = Field(description="rows that were there, malformed ones not counted")
    columns: list[Column]
    delimiter: str | None = Field(None, description="CSV only")
    header: bool | None = Field(None, description="CSV only: whether the first row was taken as the columns' names")
    malformed_rows: int = Field(0, description="CSV and NDJSON: rows that were left out")
    malformed: list[MalformedRow] = Field([], description="the first 20 of them")
    first_rows: list[dict[str, Scalar]] = Field(
        [], description="of the resulting table, when something was made of it; up to 20, long texts cut"
    )
    output: OutputFile | None = None
