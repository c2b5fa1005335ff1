"""The sweeper: what is nobody's goes, and nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from task_system.dispatch.filing import Filing
from task_system.files import Blobs
from task_system.keeper import sweeper
from task_system.keeper.leader import Leadership
from task_system.keeper.sweeper import Sweeper
from task_system.model.events import Events
from task_system.model.ids import new_id
from tests.contract.kit import Store, end_of

Sweep = Callable[[], None]


@pytest.fixture
def filing(sqlite: Store, blobs: Blobs) -> Filing:
    return Filing(blobs, sqlite.files, max_bytes=1000, keep_s=60.0)


@pytest.fixture
def sweep(sqlite: Store, filing: Filing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """As if everything had been there for long."""
    monkeypatch.setattr(sweeper, "ORPHAN_AFTER_S", -60.0)
    monkeypatch.setattr(sweeper, "LEFT_AFTER_S", -60.0)
    monkeypatch.setattr(sweeper, "BATCH", 2)
    (tmp_path / "notes").mkdir()

    def swept() -> None:
        role = Sweeper(
            filing=filing,
            reading=sqlite.reading,
            notes=tmp_path / "notes",
            leadership=Leadership(sqlite.upkeep, "sweeper", "me"),
            events=Events(),
        )
        while role.run_once():
            pass

    return swept


def there(filing: Filing) -> set[UUID]:
    return set(filing.blobs.older_than(-60))


def made(filing: Filing, tmp_path: Path, by: tuple[UUID, int]) -> UUID:
    path = filing.blobs.prepare() / uuid4().hex
    path.write_bytes(b"x")
    return filing.keep(new_id(), path, "a", by).id


def test_uploads_and_the_files_of_successes_stay(filing: Filing, sqlite: Store, sweep: Sweep, tmp_path: Path) -> None:
    lease = sqlite.start()
    ids = {filing.take("a", [b"x"]).id, made(filing, tmp_path, (lease.id, lease.attempt))}
    ids |= {filing.keep_result(b"1", (lease.id, lease.attempt)).id}
    sweep()
    assert there(filing) == ids
    sqlite.finish(lease, end_of("success"))
    sweep()
    assert there(filing) == ids


def test_what_is_nobody_s_goes(filing: Filing, sqlite: Store, sweep: Sweep, tmp_path: Path) -> None:
    kept = filing.take("a", [b"x"]).id
    for _ in range(5):
        filing.blobs.put(new_id(), [b"no row"])
    lease = sqlite.start()
    made(filing, tmp_path, (lease.id, lease.attempt))
    sqlite.finish(lease, end_of("failure"))
    made(filing, tmp_path, (uuid4(), 1))
    (filing.blobs.prepare() / "half").write_bytes(b"x")
    sweep()
    assert there(filing) == {kept}
    assert not (filing.blobs.scratch / "half").exists()


def test_what_is_past_its_time_goes(filing: Filing, sqlite: Store, sweep: Sweep) -> None:
    over = Filing(filing.blobs, sqlite.files, max_bytes=1000, keep_s=-1.0)
    for _ in range(5):
        over.take("a", [b"x"])
    sweep()
    assert there(filing) == set()


def test_notes_of_tasks_that_are_gone_go(sqlite: Store, sweep: Sweep, tmp_path: Path) -> None:
    task_id = sqlite.submit().id
    names = [f"{task_id}.ndjson", *(f"{uuid4()}.ndjson" for _ in range(5)), "mine.ndjson", f"{uuid4()}.eml"]
    for name in names:
        (tmp_path / "notes" / name).touch()
    sweep()
    assert {path.name for path in (tmp_path / "notes").iterdir()} == {names[0], *names[-2:]}


def test_only_who_leads_sweeps(filing: Filing, sqlite: Store, tmp_path: Path) -> None:
    filing.blobs.put(new_id(), [b"no row"])
    sqlite.upkeep.lead("sweeper", "another", 60.0)
    role: Any = Sweeper(
        filing=filing,
        reading=sqlite.reading,
        notes=tmp_path,
        leadership=Leadership(sqlite.upkeep, "sweeper", "me"),
        events=Events(),
    )
    assert role.run_once() is False
    assert len(there(filing)) == 1
