"""From the lines that rows left: a summary for who ran them, and `docs/guarantees.md` for everybody."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.chaos.harness.report import COUNTED, ROOT, machine, versions
from tests.chaos.harness.seen import HOLES, PROMISES, Seen

DOCUMENT = ROOT / "docs" / "guarantees.md"
_SOAK = re.compile(r"<!-- soak -->\n.*<!-- /soak -->\n", re.DOTALL)
_WRONG = [name.replace("_", " ") for name in COUNTED[:4]]
_HEAD = """# What is guaranteed, and what was seen

Written by `make chaos`; do not edit. Each row breaks something under load, then a judge outside the service compares
what clients were promised (their log), what handlers did (their log) and what the database says. Leases hold 6 s in
these runs (30 s unless told otherwise), heartbeats come every 2 s; times belong to the machine below.

- **lost**: accepted, and no row, or a success without its work. **phantom**: run or recorded, and nobody asked.
- **two outcomes**: an outcome that changed, or a lease under which two began. **stuck**: not over 60 s after the fault,
  and nothing had ended for 30 s.
- **failed**: over, and no success. **undone**: begun twice under one attempt's number, because a crash of PostgreSQL
  took back that it had been claimed.
- **extra starts**: beyond the first of each task; each follows an attempt whose end is on record, or the row fails.
- **recovery**: from the end of the fault until all was over and the service said that it is ready. Where it is longer
  than 60 s more had gathered than the machine could do meanwhile: how fast it was done, and how fast undisturbed tasks
  are done there and then, stand beside it. Less than half of that and the row fails.
- **told**: from the fault until `/api/health/ready` named it.
"""
_OF_PROMISES = "Every test is part of each run of `make test` or of the rows below."
_OF_HOLES = "What Celery, kombu, py-amqp or RabbitMQ do to those who use them as they come, and the tests that see it."

#: Numbers of the matrix, and why they have no row.
WITHOUT_A_ROW = {
    "F30": ("the receiver of a webhook is down, slow, or answers twice", "The service sends no webhooks yet."),
    "F31": (
        "all of these at random for half an hour, under 200 tasks a second",
        "It is a run of its own, `make soak`; the last one stands above.",
    ),
}


def outcomes(results: Path) -> list[dict[str, Any]]:
    """The last line of each row on each broker."""
    if not results.exists():
        return []
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for line in results.read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        key = one["test"], one["broker"]
        # That there was no time for it does not undo what was seen before.
        if one["result"] != "skipped" or key not in last:
            last[key] = one
    return list(last.values())


def passed(results: Path, broker: str) -> set[str]:
    """Tests that need not be run again."""
    return {one["test"] for one in outcomes(results) if one["result"] == "passed" and one["broker"] == broker}


def totals(rows: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Sums over rows that were run, and the worst times."""
    figures = [row["figures"] for row in rows if row["figures"]]
    counted = {
        name: sum(one.get(name, 0) for one in figures) for name in ("accepted", "starts", "extra_starts", *COUNTED)
    }
    worst = {
        "recovery_s": max((one["recovery_s"] for one in figures), default=0.0),
        "told_s": max((one["told_s"] or 0.0 for one in figures), default=0.0),
    }
    return counted | worst


def summary(results: Path) -> str:
    """For the terminal."""
    rows = outcomes(results)
    count = Counter(row["result"] for row in rows)
    sums = totals(rows)
    lines = ["", f"{count['passed']} rows held, {count['failed']} did not, {count['skipped']} were not run."]
    lines += [
        f"  {row['result'].upper()} {row['number']} {row['fault']} ({row['broker']}): {row['why'][:160]}"
        for row in rows
        if row["result"] != "passed"
    ]
    lines += ["  " + ", ".join(f"{name.replace('_', ' ')} {sums[name]:,.0f}" for name in ("accepted", *COUNTED))]
    lines.append(
        f"  extra starts {sums['extra_starts']:,.0f}, worst recovery {sums['recovery_s']:.1f} s,"
        f" health told after {sums['told_s']:.1f} s at the latest"
    )
    return "\n".join(lines)


def write(results: Path) -> Path:
    """Write the document anew."""
    rows = sorted(outcomes(results), key=lambda row: (int(row["number"].lstrip("F")), row["test"], row["broker"]))
    promises = list(dict.fromkeys(row["promise"] for row in rows))
    parts = [_HEAD, _facts(rows), _seen("The promises", _OF_PROMISES, "promise", PROMISES)]
    usual = Counter(row["broker"] for row in rows).most_common(1)[0][0] if rows else ""
    parts += [
        f"## {promise}\n\n" + _table([row for row in rows if row["promise"] == promise], usual) for promise in promises
    ]
    parts += [_soak_as_written(), _without_a_row({row["number"] for row in rows})]
    parts.append(_seen("Holes below us", _OF_HOLES, "hole", HOLES))
    DOCUMENT.write_text("\n".join(parts), encoding="utf-8")
    return DOCUMENT


def write_soak(figures: dict[str, Any], wrong: Sequence[str]) -> Path:
    """Put what a soak showed into the document, and leave the rows as they are."""
    lines = [f"| {name} | {_said(value)} |" for name, value in figures.items()]
    kept = "Nothing was lost." if not wrong else "**Not kept**: " + "; ".join(wrong)
    section = "\n".join(
        [
            "<!-- soak -->",
            "## All faults at random, under a steady load",
            "",
            "| | |",
            "| --- | --- |",
            *lines,
            "",
            kept,
        ]
    )
    text = DOCUMENT.read_text(encoding="utf-8")
    section += "\n\n<!-- /soak -->\n"
    text = _SOAK.sub(lambda _: section, text) if _SOAK.search(text) else f"{text}\n{section}"
    DOCUMENT.write_text(text, encoding="utf-8")
    return DOCUMENT


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_said(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _soak_as_written() -> str:
    """What the last soak put there, which takes half an hour of its own."""
    found = _SOAK.search(DOCUMENT.read_text(encoding="utf-8")) if DOCUMENT.exists() else None
    return found[0] if found else ""


def _facts(rows: list[dict[str, Any]]) -> str:
    sums, count = totals(rows), Counter(row["result"] for row in rows)
    dates = sorted(row["at"] for row in rows)
    brokers = ", ".join(sorted({row["broker"] for row in rows}))
    kept = ", ".join(f"{name.replace('_', ' ')} **{sums[name]:,.0f}**" for name in COUNTED)
    return (
        f"{count['passed']} rows held, {count['failed']} did not, {count['skipped']} could not be run here. Accepted"
        f" **{sums['accepted']:,.0f}**, {kept}, extra starts {sums['extra_starts']:,.0f}, worst recovery"
        f" {sums['recovery_s']:.1f} s, health told after {sums['told_s']:.1f} s at the latest.\n\n"
        f"Date: {dates[0]} to {dates[-1]}; Machine: {machine()}; Servers: {brokers}, {versions()}.\n"
    )


def _without_a_row(numbers: set[str]) -> str:
    lines = ["## Rows that do not apply yet, or are no row", "", "| row | fault | why |", "| --- | --- | --- |"]
    lines += [
        f"| {number} | {fault} | {why} |" for number, (fault, why) in WITHOUT_A_ROW.items() if number not in numbers
    ]
    return "\n".join(lines) + "\n"


def _seen(heading: str, about: str, column: str, rows: Iterable[Seen]) -> str:
    lines = [f"## {heading}", "", f"{about} Files are below `tests/`.", "", f"| {column} | tests |", "| --- | --- |"]
    lines += [f"| {row.what} | {', '.join(f'`{test}`' for test in row.tests)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _table(rows: list[dict[str, Any]], usual_broker: str) -> str:
    names = ["row", "fault", "test", "accepted", "refused", *_WRONG, "extra starts", "recovery s", "told s"]
    lines = [f"| {' | '.join(names)} |", "| --- | --- | --- |" + " ---: |" * (len(names) - 3)]
    return "\n".join([*lines, *(_line(row, usual_broker) for row in rows)]) + "\n"


def _line(row: dict[str, Any], usual_broker: str) -> str:
    fault = row["fault"] + ("" if row["broker"] == usual_broker else f" ({row['broker']})")
    test = row["test"].rpartition("/")[2].replace("|", "\\|")
    head = f"| {row['number']} | {fault} | `{test}` |"
    if row["result"] != "passed" or not row["figures"]:
        said = (
            "held"
            if row["result"] == "passed"
            else f"**{row['result']}**: {row['why'].splitlines()[0][:120] if row['why'] else ''}"
        )
        return f"{head} {said} | | | | | | | | |"
    figures = row["figures"]
    counted = " | ".join(f"{figures[name]:,}" for name in ("accepted", "refused", *COUNTED[:4], "extra_starts"))
    told = f"{figures['told_s']:.1f}" if figures["told_s"] is not None else ""
    return f"{head} {counted} | {_recovery(figures)} | {told} |"


def _recovery(figures: dict[str, Any]) -> str:
    said = f"{figures['recovery_s']:.1f}"
    if (undisturbed := figures.get("undisturbed_per_s")) is None:
        return said
    return f"{said} (at {figures['drained_per_s']:.0f}/s; undisturbed {undisturbed:.0f}/s)"
