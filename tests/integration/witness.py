"""Proof from outside the service of what was run, and how often."""

import json
from collections import Counter
from pathlib import Path
from typing import Any


class Witness:
    """The file in which handlers say what they do (see `tests/task_types_for_tests.py`)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def said(self, what: str) -> list[dict[str, Any]]:
        """What they said of one kind, in order. A line that a killed process left unfinished was not said."""
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().split(b"\n")[:-1]
        return [said for line in lines if (said := json.loads(line))["what"] == what]

    def prove(self, tasks: list[dict[str, Any]]) -> None:
        """Fail unless each of these finished tasks has one outcome, and it is that of an attempt that really was run.

        Every start has an attempt's number and a lease of its own; the recorded one is the last, and it was seen to the
        end of its work. So nothing ran beside or after what was recorded.
        """
        began = self.said("began")
        leases = Counter((said["task_id"], said["attempt"]) for said in began)
        assert max(leases.values()) == 1, f"begun twice: {leases.most_common(3)}"
        attempts: dict[str, int] = {}
        for said in began:
            attempts[said["task_id"]] = max(said["attempt"], attempts.get(said["task_id"], 0))
        done = {(said["task_id"], said["attempt"], said["lease_token"]) for said in self.said("done")}
        for task in tasks:
            task_id, result = task["task_id"], task["result"]
            assert task["state"] == "SUCCESS", task
            assert result["attempt"] == task["attempt"] == attempts[task_id], task
            assert (task_id, result["attempt"], result["lease_token"]) in done, task
