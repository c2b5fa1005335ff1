"""The states of a task and who may cause each step. The store keeps them with one conditional UPDATE per step."""

from enum import StrEnum


class State(StrEnum):
    """Where a task is in its life. The names are Celery's, so that every tool of that world reads them."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    RETRY = "RETRY"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


#: May be started by a worker once due.
WAITING = frozenset({State.PENDING, State.RETRY})
#: Not over yet.
LIVE = WAITING | {State.STARTED}
#: Over: such a row never changes its state again.
TERMINAL = frozenset(State) - LIVE

#: From a state, to a state: who may cause it. `docs/states.md` draws this table.
TRANSITIONS: dict[State, dict[State, str]] = {
    State.PENDING: {
        State.STARTED: "a worker's claim",
        State.CANCELLED: "a caller's cancel",
        State.EXPIRED: "the keeper, when `expires_at` has passed",
        State.FAILURE: "the keeper, for a message that no worker can take",
    },
    State.RETRY: {
        State.STARTED: "a worker's claim",
        State.CANCELLED: "a caller's cancel",
        State.EXPIRED: "the keeper, when `expires_at` has passed",
        State.FAILURE: "the keeper, for a message that no worker can take",
    },
    State.STARTED: {
        State.SUCCESS: "the worker, when the handler returned",
        State.RETRY: "the worker, when an attempt failed and more are allowed; the rescuer, when a lease ran out",
        State.FAILURE: "the worker, when the last attempt failed; the rescuer, for a task that kills its workers",
        State.CANCELLED: "the worker or the rescuer, when an attempt ended that was to be cancelled",
        State.PENDING: "the worker, for a snooze or a hand-back at shutdown, neither of which costs an attempt",
    },
    State.SUCCESS: {},
    State.FAILURE: {},
    State.CANCELLED: {},
    State.EXPIRED: {},
}
