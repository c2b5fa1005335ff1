"""`kill -9` of the keeper amid each of its roles: the next takes up what it left, and nothing is done twice."""

import time
from uuid import UUID, uuid4

from tests.chaos.harness.messages import headers, publish
from tests.chaos.harness.row import Steps, points, row
from tests.chaos.harness.system import System
from tests.integration.service import HEARTBEAT_S, wait_until

AGAIN = "A keeper may die anywhere: what it had begun is done by the next, once."
#: A keeper that leads is missed for this long.
LEAD_S = 20.0
#: Every process has read what is closed.
HEARD_S = 2.5
NORMAL = "default.normal"


def control(system: System, path: str) -> None:
    answer = system.request("POST", f"/api/{path}")
    assert answer.status_code == 200, answer.text


def hold(system: System) -> None:
    """No `test_noop` is started any more; every process has heard of it."""
    control(system, "task-types/test_noop/hold")
    time.sleep(HEARD_S)


@points("keeper.relay.taken", every_change=("keeper.relay.taken",))
@row("F2", "kill -9 of the keeper at {point}", promise=AGAIN)
def test_the_relay_dies(system: System, point: str) -> Steps:
    system.die_at(point)
    yield


@points("keeper.rescuer.before_commit", "keeper.rescuer.rescued")
@row("F7", "kill -9 of the keeper at {point}, after a worker died", promise=AGAIN, loses_attempts=True)
def test_the_rescuer_dies(system: System, point: str) -> Steps:
    system.arm(point, "kill")
    system.die_at("worker.claimed")
    system.wait_until_reached(point)
    yield


@points("keeper.reconciler.before_commit")
@row(
    "F7",
    "kill -9 of the keeper at {point}, after the broker lost what a queue held",
    promise=AGAIN,
    # The worker is killed first, so that the queues fill.
    loses_attempts=True,
)
def test_the_reconciler_dies(system: System, point: str) -> Steps:
    with system.held("worker"):
        system.processes["worker"].kill()
        # More is lost than comes anew before what is lost counts as unheld: only then does it show while load goes on.
        time.sleep(4 * HEARTBEAT_S)
        system.arm(point, "kill")
        for priority in ("high", "normal", "low"):
            system.servers.rabbitmq.ctl("purge_queue", "--vhost", "task_system", f"default.{priority}")
        system.wait_until_reached(point, LEAD_S + 20)
    yield


@points("keeper.expirer.before_commit")
@row("F7", "kill -9 of the keeper at {point}", promise=AGAIN)
def test_the_expirer_dies(system: System, point: str) -> Steps:
    hold(system)
    late = [system.submit("test_noop", expires_in=1.0)["task_id"] for _ in range(3)]
    system.die_at(point)
    yield
    assert {system.finished(task_id)["state"] for task_id in late} == {"EXPIRED"}
    control(system, "task-types/test_noop/allow")
    yield


@points("keeper.releaser.before_commit")
@row("F7", "kill -9 of the keeper at {point}", promise=AGAIN)
def test_the_releaser_dies(system: System, point: str) -> Steps:
    hold(system)
    held = [system.submit("test_noop")["task_id"] for _ in range(5)]
    parked = "SELECT count(*) FROM tasks WHERE task_type = 'test_noop' AND state = 'PENDING' AND relay_at IS NULL"
    wait_until(lambda: system.rows(f"{parked} AND published_at IS NULL") == [(5,)], 20, "all are parked")
    system.arm(point, "kill")
    control(system, "task-types/test_noop/allow")
    system.wait_until_reached(point)
    yield
    assert {system.finished(task_id)["state"] for task_id in held} == {"SUCCESS"}
    yield


@points("keeper.dead_letters.settled")
@row("F7", "kill -9 of the keeper at {point}", promise=AGAIN)
def test_dead_letters_die_with_the_keeper(system: System, point: str) -> Steps:
    waiting = system.submit("test_noop", delay=3600)["task_id"]
    system.arm(point, "kill")
    publish(system, [{"headers": headers(waiting)}], exchange="tasks.dead", routing_key="")
    system.wait_until_reached(point)
    yield
    [(number, state)] = system.rows(f"SELECT dispatch_no, state FROM tasks WHERE id = '{waiting}'")
    # Settled once, and the letter that came again was old.
    assert (number, state) == (2, "PENDING")
    assert system.request("DELETE", f"/api/tasks/{waiting}").status_code == 200
    yield


@points("keeper.scheduler.before_commit", "keeper.scheduler.fired")
@row("F6", "kill -9 of the keeper at {point}", promise="A tick of a schedule is one task, however keepers die.")
def test_the_scheduler_dies(system: System, point: str) -> Steps:
    body = {"name": f"chaos-{uuid4().hex[:8]}", "task_type": "test_noop", "every_s": 1, "catch_up": "all"}
    made = system.request("POST", "/api/schedules", json=body)
    assert made.status_code == 201, made.text
    schedule_id = made.json()["schedule_id"]
    system.die_at(point)
    yield
    ticks = f"SELECT count(*), count(DISTINCT fire_at) FROM schedule_ticks WHERE schedule_id = '{schedule_id}'"
    wait_until(lambda: system.rows(ticks)[0][0] >= 5, 20, "ticks go on")
    assert system.request("POST", f"/api/schedules/{schedule_id}/pause").status_code == 200
    [(count, moments)] = system.rows(f"{ticks} AND outcome = 'submitted'")
    [(tasks,)] = system.rows(f"SELECT count(*) FROM tasks WHERE schedule_id = '{schedule_id}'")
    assert count == moments == tasks
    # None was left out either.
    [(span_s,)] = system.rows(
        "SELECT extract(epoch FROM max(fire_at) - min(fire_at))::float FROM schedule_ticks"
        f" WHERE schedule_id = '{schedule_id}'"
    )
    assert round(span_s) == count - 1
    yield


@points("keeper.pruner.before_commit")
@row("F7", "kill -9 of the keeper at {point}", promise=AGAIN)
def test_the_pruner_dies(system: System, point: str) -> Steps:
    old = UUID(int=(1_600_000_000_000 << 80) | (7 << 76) | (2 << 62) | uuid4().int % 2**60)
    system.execute(
        "INSERT INTO tasks (id, task_type, queue, priority, state, parameters, max_attempts, timeout_s, created_at,"
        f" run_at, finished_at) SELECT '{old}', 'test_noop', '{NORMAL}', 'normal', 'SUCCESS', '{{}}', 1, 1, at, at, at"
        " FROM (SELECT now() - interval '300 days') AS long_ago(at)"
    )
    system.arm(point, "kill")
    with system.held("keeper"):
        keeper = system.processes["keeper"]
        keeper.kill()
        # It looks once a minute, and where another led a moment ago it is not its turn.
        system.execute("DELETE FROM leaders")
        keeper.start()
        system.wait_until_reached(point)
        assert keeper.wait(10)
        system.execute("DELETE FROM leaders")
    yield
    wait_until(lambda: system.rows(f"SELECT count(*) FROM tasks WHERE id = '{old}'") == [(0,)], 20, "it is removed")
    yield
