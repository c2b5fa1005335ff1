"""Which failures are taken for the same."""

import time

import pytest

from task_system.model.failure import KEPT, fingerprint, normalised


@pytest.mark.parametrize(
    ("message", "folded"),
    [
        ("order 17 of 2000 is gone", "order <n> of <n> is gone"),
        ("took 1.5 s, at 10:30:00, 5ms late", "took <n> s, at <n>, <n> late"),
        ("user 550e8400-e29b-41d4-a716-446655440000 left", "user <id> left"),
        ("object at 0x7f3a9c", "object at <n>"),
        ("commit deadbeefcafe is unknown", "commit <n> is unknown"),
        ("can't open 'a file' or \"another\", don't ask", "can't open <value> or <value>, don't ask"),
        ("no such file: /var/data/x.csv", "no such file: <path>"),
        ("no such file: C:\\data\\x.csv, really", "no such file: <path>, really"),
        ("in ./here/it and ../there/it", "in <path> and <path>"),
        ("GET https://example.org/a?b=1 failed", "GET <url> failed"),
        ("and/or nothing", "and/or nothing"),
        ("two\n  lines\t here", "two lines here"),
        ("", ""),
        (None, ""),
    ],
)
def test_what_changes_from_task_to_task_is_folded(message: str | None, folded: str) -> None:
    assert normalised(message) == folded


def test_type_error_and_message_all_count() -> None:
    same = fingerprint("csv", "ValueError", "row 1 is bad")
    assert same == fingerprint("csv", "ValueError", "row 2 is bad")
    assert len(same) == 16
    others = {
        fingerprint("tsv", "ValueError", "row 1 is bad"),
        fingerprint("csv", "TypeError", "row 1 is bad"),
        fingerprint("csv", "ValueError", "row 1 is worse"),
        fingerprint("csv", None, None),
    }
    assert len({same, *others}) == 5


@pytest.mark.parametrize("text", ["'" * 50_000, "/a" * 50_000, "1." * 50_000, "a" * 50_000 + "\ud800", "\0 x"])
def test_no_message_is_too_much(text: str) -> None:
    began = time.process_time()
    fingerprint("t", "E", text)
    assert time.process_time() - began < 1
    assert len(normalised(text)) <= KEPT
