"""What ends outside a worker is told to those who wait for it elsewhere."""

from collections.abc import Sequence

from task_system.keeper.expirer import Expirer
from task_system.keeper.rescuer import Rescuer
from task_system.keeper.standstill import Standstill
from task_system.model.events import Events
from task_system.model.outcome import POISON_AFTER
from task_system.model.states import State
from task_system.model.task import Extras, Settled
from tests.contract.kit import Store


def test_the_rescuer_tells_of_what_is_over_and_of_nothing_else(store: Store) -> None:
    told: list[Settled] = []

    def tell(settled: Sequence[Settled]) -> None:
        told.extend(settled)

    again, poison, cancelled = store.start(), store.start(), store.start()
    store.change(poison.id, lost_leases=POISON_AFTER - 1)
    store.request_cancel(cancelled.id)
    for lease in (again, poison, cancelled):
        store.expire_lease(lease.id)
    Rescuer(store.upkeep, Standstill(matters_s=60, patience_s=60), tell, Events()).run_once()
    assert {one.task_id: (one.state, one.error_type) for one in told} == {
        poison.id: (State.FAILURE, "PoisonTask"),
        cancelled.id: (State.CANCELLED, "WorkerLost"),
    }
    assert all(one.finished_at == store.row(one.task_id)["finished_at"] for one in told)


def test_the_expirer_tells(store: Store) -> None:
    told: list[Settled] = []
    late = store.submit(extras=Extras(expires_in_s=0.0))
    expirer = Expirer(store.expiry, told.extend, Events())
    assert not expirer.run_once()
    assert not expirer.run_once()
    assert [(one.task_id, one.state) for one in told] == [(late.id, State.EXPIRED)]
