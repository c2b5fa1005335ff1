"""What is claimed is run, and its end is recorded, whatever becomes of the message."""

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
from task_system.worker.foreman import Foreman
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


def foreman_of(parts: Parts) -> Foreman:
    return Foreman(
        pool=parts,
        slots=4,
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
