"""Rows of files, on both databases: what an attempt makes counts once that attempt has succeeded."""

from uuid import UUID, uuid4

import pytest

from task_system.model.errors import FileNotFound
from task_system.model.file import Kind, NewFile
from task_system.model.ids import new_id
from tests.contract.kit import Store, end_of


def added(
    store: Store, *, by: tuple[UUID, int] | None = None, kind: Kind = Kind.FILE, keep_s: float | None = 60
) -> UUID:
    task_id, attempt = by or (None, None)
    new = NewFile(
        id=new_id(),
        name="a.csv",
        size=5_000_000_000,
        sha256="0" * 64,
        content_type="text/csv",
        kind=kind,
        keep_s=keep_s,
        task_id=task_id,
        attempt=attempt,
    )
    return store.files.add(new).id


def listed(store: Store) -> list[UUID]:
    return [file.id for file in store.files.page(100, None)]


def test_an_upload_is_there_at_once(store: Store) -> None:
    id_ = added(store)
    file = store.files.get(id_)
    assert (file.name, file.size, file.task_id) == ("a.csv", 5_000_000_000, None)
    assert file.expires_at is not None
    assert 59 < (file.expires_at - file.created_at).total_seconds() < 61
    assert listed(store) == [id_]


def test_pages_are_newest_first(store: Store) -> None:
    ids = [added(store) for _ in range(5)]
    first = [file.id for file in store.files.page(2, None)]
    second = [file.id for file in store.files.page(10, first[-1])]
    assert first + second == ids[::-1]


def test_what_an_attempt_made_counts_when_it_has_succeeded(store: Store) -> None:
    lease = store.start()
    id_ = added(store, by=(lease.id, lease.attempt))
    with pytest.raises(FileNotFound):
        store.files.get(id_)
    assert listed(store) == []
    assert store.files.get(id_, seen_by=(lease.id, lease.attempt)).id == id_
    with pytest.raises(FileNotFound):
        store.files.get(id_, seen_by=(uuid4(), lease.attempt))
    store.finish(lease, end_of("success"))
    assert store.files.get(id_).task_id == lease.id
    assert listed(store) == [id_]
    assert [file.id for file in store.reading.task(lease.id).files] == [id_]


@pytest.mark.parametrize("outcome", ["retry", "snoozed", "handed_back", "lost", "failure", "cancelled"])
def test_what_another_attempt_made_never_counts(store: Store, outcome: str) -> None:
    lease = store.start()
    id_ = added(store, by=(lease.id, lease.attempt))
    store.finish(lease, end_of(outcome))
    with pytest.raises(FileNotFound):
        store.files.get(id_)
    assert store.files.discarded(10, None) == ([id_], None)
    assert store.files.discarded(10, None) == ([], None)


def test_of_several_attempts_the_one_that_succeeded_counts(store: Store) -> None:
    first = store.start()
    old = added(store, by=(first.id, first.attempt))
    store.finish(first, end_of("retry", delay_s=0.0))
    second = store.claim(first.id, dispatch_no=2)
    assert second
    new = added(store, by=(second.id, second.attempt))
    store.finish(second, end_of("success"))
    assert [file.id for file in store.reading.task(first.id).files] == [new]
    assert store.files.discarded(10, None)[0] == [old]
    assert listed(store) == [new]


def test_what_a_running_attempt_made_is_not_discarded(store: Store) -> None:
    lease = store.start()
    id_ = added(store, by=(lease.id, lease.attempt))
    assert store.files.discarded(10, None) == ([], None)
    assert store.files.discard(lease.id, lease.attempt) == [id_]


def test_files_go_with_their_task(store: Store) -> None:
    id_ = added(store, by=(uuid4(), 1), keep_s=None)
    assert store.files.discarded(10, None) == ([id_], None)


def test_looking_for_discarded_files_goes_on_where_it_stopped(store: Store) -> None:
    ids = {added(store, by=(uuid4(), 1)) for _ in range(5)}
    found, after = store.files.discarded(2, None)
    while after:
        more, after = store.files.discarded(2, after)
        found += more
    assert (set(found), len(found)) == (ids, 5)


def test_a_large_result_is_no_file(store: Store) -> None:
    lease = store.start()
    id_ = added(store, by=(lease.id, lease.attempt), kind=Kind.RESULT, keep_s=None)
    with pytest.raises(FileNotFound):
        store.files.result_of(lease.id)
    store.finish(lease, end_of("success", result=None))
    assert store.files.result_of(lease.id).id == id_
    assert listed(store) == []
    with pytest.raises(FileNotFound):
        store.files.get(id_)
    task = store.reading.task(lease.id)
    assert (task.result, task.result_size, task.files) == (None, 5_000_000_000, [])


def test_what_is_past_its_time_is_gone(store: Store) -> None:
    kept, over = added(store), added(store, keep_s=-1)
    with pytest.raises(FileNotFound):
        store.files.get(over)
    assert listed(store) == [kept]
    assert store.files.expire(10) == [over]
    assert store.files.expire(10) == []


def test_removed_is_gone(store: Store) -> None:
    id_ = added(store)
    store.files.remove(id_)
    with pytest.raises(FileNotFound):
        store.files.remove(id_)
    assert store.files.unknown([id_, uuid4()])[0] == id_


def test_blobs_without_a_row_are_known_by_it(store: Store) -> None:
    ids = [added(store), uuid4()]
    assert store.files.unknown(ids) == ids[1:]


def test_files_that_are_missing_are_told_from_those_that_count(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("task_system.store.files.LOOKED_UP_AT_ONCE", 2)
    lease = store.start()
    there = [added(store), added(store, keep_s=None)]
    gone = [
        uuid4(),
        added(store, keep_s=-1),
        added(store, kind=Kind.RESULT),
        added(store, by=(lease.id, lease.attempt)),
    ]
    assert store.files.missing({*there, *gone}) == set(gone)
    store.finish(lease, end_of("success"))
    assert store.files.missing({*there, gone[-1]}) == set()
