"""A connection for publishing, as the publisher sees it: messages go in, confirmed dispatches come out."""

from collections.abc import Sequence
from typing import Protocol

from task_system.model.task import Dispatch


class Link(Protocol):
    """One connection. It is thrown away after any error: whether unconfirmed messages arrived is then unknown."""

    #: Messages that may be unconfirmed at the same time.
    window: int

    @property
    def unconfirmed(self) -> int:
        """How many messages the broker has not answered yet."""

    def send(self, dispatches: Sequence[Dispatch]) -> None:
        """Write messages; at most `window - unconfirmed` of them. Raises BrokerUnavailable."""

    def wait(self, timeout_s: float) -> None:
        """Sleep until the broker says something, `wake` is called, or the time is over. Raises BrokerUnavailable."""

    def wake(self) -> None:
        """End a `wait` early. The only method that other threads may call."""

    def taken(self) -> tuple[list[Dispatch], list[Dispatch]]:
        """What the broker confirmed, and what it refused, since the last call."""

    def close(self) -> None:
        """Let go of the connection, without waiting for anybody."""
