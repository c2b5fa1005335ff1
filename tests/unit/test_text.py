"""Text on its way to a database: what cannot be stored is replaced, what is too long is cut in the middle."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from task_system.model.text import NUL_IN_JSON, storable, storable_json


@given(st.text(alphabet=st.characters(), max_size=300), st.integers(10, 400))
def test_any_text_can_be_stored_and_is_as_long_as_it_may_be(text: str, longest: int) -> None:
    stored = storable(text, longest)
    stored.encode()
    assert "\0" not in stored
    assert len(stored) <= longest + 50
    if len(text) <= longest:
        assert len(stored) == len(text)


def test_the_ends_of_a_long_text_are_kept() -> None:
    assert storable("a" * 100 + "b" * 900 + "c" * 100, 200) == (
        "a" * 100 + "\n… 900 characters left out …\n" + "c" * 100
    )


def test_what_can_be_stored_is_left_alone() -> None:
    text = "snow ☃, lines\n\t, \\u0000, 🎉"
    assert storable(text, 100) == text


@settings(max_examples=40)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(st.sampled_from('a"\\u0\0'))),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(st.sampled_from("a\\u0\0")), inner)),
    )
)
def test_json_is_the_same_but_for_nul(value: object) -> None:
    stored = json.loads(storable_json(json.dumps(value).encode()))
    expected = json.loads(
        json.dumps(value).replace("\\\\", "<two>").replace("\\u0000", "\\ufffd").replace("<two>", "\\\\")
    )
    assert stored == expected
    assert "\0" not in repr(stored)


@pytest.mark.parametrize(
    ("encoded", "found"),
    [
        (rb'"\u0000"', True),
        (rb'"a\\\u0000"', True),
        (rb'"\\u0000"', False),
        (rb'"\\\\u0000"', False),
        (rb'"u0000"', False),
        (rb'"\u0001"', False),
    ],
)
def test_nul_is_told_from_a_backslash_before_u0000(encoded: bytes, found: bool) -> None:
    assert bool(NUL_IN_JSON.search(encoded)) is found
    assert ("\0" in json.loads(encoded)) is found
