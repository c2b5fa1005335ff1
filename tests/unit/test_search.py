"""The grammar of `q`: what each form means, and that every mistake is told with its place."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from task_system.model.search import SearchError, parse
from task_system.model.search.expression import (
    And,
    AtPath,
    Attempts,
    ErrorSays,
    Expression,
    InState,
    Lasted,
    Not,
    Or,
    Pattern,
    Says,
    When,
    Word,
)
from task_system.model.search.tokens import LONGEST
from task_system.model.search.values import FIELDS
from task_system.model.states import State

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ID = "01890000-0000-7000-8000-000000000000"


def word(text: str) -> Says:
    return Says(text)


def parsed(text: str) -> Expression | SearchError:
    try:
        return parse(text, NOW)
    except SearchError as error:
        return error


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", And(())),
        ("   ", And(())),
        ("state:failure", InState(frozenset({State.FAILURE}))),
        ("state:FAILURE,Retry", InState(frozenset({State.FAILURE, State.RETRY}))),
        ("state:scheduled,started", InState(frozenset({State.STARTED}), scheduled=True)),
        ("type:csv*", Word("task_type", (Pattern("csv", prefix=True),))),
        ('type:"csv*"', Word("task_type", (Pattern("csv*"),))),
        ("type:a,b*", Word("task_type", (Pattern("a"), Pattern("b", prefix=True)))),
        ("priority:High", Word("priority", (Pattern("high"),))),
        ("lane:default", Word("lane", (Pattern("default"),))),
        ("tag:=nightly", Word("tag", (Pattern("nightly"),))),
        (f"id:{ID.upper()}", Word("id", (Pattern(ID),))),
        ("worker:celery@host-1", Word("worker", (Pattern("celery@host-1"),))),
        ('error:timeout,"no \\"route\\" to"', ErrorSays(("timeout", 'no "route" to'))),
        ("created:>2h", When("created_at", "<", NOW - timedelta(hours=2))),
        ("created:<=2h", When("created_at", ">=", NOW - timedelta(hours=2))),
        ("created:>2026-05-01", When("created_at", ">", datetime(2026, 5, 1, tzinfo=UTC))),
        ("finished:<2026-05-01T10:00:00+02:00", When("finished_at", "<", datetime(2026, 5, 1, 8, tzinfo=UTC))),
        ('run_at:>="2026-05-01 10:00"', When("run_at", ">=", datetime(2026, 5, 1, 10, tzinfo=UTC))),
        (
            "created:2026-05-01",
            And(
                (
                    When("created_at", ">=", datetime(2026, 5, 1, tzinfo=UTC)),
                    When("created_at", "<", datetime(2026, 5, 2, tzinfo=UTC)),
                )
            ),
        ),
        ("duration:>30s", Lasted("duration", ">", 30.0)),
        ("waited:<1.5m", Lasted("waited", "<", 90.0)),
        ("duration:<500ms", Lasted("duration", "<", 0.5)),
        ("attempt:>=3", Attempts(">=", 3)),
        ("parameters.user.id:42", AtPath("parameters", ("user", "id"), "=", (Pattern("42"),))),
        ("parameters.url:https://a/b?c", AtPath("parameters", ("url",), "=", (Pattern("https://a/b?c"),))),
        ("result.rows:>-1.5", AtPath("result", ("rows",), ">", (Pattern("-1.5"),))),
        ("metadata.a-b:x*", AtPath("metadata", ("a-b",), "=", (Pattern("x", prefix=True),))),
        ("-tag:test", Not(Word("tag", (Pattern("test"),)))),
        ("NOT NOT a", Not(Not(word("a")))),
        ("a b AND c", And((word("a"), word("b"), word("c")))),
        ("a b OR c", Or((And((word("a"), word("b"))), word("c")))),
        ("a (b OR c)", And((word("a"), Or((word("b"), word("c")))))),
        ("-(a OR b)", Not(Or((word("a"), word("b"))))),
        ('"OR" well-known', And((word("OR"), word("well-known")))),
    ],
)
def test_what_a_text_means(text: str, meant: Expression) -> None:
    assert parse(text, NOW) == meant


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("state:failed", 6, "one of pending"),
        ("type:x state:failure,done", 21, "one of pending"),
        ("state:", 6, "a value"),
        ("state: failure", 7, "a value"),
        ("state:failure,", 14, "a value"),
        ("colour:red", 0, "one of the fields state"),
        ("a (b", 4, "a closing )"),
        ("a b)", 3, "the end"),
        ('a ""', 2, "a text between the quotes"),
        ('error:timeout,""', 14, "a text between the quotes"),
        ('error:"abc', 10, 'a closing "'),
        ("a OR", 4, "a term"),
        ("OR a", 0, "a term"),
        ("a NOT", 5, "a term"),
        ("-", 1, "a term"),
        (":x", 0, "a term"),
        ("type:>x", 5, "compare"),
        ("type:a*b", 7, "nothing after the *"),
        ("created:>soon", 9, "a time such as"),
        ("created:>9999-12-31T23:59:59-10:00", 9, "a time such as"),
        ("created:>0001-01-01", 9, "since 1970"),
        ("created:9999-12-31", 8, "before 9999"),
        ("created:2h", 8, "a comparison"),
        ("duration:>30", 10, "a span such as 30s"),
        ("duration:>1s,2s", 13, "a single value"),
        ("attempt:two", 8, "a whole number"),
        ("parameters:x", 0, "a path such as"),
        ("parameters.a..b:x", 0, "a path such as"),
        ("parameters.a:>x", 14, "a number"),
        ("batch:x", 6, "an id"),
        ("(" * 31 + "a" + ")" * 31, 30, "at most 30"),
        ("-" * 500 + "a", 30, "at most 30"),
        ("a" * (LONGEST + 1), LONGEST, "at most 1000 characters"),
        ("a\0", 1, "U+0000"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, position: int, expected: str) -> None:
    with pytest.raises(SearchError) as caught:
        parse(text, NOW)
    assert caught.value.position == position
    assert expected in caught.value.expected
    assert str(caught.value).startswith(f"at position {position} ")


WORDS = [
    "parameters.a",
    "result.0",
    "OR",
    "AND",
    "NOT",
    "2h",
    "failure",
    "high",
    "2026-01-01",
    ID,
    "42",
    "nightly",
    "\0",
]
MARKS = [":", ",", "(", ")", "-", "<", ">=", '"', "\\", "*", " ", "é"]
pieces = st.sampled_from([*FIELDS, *WORDS, *MARKS])


@given(st.text(max_size=LONGEST + 5) | st.lists(pieces, max_size=40).map("".join))
@example('error:"\\')
@example("created:>99999999999w")
@example("created:>999999999w")
@example("created:2026-01-01T00:00:00+23:59:59.999999")
@example("attempt:²")
def test_any_text_is_a_search_or_has_a_place_where_it_is_none(text: str) -> None:
    said = parsed(text)
    if isinstance(said, SearchError):
        assert 0 <= said.position <= len(text)
        assert said.expected
    else:
        assert parsed(f" {text} ") == said or len(text) > LONGEST - 2


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20), min_size=1
    )
)
def test_whatever_is_quoted_is_a_value(texts: list[str]) -> None:
    quoted = ",".join('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts)
    if len(quoted) < LONGEST - 6:
        assert parse(f"error:{quoted}", NOW) == ErrorSays(tuple(texts))
