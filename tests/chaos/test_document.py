"""Rows and soaks are run apart, and stand in one document."""

import json
from pathlib import Path

import pytest

from tests.chaos.harness import guarantees


def test_a_soak_takes_the_place_of_the_last_and_outlives_new_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = tmp_path / "guarantees.md"
    monkeypatch.setattr(guarantees, "DOCUMENT", document)
    results = tmp_path / "results.jsonl"
    row = {
        "number": "F1",
        "fault": "a fault",
        "promise": "It holds.",
        "test": "t.py::test",
        "broker": "RabbitMQ 3.10.8",
    }
    results.write_text(json.dumps({**row, "result": "passed", "why": "", "figures": None, "at": "now"}) + "\n")
    guarantees.write(results)
    guarantees.write_soak({"lost": 3}, ["lost: 3"])
    guarantees.write_soak({"lost": 0, "faults": {"a kill": 12}}, [])
    guarantees.write(results)
    text = document.read_text()
    assert text.count("## All faults at random") == 1
    assert "| faults | a kill: 12 |" in text
    assert "Nothing was lost." in text
    assert "lost: 3" not in text
    assert "| F1 | a fault |" in text
