"""Each promise, and each known hole of the parts below us, has tests; and a hole that no fault is needed to see."""

import ast
from importlib.metadata import version

import pytest
from packaging.version import Version

from tests.chaos.harness.report import ROOT
from tests.chaos.harness.seen import HOLES, PROMISES, Seen


@pytest.mark.parametrize("seen", PROMISES + HOLES, ids=lambda seen: seen.what)
def test_each_promise_and_each_hole_has_tests(seen: Seen) -> None:
    for test in seen.tests:
        path, _, name = test.partition("::")
        tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, test


def test_py_amqp_is_one_that_is_mended() -> None:
    assert Version(version("amqp")) >= Version("5.4.2")
