"""The rescuer on a machine that stood still: what runs there is not lost."""

from collections.abc import Sequence

from task_system.keeper.rescuer import Rescuer
from task_system.keeper.standstill import Standstill
from task_system.model.events import Events
from task_system.model.task import Settled
from tests.contract.kit import Store

MATTERS_S, PATIENCE_S = 10.0, 20.0


class Clock:
    """Goes when it is told to."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def nobody(_settled: Sequence[Settled]) -> None:
    """Waits."""


def test_a_machine_that_stood_still_loses_nothing_that_lives_on_it(store: Store) -> None:
    clock = Clock()
    standstill = Standstill(matters_s=MATTERS_S, patience_s=PATIENCE_S, clock=clock)
    rescuer = Rescuer(store.upkeep, standstill, nobody, Events())
    alive, dead = store.start(), store.start()
    for lease in (alive, dead):
        store.expire_lease(lease.id)

    clock.now += MATTERS_S + 2
    rescuer.run_once()
    assert {store.row(lease.id)["state"] for lease in (alive, dead)} == {"STARTED"}

    store.leases.extend({alive.id: alive.lease_token})
    clock.now += PATIENCE_S / 2
    rescuer.run_once()
    assert store.row(dead.id)["state"] == "STARTED"
    standstill.run_once()
    clock.now += PATIENCE_S / 2
    standstill.run_once()
    rescuer.run_once()
    assert (store.row(alive.id)["state"], store.row(dead.id)["state"]) == ("STARTED", "RETRY")


def test_a_moment_s_rest_and_a_clock_that_is_set_back_keep_nobody_waiting(store: Store) -> None:
    clock = Clock()
    standstill = Standstill(matters_s=MATTERS_S, patience_s=PATIENCE_S, clock=clock)
    for _ in range(10):
        clock.now += MATTERS_S
        assert not standstill.just_now()
    clock.now += 3600
    assert standstill.just_now()
    clock.now -= 3600
    assert not standstill.just_now()
