"""More clients than can be served, none of which pauses."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

import pytest

from task_system.model.routing import PRIORITIES
from tests.chaos.harness.load import Promises
from tests.chaos.harness.oracle import Oracle, Verdict
from tests.chaos.harness.report import ROOT, Outcome, record
from tests.chaos.harness.row import Row, converged
from tests.chaos.harness.sizes import descriptors, rss_mb, web_pids
from tests.chaos.harness.system import System
from tests.integration.witness import Witness

OVERLOAD = "More than can be served is told so: 503 with Retry-After; what is accepted is answered in time."
#: How long the crowd pushes, and after it one twice as large, in seconds.
PUSH_S = float(os.environ.get("CHAOS_OVERLOAD_S", "30"))
PUSH_MORE_S = min(PUSH_S, 60.0)
#: Of what is accepted; held where no more than so many processes for each core wanted to run before.
P99_MS, BUSY = 250.0, 2.0
#: No request takes longer, accepted or not.
SLOWEST_S = 8.0
#: What memory may grow by between the second and the last third of a crowd, in MB, and by share.
GROWS_MB, GROWS = 4.0, 0.02
#: Descriptors that pools may open under the larger crowd and keep.
POOLED = 16


@dataclass
class Pushed:
    """What one crowd saw, and what the web process took meanwhile."""

    promises: Promises
    verdict: Verdict
    took_s: float
    rss_mb: list[float] = field(default_factory=list)
    descriptors: int = 0

    def __str__(self) -> str:
        told = len(self.promises.refused)
        return (
            f"{self.verdict.accepted / self.took_s:.0f}/s accepted, p50 {self.promises.percentile_ms(0.5):.0f} ms,"
            f" p99 {self.verdict.p99_ms:.0f} ms, {told} told to come back, RSS {self.rss_mb[0]:.0f} to"
            f" {self.rss_mb[-1]:.0f} MB, {self.descriptors} descriptors"
        )


@pytest.mark.chaos_row
def test_overload(system: System, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """64 clients, then 128. What waits at the end of each is counted and taken away, for it would be done for hours."""
    known = Row(
        number="F24",
        fault=f"64 clients that never pause for {PUSH_S:g} s, then 128 for {PUSH_MORE_S:g} s",
        promise=OVERLOAD,
    )
    outcome = Outcome.of(known, request.node.nodeid, {})
    quiet = os.getloadavg()[0] < BUSY * (os.cpu_count() or 1)
    try:
        system.repair()
        system.forget()
        few = push(system, tmp_path / "64", 64, PUSH_S)
        many = push(system, tmp_path / "128", 128, PUSH_MORE_S)
        outcome.fault += f"; 64: {few}; 128: {many}" + ("" if quiet else "; beside something else on the machine")
        outcome.found(many.verdict)
        for crowd in (few, many):
            hold(crowd, p99_ms=P99_MS if quiet else 10 * P99_MS)
        assert many.descriptors <= few.descriptors + POOLED
    except BaseException as error:
        outcome.failed(error)
        raise
    finally:
        record(outcome)


def push(system: System, folder: Path, clients: int, seconds: float) -> Pushed:
    """Let so many push, and judge what came of it."""
    folder.mkdir()
    witness = Witness(folder / f"witness-{clients}-{time.time_ns()}")
    arguments = [str(system.port), str(clients), str(seconds), str(witness.path), str(folder / "log")]
    pids, sizes = web_pids(system), []
    command = [sys.executable, "-m", "tests.chaos.harness.pushing", *arguments]
    started = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            assert time.monotonic() < started + seconds + 60, "the clients hang"
            sizes.append(rss_mb(pids))
            time.sleep(seconds / 60)
        assert process.stdout
        said = json.loads(process.stdout.read())
    gone_at = time.monotonic()
    prompt_again(system)
    promises = promised(witness, folder / "log", said)
    verdict = judged(system, witness, promises, gone_at)
    assert web_pids(system) == pids, "a process died of it"
    return Pushed(promises, verdict, gone_at - started, sizes, descriptors(pids))


def prompt_again(system: System) -> None:
    """When nobody pushes any more the next request is answered at once."""
    started = time.monotonic()
    system.submit("test_noop")
    assert time.monotonic() - started < 1.0


def promised(witness: Witness, log: Path, said: dict[str, object]) -> Promises:
    promises = Promises(labels={f"{witness.path.name}-{number}" for number in range(int(str(said["sent"])))})
    for line in log.read_text(encoding="utf-8").splitlines():
        id_, label, took_s = line.split()
        promises.accepted[id_] = label
        promises.latencies_s.append(float(took_s))
    statuses: dict[str, int] = said["statuses"]  # type: ignore[assignment]
    promises.refused = [status for status, count in statuses.items() if status != "202" for _ in range(count)]
    promises.problems = said["problems"]  # type: ignore[assignment]
    promises.slowest_s = float(str(said["slowest_s"]))
    return promises


def judged(system: System, witness: Witness, promises: Promises, gone_at: float) -> Verdict:
    """All that was accepted is there; what has begun ends."""
    oracle, accepted = Oracle(system.rows, witness), promises.accepted
    ours = f"task_type = 'test_witnessed' AND parameters ->> 'file' = '{witness.path}'"
    missing = set(accepted) - {id_ for (id_,) in system.rows(f"SELECT id::text FROM tasks WHERE {ours}")}
    forget_all(system)
    promises.accepted = {id_: accepted[id_] for id_ in oracle.rows() if id_ in accepted}
    verdict = converged(system, oracle, promises, gone_at, within_s=60)
    verdict.lost += sorted(missing)
    verdict.accepted = len(accepted)
    return verdict


def forget_all(system: System) -> None:
    """Their messages, too: whoever comes next would wait until a worker has found that nobody wants them any more."""
    system.forget()
    for priority in PRIORITIES:
        system.servers.rabbitmq.ctl("purge_queue", "--vhost", "task_system", f"default.{priority}")


def hold(crowd: Pushed, p99_ms: float) -> None:
    assert not crowd.verdict.broken(), crowd.verdict.broken()
    assert not crowd.promises.problems, crowd.promises.problems[:3]
    assert crowd.verdict.p99_ms <= p99_ms, str(crowd)
    assert crowd.verdict.slowest_s < SLOWEST_S, str(crowd)
    third = len(crowd.rss_mb) // 3
    second, last = mean(crowd.rss_mb[third : 2 * third]), mean(crowd.rss_mb[2 * third :])
    assert last < second * (1 + GROWS) + GROWS_MB, f"memory grows: {crowd.rss_mb}"
