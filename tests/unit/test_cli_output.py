"""What commands print where no terminal is."""

import pytest

from task_system.cli.output import as_facts, as_table


def test_lines_end_where_their_text_ends(capsys: pytest.CaptureFixture[str]) -> None:
    as_table([{"name": "a"}], [("NAME", lambda one: one["name"], {}), ("MADE BY", lambda _: "", {})], nothing="none")
    as_facts([("state", "success")])
    assert capsys.readouterr().out.splitlines() == ["NAME  MADE BY", "a", "state  success"]
