"""The judge: compares what clients were promised and what handlers did with the rows, and asks the service nothing."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.harness.load import Promises
from tests.integration.service import TERMINAL
from tests.integration.witness import Witness

#: What ended so long before the last look is looked at again: a transaction has the time of its beginning.
AGAIN_S = 60


@dataclass
class Verdict:
    """What was found. Lists hold what must not be, each with its evidence."""

    accepted: int = 0
    refused: int = 0
    starts: int = 0
    #: Starts beyond the first of each task, and how many the recorded ends of attempts account for.
    extra_starts: int = 0
    accounted_starts: int = 0
    #: Accepted, and there is no row, or a success that no handler saw through.
    lost: list[str] = field(default_factory=list)
    #: Run or recorded, and nobody asked for it.
    phantom: list[str] = field(default_factory=list)
    #: More than one outcome, or one that changed.
    two_outcomes: list[str] = field(default_factory=list)
    #: Accepted, and not over.
    stuck: list[str] = field(default_factory=list)
    #: Started more often than leases ended.
    unaccounted: list[str] = field(default_factory=list)
    #: Begun twice under one number: a crash of the database has undone a claim that was answered.
    undone: list[str] = field(default_factory=list)
    #: Over, and no success.
    failed: list[str] = field(default_factory=list)
    #: What the attempts that did not succeed ended in: how many.
    ends: dict[str, int] = field(default_factory=dict)
    recovery_s: float = 0.0
    #: Where recovery was late: how many ended in a second meanwhile, and how many do where nothing is broken.
    drained_per_s: float | None = None
    undisturbed_per_s: float | None = None
    told_s: float | None = None
    p99_ms: float = 0.0
    slowest_s: float = 0.0

    def broken(self, *allowed: str) -> list[str]:
        """Promises that were not kept, but for these kinds."""
        kinds = ("lost", "phantom", "two_outcomes", "stuck", "unaccounted", "undone", "failed")
        return [
            f"{kind}: {len(found)}, such as {found[:3]}"
            for kind in kinds
            if kind not in allowed and (found := getattr(self, kind))
        ]


Rows = dict[str, dict[str, Any]]


class Oracle:
    """One for each load. `ask`: answers an SQL query; `witness`: where its handlers say what they do."""

    def __init__(self, ask: Callable[[str], list[tuple[Any, ...]]], witness: Witness) -> None:
        self._ask = ask
        self._witness = witness
        self._seen_over: Rows = {}
        self._looked_at = "-infinity"

    def rows(self, where: str = "true") -> Rows:
        """Every row, of which this holds, that this load's handlers would write for."""
        found = self._ask(
            "SELECT id::text, state, attempt, finished_at::text, CAST(result AS json) ->> 'lease_token',"
            " parameters ->> 'label', lost_leases, queue, dispatch_no, relay_at::text, published_at::text,"
            f" lease_until::text, now()::text FROM tasks WHERE {self._ours} AND {where}"
        )
        names = (
            *("state", "attempt", "finished_at", "token", "label", "lost_leases", "queue", "dispatch_no"),
            *("relay_at", "published_at", "lease_until", "now"),
        )
        return {row[0]: dict(zip(names, row[1:], strict=True)) for row in found}

    @property
    def _ours(self) -> str:
        return f"task_type = 'test_witnessed' AND parameters ->> 'file' = '{self._witness.path}'"

    def look(self) -> None:
        """Remember what is over since the last look, as it was first seen: it must not change any more."""
        [(now,)] = self._ask("SELECT now()::text")
        since = f"timestamptz '{self._looked_at}' - interval '{AGAIN_S} seconds'"
        self._seen_over = self.rows(f"finished_at >= {since}") | self._seen_over
        self._looked_at = now

    def live(self) -> int:
        """How many are not over."""
        [(count,)] = self._ask(
            f"SELECT count(*) FROM tasks WHERE {self._ours} AND state IN ('PENDING', 'STARTED', 'RETRY')"
        )
        return int(count)

    def judge(self, promises: Promises) -> Verdict:
        """Compare everything."""
        rows, began, done = self.rows(), self._witness.said("began"), self._witness.said("done")
        verdict = Verdict(
            accepted=len(promises.accepted),
            refused=len(promises.refused),
            starts=len(began),
            p99_ms=promises.percentile_ms(0.99),
            slowest_s=promises.slowest_s,
        )
        self._against_promises(verdict, promises, rows)
        self._against_work(verdict, rows, began, done)
        for id_, before in self._seen_over.items():
            now = rows.get(id_)
            changed = now is None or any(
                now[name] != before[name] for name in ("state", "attempt", "finished_at", "token")
            )
            if changed:
                verdict.two_outcomes.append(f"{id_} was {before}, is {now}")
        return verdict

    def _against_promises(self, verdict: Verdict, promises: Promises, rows: Rows) -> None:
        for id_, label in promises.accepted.items():
            row = rows.get(id_)
            if row is None:
                verdict.lost.append(f"{id_} has no row")
            elif row["label"] != label:
                verdict.two_outcomes.append(f"{id_} was promised for {label}, is {row['label']}")
        verdict.stuck += [f"{id_} {row}" for id_, row in rows.items() if row["state"] not in TERMINAL]
        verdict.phantom += [f"row {id_}" for id_, row in rows.items() if row["label"] not in promises.labels]
        by_label = Counter(row["label"] for row in rows.values())
        verdict.phantom += [
            f"{count} rows under the key {label}"
            for label, count in by_label.items()
            if count > 1 and label in promises.keyed
        ]

    def _against_work(
        self, verdict: Verdict, rows: Rows, began: list[dict[str, Any]], done: list[dict[str, Any]]
    ) -> None:
        verdict.phantom += [f"run of {said['task_id']}" for said in began if said["task_id"] not in rows]
        twice = Counter((said["task_id"], said["attempt"]) for said in began)
        verdict.undone += [f"attempt {key} began {count} times" for key, count in twice.items() if count > 1]
        tokens = Counter(said["lease_token"] for said in began)
        verdict.two_outcomes += [f"lease {token} began {count} times" for token, count in tokens.items() if count > 1]
        seen_through = {(said["task_id"], said["lease_token"]) for said in done}
        for id_, row in rows.items():
            if row["state"] in TERMINAL - {"SUCCESS"}:
                verdict.failed.append(f"{id_} {row}")
            if row["state"] == "SUCCESS" and (id_, row["token"]) not in seen_through:
                verdict.lost.append(f"{id_} succeeded without its work: {row}")
        starts = Counter(said["task_id"] for said in began)
        ends = self._ends()
        verdict.ends = dict(Counter(end for _, end in ends))
        ended_before = Counter(id_ for id_, _ in ends)
        for id_, count in starts.items():
            verdict.extra_starts += count - 1
            verdict.accounted_starts += ended_before[id_]
            if count - 1 > ended_before[id_]:
                verdict.unaccounted.append(f"{id_} began {count} times, {ended_before[id_]} attempts ended before")

    def _ends(self) -> list[tuple[str, str]]:
        """Attempts that ended in anything but success, and in what: each lets its task start once more."""
        found = self._ask(
            "SELECT task_id::text, concat_ws(' ', outcome, error_type, left(error_message, 60)) FROM attempts"
            f" WHERE task_id IN (SELECT id FROM tasks WHERE {self._ours})"
        )
        return [(id_, end) for id_, end in found]
