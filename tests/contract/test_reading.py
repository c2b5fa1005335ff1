"""A task as callers are shown it."""

from datetime import UTC, timedelta

import pytest

from task_system.model.errors import TaskNotFound
from task_system.model.ids import new_id
from task_system.model.time import iso
from task_system.store.workers import Identity
from tests.contract.kit import Store, end_of, result_of


def test_a_new_task(store: Store) -> None:
    row = store.submit(parameters=b'{"text": "hi", "n": 2}')
    task = store.reading.task(row.id)
    assert task.view(store.now()) == {
        "task_id": str(row.id),
        "task_type": "echo",
        "priority": "normal",
        "queue": "default.normal",
        "state": "PENDING",
        "status": "pending",
        "parameters": {"text": "hi", "n": 2},
        "result": None,
        "failure": None,
        "result_size": None,
        "files": [],
        "error": None,
        "progress": {"percent": 0.0, "message": ""},
        "heartbeat_at": None,
        "tags": [],
        "metadata": {},
        "expires_at": None,
        "retry_of": None,
        "retried_as": None,
        "batch_id": None,
        "schedule_id": None,
        "cancel_reason": None,
        "attempt": 0,
        "max_attempts": 3,
        "created_at": iso(task.created_at),
        "run_at": iso(task.created_at),
        "started_at": None,
        "finished_at": None,
        "duration_ms": None,
        "queued_ms": None,
        "worker": None,
        "errors": [],
        "timeline": [
            {"at": iso(task.created_at), "event": "accepted"},
            {"at": iso(task.created_at), "event": "due", "attempt": 1},
        ],
        "links": {
            "self": f"/api/tasks/{row.id}",
            "log": f"/api/tasks/{row.id}/log",
            "events": f"/api/tasks/{row.id}/events",
        },
    }
    assert task.created_at.tzinfo is UTC


def test_a_task_whose_time_has_not_come_is_scheduled(store: Store) -> None:
    task = store.reading.task(store.submit(delay_s=60).id)
    assert task.view(store.now())["status"] == "scheduled"
    assert task.view(store.now() + timedelta(seconds=61))["status"] == "pending"


def test_the_rate_of_progress_and_the_time_that_is_left(store: Store) -> None:
    lease = store.start()
    store.leases.progress(lease.id, lease.lease_token, 25.0, "", None)
    moment = store.now()
    store.change(lease.id, started_at=moment - timedelta(seconds=20), progress_at=moment - timedelta(seconds=10))
    task = store.reading.task(lease.id)
    pace = {"rate_per_s": 2.5, "eta_s": 20.0}
    assert task.view(moment)["progress"] == {"percent": 25.0, "message": "", **pace}
    assert task.view(moment + timedelta(minutes=5))["progress"]["eta_s"] == 0
    store.finish(lease, end_of("retry", delay_s=0.0))
    assert store.reading.task(lease.id).view()["progress"] == {"percent": 25.0, "message": ""}
    assert store.claim(lease.id, 2)
    assert store.reading.task(lease.id).view()["progress"] == {"percent": 0.0, "message": ""}


def test_when_the_worker_of_a_running_task_was_last_heard_of(store: Store) -> None:
    lease = store.start()
    store.workers.beat(Identity(name="worker@here", role="worker", host="here", pid=17, version="1"))
    heard_of = store.reading.task(lease.id).view()["heartbeat_at"]
    assert heard_of
    assert heard_of <= iso(store.now())  # type: ignore[operator]
    store.finish(lease, end_of("success"))
    assert store.reading.task(lease.id).view()["heartbeat_at"] is None


def test_a_running_task(store: Store) -> None:
    lease = store.start()
    store.leases.progress(lease.id, lease.lease_token, 40.0, "reading", {"rows": 4})
    view = store.reading.task(lease.id).view()
    assert (view["state"], view["status"], view["attempt"], view["worker"]) == ("STARTED", "started", 1, "worker@here")
    progress = view["progress"]
    assert progress.pop("rate_per_s") > 0
    assert progress.pop("eta_s") >= 0
    assert progress == {"percent": 40.0, "message": "reading", "rows": 4}
    assert view["heartbeat_at"] is None
    assert view["started_at"] == iso(lease.started_at)
    assert view["queued_ms"] >= 0
    assert (view["finished_at"], view["duration_ms"]) == (None, None)


def test_a_task_that_succeeded_at_once(store: Store) -> None:
    lease = store.start()
    recorded = store.finish(lease, end_of("success"))
    assert recorded
    task = store.reading.task(lease.id)
    view = task.view()
    assert (view["state"], result_of(task), view["error"], view["errors"]) == ("SUCCESS", {"text": "hello"}, None, [])
    assert view["progress"]["percent"] == 100.0
    assert view["finished_at"] == iso(recorded.finished_at)
    assert view["duration_ms"] >= 0


def test_a_task_that_is_to_be_retried_shows_what_happened(store: Store) -> None:
    lease = store.start()
    store.finish(lease, end_of("retry", error_type="Timeout", error_message="too slow"))
    view = store.reading.task(lease.id).view()
    assert (view["state"], view["error"]["type"], view["error"]["attempt"]) == ("RETRY", "Timeout", 1)
    (error,) = view["errors"]
    assert (error["attempt"], error["outcome"], error["type"], error["message"]) == (1, "retry", "Timeout", "too slow")
    assert error["started_at"] == iso(lease.started_at)
    assert view["duration_ms"] is None


def test_a_retry_that_runs_shows_earlier_errors_as_earlier(store: Store) -> None:
    lease = store.start()
    store.finish(lease, end_of("retry", delay_s=0.0, error_type="Timeout"))
    store.claim(lease.id, 2)
    view = store.reading.task(lease.id).view()
    assert (view["state"], view["attempt"], view["error"]) == ("STARTED", 2, None)
    assert [(error["attempt"], error["type"]) for error in view["errors"]] == [(1, "Timeout")]


def test_a_task_that_failed_shows_the_last_error_and_the_earlier_ones(store: Store) -> None:
    lease = store.start()
    store.finish(lease, end_of("retry", delay_s=0.0, error_type="First"))
    second = store.claim(lease.id, 2)
    assert second
    store.finish(second, end_of("failure", error_type="Second", error_message="no", error_traceback="trace"))
    view = store.reading.task(lease.id).view()
    assert view["error"] == {"type": "Second", "message": "no", "traceback": "trace", "attempt": 2}
    assert [error["type"] for error in view["errors"]] == ["First"]
    said = [(moment["event"], moment.get("attempt")) for moment in view["timeline"]]
    assert said == [("accepted", None), ("started", 1), ("retry", 1), ("started", 2), ("failure", 2)]
    assert [moment["at"] for moment in view["timeline"]] == sorted(moment["at"] for moment in view["timeline"])


def test_a_task_that_is_cancelled_between_attempts_was_not_ended_by_one(store: Store) -> None:
    lease = store.start()
    store.finish(lease, end_of("retry", error_type="Timeout"))
    store.acting.cancel(lease.id, "not needed")
    view = store.reading.task(lease.id).view()
    said = [(moment["event"], moment.get("attempt")) for moment in view["timeline"]]
    assert said == [("accepted", None), ("started", 1), ("retry", 1), ("cancelled", None)]
    assert [error["type"] for error in view["errors"]] == ["Timeout"]


def test_a_task_that_is_cancelled_while_it_runs_was_ended_by_its_attempt(store: Store) -> None:
    lease = store.start()
    store.request_cancel(lease.id)
    store.finish(lease, end_of("cancelled"))
    said = [(moment["event"], moment.get("attempt")) for moment in store.reading.task(lease.id).view()["timeline"]]
    assert said == [("accepted", None), ("started", 1), ("cancelled", 1)]


def test_a_snoozed_task_shows_the_snooze(store: Store) -> None:
    lease = store.start()
    store.finish(lease, end_of("snoozed", error_type="Snooze", error_message="not yet"))
    view = store.reading.task(lease.id).view()
    assert (view["state"], view["status"]) == ("PENDING", "scheduled")
    assert [(error["outcome"], error["message"]) for error in view["errors"]] == [("snoozed", "not yet")]


def test_an_unknown_task_is_not_found(store: Store) -> None:
    task_id = new_id()
    with pytest.raises(TaskNotFound) as caught:
        store.reading.task(task_id)
    assert caught.value.facts == {"task_id": str(task_id)}
