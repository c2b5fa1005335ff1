"""What is claimed is run, and its end is recorded, whatever becomes of the message."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from kombu import Message

from task_system.model.events import Events
from task_system.model.ids import new_id
from task_system.model.outcome import AttemptEnd, Claim, Finish
from task_system.registry import Registry
from task_system.store.leases import Claimed, Ended
from task_system.worker.foreman import HAND_BACK_AFTER_S, Foreman
from task_system.worker.run import Run

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUEUE = "default.low"


class LostChannel:
    """Of a connection that is gone: the first write meets a reset, the next ones a broken pipe."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.no_ack_consumers: set[str] = set()

    def basic_ack(self, _tag: int, multiple: bool = False) -> None:  # noqa: ARG002 - as kombu calls it
        raise self._error


def new_run(tag: int = 0) -> Run:
    message = Message(channel=LostChannel(OSError()), delivery_tag=tag, body=b"")
    return Run(message, new_id(), 1, "it", QUEUE)


class Parts:
    """A pool, a recorder and a listener that keep what they are handed."""

    def __init__(self) -> None:
        self.claims: list[Claim] = []
        self.finishes: list[Finish] = []
        self.performed: list[Callable[..., None]] = []

    def claim(self, claim: Claim) -> None:
        self.claims.append(claim)

    def finish(self, finish: Finish) -> None:
        self.finishes.append(finish)

    def apply_async(self, _function: Any, *, callback: Callable[..., None], **_more: Any) -> object:
        self.performed.append(callback)
        return self

    def received(self, _run: Run) -> None:
        pass

    started = received

    def ended(self, run: Run, end: AttemptEnd, recorded: Ended, seconds: float) -> None:
        pass


SLOTS = 4


def foreman_of(parts: Parts) -> Foreman:
    return Foreman(
        pool=parts,
        slots=SLOTS,
        registry=Registry(),
        recorder=parts,
        listener=parts,
        events=Events(),
        soon=lambda function, *arguments: function(*arguments),
        tell=lambda _pid: None,
        keeps=lambda _queue, _task_type: False,
        give_back=lambda _run: None,
    )


def claimed(claim: Claim) -> Claimed:
    return Claimed(
        id=claim.task_id,
        task_type="it",
        queue=QUEUE,
        priority="low",
        parameters="{}",
        attempt=1,
        uncharged_attempts=0,
        max_attempts=3,
        timeout_s=60.0,
        lost_leases=0,
        lease_token=claim.lease_token,
        created_at=NOW,
        run_at=NOW,
        started_at=NOW,
        plain=True,
    )


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), ConnectionResetError(104, "reset")])
def test_what_was_claimed_when_the_connection_went_is_run(error: Exception) -> None:
    parts = Parts()
    foreman = foreman_of(parts)
    for tag in range(3):
        message = Message(channel=LostChannel(error), delivery_tag=tag, body=b"")
        foreman.reserve(Run(message, new_id(), 1, "it", QUEUE))
    tokens: dict[UUID, Claimed] = {claim.lease_token: claimed(claim) for claim in parts.claims}
    stale = parts.claims[0].lease_token
    del tokens[stale]
    foreman.settled([], {}, parts.claims, tokens)
    assert set(foreman.leases().values()) == set(tokens)
    assert foreman.perhaps_leases() == {}
    assert len(parts.performed) == len(tokens) == 2
    for callback in parts.performed:
        callback((AttemptEnd(outcome="success", result="{}"), 0.001))
    assert {finish.lease_token for finish in parts.finishes} == set(tokens)
    foreman.settled(parts.finishes, {}, [], {})
    assert foreman.perhaps_leases() == {}
    assert foreman.idle.is_set()


def claim_ahead(foreman: Foreman, parts: Parts, behind: int) -> list[Claim]:
    """Let a quick type hold every slot, with `behind` more claimed behind them; answers those."""
    for _ in range(SLOTS + behind):
        foreman.reserve(new_run())
    for_slots = settle(foreman, parts)
    assert len(for_slots) == SLOTS, "nothing is claimed ahead of a type that is not known"
    for callback in parts.performed:
        callback((AttemptEnd(outcome="success", result="{}"), 0.001))
    parts.performed.clear()
    for _ in range(SLOTS):
        foreman.reserve(new_run())
    claims = settle(foreman, parts)
    assert len(claims) == SLOTS + behind
    return claims[SLOTS:]


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let that much time have passed."""
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + seconds)


def settle(foreman: Foreman, parts: Parts) -> list[Claim]:
    """Grant what was claimed since the last time, and record what has ended."""
    claims, finishes = parts.claims[:], parts.finishes[:]
    parts.claims.clear()
    parts.finishes.clear()
    granted = {claim.lease_token: claimed(claim) for claim in claims}
    foreman.settled(finishes, {}, claims, granted)
    return claims


def test_the_pool_has_no_more_than_it_has_slots() -> None:
    parts = Parts()
    foreman = foreman_of(parts)
    behind = claim_ahead(foreman, parts, 3)
    assert len(foreman.leases()) == SLOTS + len(behind)
    assert len(parts.performed) == SLOTS
    parts.performed[0]((AttemptEnd(outcome="success", result="{}"), 0.001))
    assert len(parts.performed) == SLOTS + 1


def test_what_waits_too_long_behind_others_is_handed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts()
    foreman = foreman_of(parts)
    behind = claim_ahead(foreman, parts, 3)
    foreman.hand_back_late()
    assert parts.finishes == [], "they wait for less than a second"
    later(monkeypatch, 2 * HAND_BACK_AFTER_S)
    foreman.hand_back_late()
    assert {finish.lease_token for finish in parts.finishes} == {claim.lease_token for claim in behind}
    assert {(finish.end.outcome, finish.end.delay_s) for finish in parts.finishes} == {("handed_back", 0.0)}
    assert len(foreman.leases()) == SLOTS
    settle(foreman, parts)
    parts.performed[0]((AttemptEnd(outcome="success", result="{}"), 0.001))
    assert len(parts.performed) == SLOTS, "what was handed back is not begun"


def test_nothing_is_claimed_behind_what_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts()
    foreman = foreman_of(parts)
    claim_ahead(foreman, parts, 1)
    later(monkeypatch, 2 * HAND_BACK_AFTER_S)
    foreman.hand_back_late()
    settle(foreman, parts)
    again = new_run()
    foreman.reserve(again)
    assert parts.claims == []
    assert foreman.reserved() == {again.task_id: 1}


def test_what_is_cancelled_before_it_has_a_slot_is_not_begun() -> None:
    parts = Parts()
    foreman = foreman_of(parts)
    (behind,) = claim_ahead(foreman, parts, 1)
    foreman.cancel(behind.task_id)
    assert [(finish.lease_token, finish.end.outcome) for finish in parts.finishes] == [
        (behind.lease_token, "cancelled")
    ]
    parts.performed[0]((AttemptEnd(outcome="success", result="{}"), 0.001))
    assert len(parts.performed) == SLOTS


def test_what_lost_its_lease_before_it_has_a_slot_is_not_begun() -> None:
    parts = Parts()
    foreman = foreman_of(parts)
    (behind,) = claim_ahead(foreman, parts, 1)
    foreman.abandon(behind.task_id, behind.lease_token)
    parts.performed[0]((AttemptEnd(outcome="success", result="{}"), 0.001))
    assert len(parts.performed) == SLOTS
    assert behind.task_id not in foreman.leases()


def test_what_is_claimed_after_all_was_handed_back_is_handed_back_too() -> None:
    parts = Parts()
    foreman = foreman_of(parts)
    foreman.reserve(new_run())
    foreman.stop_fetching()
    foreman.hand_back()
    assert not foreman.idle.is_set()
    settle(foreman, parts)
    assert parts.performed == []
    assert [finish.end.outcome for finish in parts.finishes] == ["handed_back"]
    settle(foreman, parts)
    assert foreman.idle.is_set()
