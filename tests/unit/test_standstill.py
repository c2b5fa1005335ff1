"""What a stopwatch shows of a process that stood still for a while."""

import signal
import subprocess
import sys
import time

from tests.integration.service import ROOT

STOPPED_S = 1.0
PROGRAM = """
import time
from tests.standstill import Stopwatch, ran_between_s
from datetime import UTC, datetime

watch, began, began_at = Stopwatch(), time.monotonic(), datetime.now(UTC)
print(flush=True)
input()
passed_s, shown_s = time.monotonic() - began, watch.s
between_s = ran_between_s(began_at.isoformat(), datetime.now(UTC).isoformat())
print(passed_s, shown_s, between_s)
"""


def test_time_in_which_nothing_ran_is_not_counted() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        time.sleep(STOPPED_S)
        process.stdin.write("\n")
        process.stdin.flush()
        process.send_signal(signal.SIGCONT)
        passed_s, shown_s, between_s = map(float, process.stdout.readline().split())
    assert passed_s >= STOPPED_S
    assert max(shown_s, between_s) < passed_s - STOPPED_S / 2
