"""Each hole that is known of the parts below us has a test; and those holes that no fault is needed to see."""

import ast
from importlib.metadata import version

import pytest
from packaging.version import Version

from tests.chaos.harness.holes import HOLES, Hole
from tests.chaos.harness.report import ROOT


@pytest.mark.parametrize("hole", HOLES, ids=lambda hole: hole.what)
def test_each_hole_has_a_test(hole: Hole) -> None:
    for test in hole.tests:
        path, _, name = test.partition("::")
        tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, test


def test_py_amqp_is_one_that_is_mended() -> None:
    assert Version(version("amqp")) >= Version("5.4.2")
