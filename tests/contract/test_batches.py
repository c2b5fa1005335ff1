"""A batch is over when all of its tasks are, and what follows it is submitted once."""

from typing import Any
from uuid import UUID

import pytest

from task_system.model.errors import InvalidSubmission
from task_system.model.ids import new_id
from task_system.model.states import State
from task_system.model.task import Extras, NewTask
from task_system.store import batches as module
from task_system.store.batches import Batch, BatchStore
from task_system.store.files import Missing
from tests.contract.kit import Store, at_once, end_of, new_task
from tests.contract.test_bulk import Killed, killed_at

CALLBACK = {"task_type": "after"}


def follows(batch: Batch, counts: dict[str, int], _missing: Missing) -> NewTask:
    assert batch.callback == CALLBACK
    return new_task(task_type="after", extras=Extras(metadata={"batch": {"id": str(batch.id), "counts": counts}}))


def submitted(store: Store, number: int, callback: Any = CALLBACK, **more: Any) -> tuple[BatchStore, UUID, list[UUID]]:
    batches, batch_id = BatchStore(store.database), new_id()
    rows = [new_task(extras=Extras(batch_id=batch_id)) for _ in range(number)]
    batches.record(rows, batch_id=batch_id, callback=callback, each=True, grace_s=0.0, **more)
    return batches, batch_id, [row.id for row in rows]


def after(store: Store) -> list[Any]:
    return [row for row in store.rows()[0].values() if row["task_type"] == "after"]


def test_what_follows_is_submitted_when_the_last_is_over(store: Store) -> None:
    batches, batch_id, ids = submitted(store, 3)
    store.acting.cancel(ids[0], None)
    lease = store.claim(ids[1])
    assert lease
    store.finish(lease, end_of("success"))
    assert batches.close(follows, 10) == []
    batch = batches.get(batch_id)
    assert batch
    assert (batch.total, batch.live, batch.finished_at) == (3, 1, None)
    store.acting.cancel(ids[2], None)
    [closed] = batches.close(follows, 10)
    assert closed.counts == {"CANCELLED": 2, "SUCCESS": 1}
    [row] = after(store)
    assert row["metadata"]["batch"] == {"id": str(batch_id), "counts": closed.counts}
    assert [d.task_id for d in store.upkeep.take_due(10)] == [row["id"]]
    assert batches.close(follows, 10) == []
    batch = batches.get(batch_id)
    assert batch
    assert (batch.callback_task_id, batch.live, batch.counts) == (row["id"], 0, closed.counts)
    assert batch.finished_at
    assert batches.newest(10) == [batch]


def test_without_a_callback_it_is_just_over(store: Store) -> None:
    batches, _, [only] = submitted(store, 1, callback=None)
    store.acting.cancel(only, None)
    assert [one.counts for one in batches.close(follows, 10)] == [{"CANCELLED": 1}]
    assert after(store) == []
    assert (batches.forget(3600), batches.forget(-1), batches.newest(5)) == (0, 1, [])


def test_what_cannot_follow_says_why(store: Store) -> None:
    batches, batch_id, [only] = submitted(store, 1)
    store.acting.cancel(only, None)

    def refused(_batch: Batch, _counts: dict[str, int], _missing: Missing) -> NewTask:
        raise InvalidSubmission(errors=[{"path": "parameters.text", "message": "is missing"}])

    batches.close(refused, 10)
    batch = batches.get(batch_id)
    assert batch
    assert (batch.callback_error, batch.callback_task_id) == ("parameters.text: is missing", None)
    assert batch.finished_at


def test_what_breaks_keeps_no_other_batch_open(store: Store) -> None:
    batches, broken_id, [broken] = submitted(store, 1)
    _, _, [sound] = submitted(store, 1)
    for task_id in (broken, sound):
        store.acting.cancel(task_id, None)

    def breaks(batch: Batch, counts: dict[str, int], missing: Missing) -> NewTask:
        if batch.id == broken_id:
            raise AttributeError("no such thing")
        return follows(batch, counts, missing)

    assert len(batches.close(breaks, 10)) == 2
    assert len(after(store)) == 1
    batch = batches.get(broken_id)
    assert batch
    assert batch.callback_error == "AttributeError: no such thing"


def test_one_that_is_not_whole_is_waited_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    batches, batch_id, [only] = submitted(store, 1, last=False)
    store.acting.cancel(only, None)
    assert batches.close(follows, 10) == []
    more = new_task(extras=Extras(batch_id=batch_id))
    batches.record([more], batch_id=batch_id, callback=CALLBACK, each=True, grace_s=0.0, last=False)
    store.acting.cancel(more.id, None)
    assert batches.close(follows, 10) == []
    # Whoever recorded it died: it is taken to be whole after a while.
    monkeypatch.setattr(module, "OPEN_S", -1.0)
    batches.record([], batch_id=batch_id, callback=CALLBACK, each=True, grace_s=0.0, last=False)
    assert [one.total for one in batches.close(follows, 10)] == [2]


def test_a_batch_of_which_nothing_was_accepted_is_none(store: Store) -> None:
    batches, batch_id, _ = submitted(store, 0)
    assert (batches.get(batch_id), batches.newest(5)) == (None, [])


def test_killed_at_any_statement_it_follows_once(store: Store) -> None:
    batches, _, [only] = submitted(store, 1)
    store.acting.cancel(only, None)
    number, survived = 1, False
    while not survived:
        try:
            with killed_at(store, number):
                batches.close(follows, 10)
            survived = True
        except Killed:
            assert after(store) == []
            number += 1
    assert number > 4
    assert len(after(store)) == 1


def test_many_keepers_close_each_batch_once(store: Store) -> None:
    for _ in range(20):
        _, _, ids = submitted(store, 2)
        for id_ in ids:
            store.acting.cancel(id_, None)
    closed = at_once(4, lambda _: [len(BatchStore(store.database).close(follows, 3)) for _ in range(20)])
    assert sum(map(sum, closed)) == 20
    assert len(after(store)) == 20
    assert {row["state"] for row in after(store)} == {State.PENDING}
