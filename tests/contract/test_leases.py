"""A worker's rights: who is late, doubled or outdated gets nothing, and each end says what becomes of the task."""

import queue
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from task_system.model.errors import StoreUnavailable
from task_system.model.ids import new_id
from task_system.model.outcome import OUTCOMES, Claim, Finish
from task_system.model.states import TERMINAL, State
from task_system.model.task import Extras
from task_system.store.leases import Ended, Leases
from task_system.worker.recorder import BatchRecorder
from tests.contract.kit import DEADLINE_S, LEASE_S, Store, end_of, new_task, result_of

AGAIN = ("retry", "snoozed", "handed_back", "lost")
OVER = ("success", "failure", "cancelled")


# Claims.


def test_a_claim_brings_what_the_attempt_needs_and_starts_the_task(store: Store) -> None:
    submitted = store.submit(parameters=b'{"n": 7}', max_attempts=4, timeout_s=9.5, task_type="count")
    before = store.now()
    claim = Claim(submitted.id, 1, uuid4())

    recorded, claimed = store.leases.settle([], [claim])

    assert recorded == {}
    lease = claimed[claim.lease_token]
    assert (lease.id, lease.task_type, lease.queue, lease.priority) == (
        submitted.id,
        "count",
        "default.normal",
        "normal",
    )
    assert lease.parameters.replace(" ", "") == '{"n":7}'
    assert (lease.attempt, lease.uncharged_attempts, lease.charged_attempts, lease.lost_leases) == (1, 0, 1, 0)
    assert (lease.max_attempts, lease.timeout_s, lease.lease_token) == (4, 9.5, claim.lease_token)
    assert before <= lease.started_at <= store.now()
    row = store.row(submitted.id)
    assert (row["state"], row["worker"], row["lease_token"]) == ("STARTED", "worker@here", claim.lease_token)
    assert abs((row["lease_until"] - row["started_at"]).total_seconds() - LEASE_S) < 1
    assert row["relay_at"] is None
    assert row["finished_at"] is None


def test_a_claim_forgets_the_progress_of_the_attempt_before(store: Store) -> None:
    first = store.start()
    store.finish(first, end_of("retry", progress_percent=50.0, progress_message="half", progress_fields={"rows": 3}))
    assert store.row(first.id)["progress_percent"] == 50.0
    store.claim(first.id, 2)
    row = store.row(first.id)
    assert (row["progress_percent"], row["progress_message"], row["progress_fields"]) == (None, None, None)


@pytest.mark.parametrize("dispatch_no", [0, 1, 3])
def test_only_the_current_dispatch_can_be_claimed(store: Store, dispatch_no: int) -> None:
    first = store.start()
    store.finish(first, end_of("retry"))
    before = store.row(first.id)
    assert store.claim(first.id, dispatch_no) is None
    assert store.row(first.id) == before
    assert store.claim(first.id, 2)


@pytest.mark.parametrize("state", [State.STARTED, *sorted(TERMINAL)])
def test_what_runs_or_is_over_cannot_be_claimed(store: Store, state: State) -> None:
    task_id = store.put(state)
    before = store.row(task_id)
    assert store.claim(task_id) is None
    assert store.row(task_id) == before


def test_an_unknown_task_cannot_be_claimed(store: Store) -> None:
    assert store.claim(new_id()) is None


def test_of_two_claims_of_one_dispatch_one_wins(store: Store) -> None:
    submitted = store.submit()
    first = store.claim(submitted.id)
    assert first
    assert store.claim(submitted.id) is None
    assert store.row(submitted.id)["lease_token"] == first.lease_token


def test_of_two_claims_of_one_dispatch_in_one_batch_one_wins(store: Store) -> None:
    submitted, other = store.submit(), store.submit()
    claims = [Claim(submitted.id, 1, uuid4()), Claim(other.id, 1, uuid4()), Claim(submitted.id, 1, uuid4())]
    _, claimed = store.leases.settle([], claims)
    assert len(claimed) == 2
    assert {lease.id for lease in claimed.values()} == {submitted.id, other.id}
    for task_id in (submitted.id, other.id):
        row = store.row(task_id)
        assert claimed[row["lease_token"]].id == task_id
        assert row["attempt"] == 1


def test_a_batch_claims_what_it_can(store: Store) -> None:
    rows = [store.submit() for _ in range(5)]
    assert store.claim(rows[1].id)
    claims = [Claim(row.id, 2 if row is rows[3] else 1, uuid4()) for row in rows]
    _, claimed = store.leases.settle([], claims)
    assert {lease.id for lease in claimed.values()} == {rows[0].id, rows[2].id, rows[4].id}
    assert all(token == lease.lease_token for token, lease in claimed.items())


# Ends.


@pytest.mark.parametrize("outcome", OVER)
def test_an_end_that_is_for_good(store: Store, outcome: str) -> None:
    lease = store.start()
    before = store.now()
    end = end_of(outcome)
    recorded = store.finish(lease, end)

    task = store.reading.task(lease.id)
    assert recorded == Ended(OUTCOMES[outcome], task.finished_at)
    assert task.state is OUTCOMES[outcome]
    assert task.state in TERMINAL
    assert task.finished_at
    assert before <= task.finished_at <= store.now()
    assert result_of(task) == ({"text": "hello"} if outcome == "success" else None)
    assert (task.error_type, task.error_message, task.error_traceback) == (
        end.error_type,
        end.error_message,
        end.error_traceback,
    )
    assert (task.attempt, task.uncharged_attempts, task.lost_leases, task.dispatch_no) == (1, 0, 0, 1)
    assert task.run_at == task.created_at
    row = store.row(lease.id)
    assert (row["lease_token"], row["lease_until"], row["relay_at"]) == (None, None, None)


@pytest.mark.parametrize("outcome", AGAIN)
def test_an_end_after_which_the_task_runs_again(store: Store, outcome: str) -> None:
    lease = store.start()
    store.change(lease.id, published_at=store.now())
    end = end_of(outcome, delay_s=33.25)
    before = store.now()
    recorded = store.finish(lease, end)

    assert recorded == Ended(State.PENDING if outcome in {"snoozed", "handed_back"} else State.RETRY, None)
    row = store.row(lease.id)
    assert row["state"] == recorded.state
    assert timedelta(0) <= row["relay_at"] - row["run_at"] < timedelta(seconds=1)
    assert before <= row["run_at"] - timedelta(seconds=33.25) <= store.now()
    assert row["published_at"] is None
    assert row["finished_at"] is None
    assert (row["lease_token"], row["lease_until"]) == (None, None)
    assert (row["attempt"], row["dispatch_no"]) == (1, 2)
    assert row["uncharged_attempts"] == (1 if outcome in {"snoozed", "handed_back"} else 0)
    assert row["lost_leases"] == (1 if outcome == "lost" else 0)
    assert (row["error_type"], row["error_message"]) == (end.error_type, end.error_message)


@pytest.mark.parametrize("outcome", sorted(OUTCOMES))
def test_every_end_but_success_is_kept_among_the_attempts(store: Store, outcome: str) -> None:
    lease = store.start()
    end = end_of(outcome)
    store.finish(lease, end)
    kept = store.attempts(lease.id)
    if outcome == "success":
        assert kept == []
        return
    (attempt,) = kept
    assert (attempt["attempt"], attempt["outcome"], attempt["worker"]) == (1, outcome, "worker@here")
    assert attempt["started_at"] == lease.started_at <= attempt["finished_at"] <= store.now()
    assert (attempt["error_type"], attempt["error_message"], attempt["error_traceback"]) == (
        end.error_type,
        end.error_message,
        end.error_traceback,
    )


def test_the_outcomes_tested_here_are_all_there_are() -> None:
    assert {*AGAIN, *OVER} == set(OUTCOMES)


def test_a_success_after_failures_leaves_no_error_in_the_task(store: Store) -> None:
    first = store.start()
    store.finish(first, end_of("retry"))
    second = store.claim(first.id, 2)
    assert second
    store.finish(second, end_of("success"))
    task = store.reading.task(first.id)
    assert (task.state, task.error_type, task.error_message, task.error_traceback) == (State.SUCCESS, None, None, None)
    assert [attempt.error_type for attempt in task.attempts] == ["Later"]


def test_attempts_are_counted_and_the_uncharged_ones_apart(store: Store) -> None:
    lease = store.start()
    for number, outcome in enumerate(("retry", "snoozed", "handed_back", "lost", "retry"), start=1):
        assert lease.attempt == number
        store.finish(lease, end_of(outcome, delay_s=0.0))
        again = store.claim(lease.id, number + 1)
        assert again
        lease = again
    assert (lease.attempt, lease.uncharged_attempts, lease.charged_attempts, lease.lost_leases) == (6, 2, 4, 1)
    assert [a["outcome"] for a in store.attempts(lease.id)] == ["retry", "snoozed", "handed_back", "lost", "retry"]


def test_what_the_handler_last_said_is_kept_with_the_end(store: Store) -> None:
    lease = store.start()
    store.leases.progress(lease.id, lease.lease_token, 10.0, "begun", {"rows": 1})
    store.finish(
        lease, end_of("failure", progress_percent=80.0, progress_message="nearly", progress_fields={"rows": 8})
    )
    row = store.row(lease.id)
    assert (row["progress_percent"], row["progress_message"], row["progress_fields"]) == (80.0, "nearly", {"rows": 8})


def test_an_end_that_says_nothing_keeps_what_was_said_before(store: Store) -> None:
    lease = store.start()
    store.leases.progress(lease.id, lease.lease_token, 10.0, "begun", {"rows": 1})
    store.finish(lease, end_of("success"))
    row = store.row(lease.id)
    assert (row["progress_percent"], row["progress_message"], row["progress_fields"]) == (10.0, "begun", {"rows": 1})


@pytest.mark.parametrize("outcome", sorted(OUTCOMES))
def test_an_end_under_another_lease_changes_nothing(store: Store, outcome: str) -> None:
    lease = store.start()
    before = store.row(lease.id)
    recorded, _ = store.leases.settle([Finish(lease.id, uuid4(), end_of(outcome))], [])
    assert recorded == {}
    assert store.row(lease.id) == before
    assert store.attempts(lease.id) == []


def test_a_zombie_cannot_end_what_another_worker_runs_now(store: Store) -> None:
    zombie = store.start()
    store.expire_lease(zombie.id)
    store.upkeep.rescue(10, poison_after=3, delay_s=0.0)
    current = store.claim(zombie.id, 2)
    assert current
    assert store.finish(zombie, end_of("success")) is None
    assert store.row(zombie.id)["state"] == "STARTED"
    assert store.finish(current, end_of("failure"))
    assert [attempt["outcome"] for attempt in store.attempts(zombie.id)] == ["lost", "failure"]


def test_an_end_is_recorded_once(store: Store) -> None:
    lease = store.start()
    finish = Finish(lease.id, lease.lease_token, end_of("failure"))
    recorded, _ = store.leases.settle([finish, finish], [])
    assert recorded.keys() == {lease.lease_token}
    assert store.leases.settle([finish], [])[0] == {}
    assert len(store.attempts(lease.id)) == 1


def test_ends_and_claims_of_one_batch(store: Store) -> None:
    done, again = store.start(), store.start()
    fresh = store.submit()
    finishes = [
        Finish(done.id, done.lease_token, end_of("success")),
        Finish(again.id, again.lease_token, end_of("retry", delay_s=0.0)),
    ]
    claims = [Claim(fresh.id, 1, uuid4()), Claim(again.id, 2, uuid4()), Claim(done.id, 1, uuid4())]
    recorded, claimed = store.leases.settle(finishes, claims)
    assert {token: r.state for token, r in recorded.items()} == {
        done.lease_token: State.SUCCESS,
        again.lease_token: State.RETRY,
    }
    assert {lease.id for lease in claimed.values()} == {fresh.id, again.id}


def test_what_was_written_and_never_answered_is_answered_when_it_is_asked_for_again(store: Store) -> None:
    fresh, tagged = store.submit(), store.submit(extras=Extras(tags=("a",)), parameters=b'{"n": 12345678901234567890}')
    claims = [Claim(row.id, 1, uuid4()) for row in (fresh, tagged)]
    _, claimed = store.leases.settle([], claims)
    assert store.leases.settle([], claims) == ({}, {})
    _, same = store.leases.settle([], claims, again=True)
    # SQLite's RETURNING does not say what is plain; only copies in Redis ask.
    assert {token: replace(one, plain=False) for token, one in same.items()} == {
        token: replace(one, plain=False) for token, one in claimed.items()
    }
    assert [same[claim.lease_token].plain for claim in claims] == [True, False]
    assert store.leases.settle([], [Claim(fresh.id, 1, uuid4())], again=True) == ({}, {})
    ends = [end_of("success"), end_of("retry")]
    finishes = [Finish(claim.task_id, claim.lease_token, end) for claim, end in zip(claims, ends, strict=True)]
    ended, _ = store.leases.settle(finishes, [])
    # Nobody waits to hear of a retry.
    del ended[claims[1].lease_token]
    assert store.leases.settle(finishes, [], again=True) == (ended, {})
    assert store.leases.settle([], claims, again=True) == ({}, {})


def test_an_end_that_somebody_else_made_is_none_of_ours(store: Store) -> None:
    lost = store.start(max_attempts=1)
    store.expire_lease(lost.id)
    assert store.upkeep.rescue(10, poison_after=3, delay_s=0.0)
    for outcome in ("success", "failure"):
        finish = Finish(lost.id, lost.lease_token, end_of(outcome))
        assert store.leases.settle([finish], [], again=True) == ({}, {})


def test_an_answer_that_is_lost_on_its_way_loses_no_attempt(store: Store) -> None:
    class Unlucky(Leases):
        """Of which the first answer never comes."""

        unlucky = True

        def settle(self, *asked: Any, **how: Any) -> Any:
            answer = super().settle(*asked, **how)
            if self.unlucky:
                self.unlucky = False
                raise StoreUnavailable
            return answer

    done, fresh = store.start(), store.submit()
    finish, claim = Finish(done.id, done.lease_token, end_of("success")), Claim(fresh.id, 1, uuid4())
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()
    leases = Unlucky(store.database, worker="worker@here", lease_s=LEASE_S)
    recorder = BatchRecorder(leases, lambda *settled: told.put(settled), lambda: True)
    recorder.finish(finish)
    recorder.claim(claim)
    recorder.start()
    finishes, ended, claims, claimed = told.get(timeout=DEADLINE_S)
    recorder.stop(DEADLINE_S)
    assert (finishes, ended[done.lease_token].state) == ([finish], State.SUCCESS)
    assert (claims, claimed[claim.lease_token].id) == ([claim], fresh.id)


def test_a_batch_that_cannot_be_written_changes_nothing(store: Store) -> None:
    good, bad = store.start(), store.start()
    finishes = [
        Finish(good.id, good.lease_token, end_of("success")),
        # A task that is to run again and yet has no time to: the table's own check refuses it.
        Finish(bad.id, bad.lease_token, end_of("retry", delay_s=None)),
    ]
    with pytest.raises(Exception, match="tasks_finished_is_terminal"):
        store.leases.settle(finishes, [])
    assert [store.row(lease.id)["state"] for lease in (good, bad)] == ["STARTED", "STARTED"]
    assert store.attempts(bad.id) == []


def test_texts_of_all_sorts_are_kept_as_they_are(store: Store) -> None:
    text = "snow ☃, quotes ' \" \\, lines\n\t, $1 %s :name {} — 日本語 🎉"
    lease = store.start()
    store.finish(lease, end_of("failure", error_type="Error", error_message=text, error_traceback=text * 100))
    task = store.reading.task(lease.id)
    assert (task.error_message, task.error_traceback) == (text, text * 100)


def test_a_result_is_kept_as_it_was_written(store: Store) -> None:
    lease = store.start()
    store.finish(lease, end_of("success", result='{"b":1,"a":[1.0,"\\u0000",null]}'))
    assert store.row(lease.id)["result"] == '{"b":1,"a":[1.0,"\\u0000",null]}'
    assert result_of(store.reading.task(lease.id)) == {"b": 1, "a": [1.0, "\0", None]}


# A cancel sticks, whatever the attempt ends in.


@pytest.mark.parametrize("outcome", AGAIN)
def test_a_task_that_was_to_be_cancelled_does_not_run_again(store: Store, outcome: str) -> None:
    lease = store.start()
    store.request_cancel(lease.id)
    recorded = store.finish(lease, end_of(outcome))
    row = store.row(lease.id)
    assert recorded == Ended(State.CANCELLED, row["finished_at"])
    assert row["state"] == "CANCELLED"
    assert row["finished_at"]
    assert (row["relay_at"], row["dispatch_no"], row["run_at"]) == (None, 1, row["created_at"])
    assert [attempt["outcome"] for attempt in store.attempts(lease.id)] == [outcome]


@pytest.mark.parametrize("outcome", OVER)
def test_a_cancel_that_came_too_late_changes_no_end(store: Store, outcome: str) -> None:
    lease = store.start()
    store.request_cancel(lease.id)
    store.finish(lease, end_of(outcome))
    assert store.row(lease.id)["state"] == OUTCOMES[outcome]


# Between the claim and the end.


def test_a_heartbeat_keeps_leases_and_brings_cancels(store: Store) -> None:
    plain, cancelled, over, foreign = (store.start() for _ in range(4))
    store.request_cancel(cancelled.id)
    store.finish(over, end_of("success"))
    waiting = store.submit()
    held = {lease.id: lease.lease_token for lease in (plain, cancelled, over)}
    held |= {foreign.id: uuid4(), waiting.id: uuid4(), new_id(): uuid4()}
    for lease in (plain, foreign):
        store.change(lease.id, lease_until=store.now())

    before = store.now()
    ours, to_cancel = store.leases.extend(held)
    after = store.now()

    assert ours == {plain.id, cancelled.id}
    assert to_cancel == {cancelled.id}
    assert before <= store.row(plain.id)["lease_until"] - timedelta(seconds=LEASE_S) <= after
    assert store.row(foreign.id)["lease_until"] <= before


def test_a_heartbeat_of_an_idle_worker(store: Store) -> None:
    assert store.leases.extend({}) == (set(), set())


def test_progress_is_shown_and_brings_cancels(store: Store) -> None:
    lease = store.start()
    assert store.leases.progress(lease.id, lease.lease_token, 12.5, "reading", {"rows": 5, "of": None}) is False
    task = store.reading.task(lease.id)
    assert (task.progress_percent, task.progress_message) == (12.5, "reading")
    assert task.progress_fields == {"rows": 5, "of": None}
    store.request_cancel(lease.id)
    assert store.leases.progress(lease.id, lease.lease_token, 13.0, "", None) is True
    assert store.reading.task(lease.id).progress_fields is None


def test_a_cancel_can_be_asked_for(store: Store) -> None:
    lease = store.start()
    assert store.leases.cancel_requested(lease.id, lease.lease_token) is False
    store.request_cancel(lease.id)
    assert store.leases.cancel_requested(lease.id, lease.lease_token) is True


def test_who_lost_the_lease_is_told_so(store: Store) -> None:
    lease = store.start()
    for task_id, token in ((lease.id, uuid4()), (new_id(), lease.lease_token)):
        with pytest.raises(LookupError, match=str(task_id)):
            store.leases.progress(task_id, token, 1.0, "", None)
        with pytest.raises(LookupError, match=str(task_id)):
            store.leases.cancel_requested(task_id, token)
    assert store.row(lease.id)["progress_percent"] is None
    store.finish(lease, end_of("success"))
    with pytest.raises(LookupError):
        store.leases.progress(lease.id, lease.lease_token, 1.0, "", None)


def test_two_workers_have_their_own_leases(store: Store) -> None:
    other = Leases(store.database, worker="other@there", lease_s=5.0)
    submitted = store.submit()
    claim = Claim(submitted.id, 1, uuid4())
    assert other.settle([], [claim])[1]
    row = store.row(submitted.id)
    assert row["worker"] == "other@there"
    assert abs((row["lease_until"] - row["started_at"]).total_seconds() - 5.0) < 1
    assert store.submissions.record([new_task()])
