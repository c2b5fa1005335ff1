"""Searching and paging, on both databases; and that PostgreSQL reads no table from end to end for it."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, insert, text

from task_system.model.ids import new_id
from task_system.model.search import parse
from task_system.model.states import State
from task_system.store import Database, finding, walks
from task_system.store.finding import Finding, Page
from task_system.store.tables import tasks
from tests.contract.kit import Store, id_at, result_of

NOW = datetime.now(UTC).replace(microsecond=0)
# The same in every process, because tests are named after them.
BATCH, OTHER_BATCH, SCHEDULE = (UUID(f"01a2019e-6378-7b3f-9194-81b57d362d6{end}") for end in "def")


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def put_all(store: Store) -> dict[str, UUID]:
    """Some tasks of every kind, by name, oldest first; as of now, which the database has, too."""
    now = datetime.now(UTC).replace(microsecond=0)

    def ago(**span: float) -> datetime:
        return now - timedelta(**span)

    return {
        "old": store.put(
            State.SUCCESS,
            created_at=ago(days=20),
            started_at=ago(days=20),
            task_type="csv_import",
            result='{"rows": 7}',
        ),
        "batched": store.put(State.SUCCESS, created_at=ago(days=9), batch_id=BATCH, tags=["nightly", "a b"], attempt=4),
        "failed": store.put(
            State.FAILURE,
            created_at=ago(hours=5),
            started_at=ago(hours=5),
            finished_at=ago(hours=4),
            task_type="csv_export",
            worker="one@here",
            error_type="TimeoutError",
            error_message="Timeout of 30% after_all",
            tags=["nightly", "test"],
            parameters={"user": {"id": 42, "name": "Ann"}, "deep": [{"x": True}], "none": None},
        ),
        "again": store.put(
            State.RETRY,
            created_at=ago(hours=4),
            error_type="OSError",
            error_message=None,
            priority="high",
            queue="email_sending.high",
            parameters={"user": {"id": "42"}, "size": 1.5},
        ),
        "cancelled": store.put(
            State.CANCELLED, created_at=ago(hours=3), schedule_id=SCHEDULE, metadata={"team": "red"}
        ),
        "expired": store.put(State.EXPIRED, created_at=ago(minutes=110), batch_id=OTHER_BATCH),
        "running": store.put(State.STARTED, created_at=ago(minutes=50), started_at=ago(minutes=40), worker="two@here"),
        "later": store.put(State.PENDING, created_at=ago(minutes=30), run_at=now + timedelta(days=1)),
        "waiting": store.put(State.PENDING, created_at=ago(minutes=5), published_at=now, tags=["nightlies"]),
    }


def search(store: Store, q: str, **options: Any) -> Page:
    return Finding(store.database).page(parse(q, datetime.now(UTC)), **{"limit": 50, **options})


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("", "waiting later running expired cancelled again failed batched old"),
        ("state:failure", "failed"),
        ("state:failure,failure,retry,started", "running again failed"),
        ("state:success,failure", "failed batched old"),
        ("state:pending", "waiting later"),
        ("state:scheduled", "later"),
        ("state:scheduled,cancelled", "later cancelled"),
        ("-state:success,pending", "running expired cancelled again failed"),
        ("type:csv_import", "old"),
        ("type:csv_import,csv_export,csv_import", "failed old"),
        ("type:csv*", "failed old"),
        ("type:CSV*", ""),
        ("queue:email_sending.high", "again"),
        ("lane:email_sending", "again"),
        ("lane:email*", "again"),
        ("priority:high", "again"),
        ("worker:one@here", "failed"),
        ("worker:two*", "running"),
        ("tag:nightly", "failed batched"),
        ("tag:nightly -tag:test", "batched"),
        ("-tag:nightly state:pending", "waiting later"),
        ("tag:night*", "waiting failed batched"),
        ('tag:test,"a b"', "failed batched"),
        ("tag:nightly,test", "failed batched"),
        ("error:timeout", "failed"),
        ("error:TIMEOUT,os", "again failed"),
        ('error:"30% after_all"', "failed"),
        ('error:"30_ after"', ""),
        ("-error:timeout created:<1d", "waiting later running expired cancelled again"),
        ("timeout", "failed"),
        ("export", "failed"),
        ("created:>1w", "batched old"),
        ("created:<1h", "waiting later running"),
        ("created:>2h created:<6h", "cancelled again failed"),
        ("finished:>4d", "batched old"),
        ("finished:<270m", "expired cancelled failed"),
        ("started:<1h", "running"),
        ("run_at:>2d", "batched old"),
        ("duration:>30m", "running failed"),
        ("duration:>50m", "failed"),
        ("waited:<1s", "later failed old"),
        ("waited:>=9m", "running again"),
        ("attempt:>3", "batched"),
        ("parameters.user.id:42", "again failed"),
        ("parameters.user.id:42,43", "again failed"),
        ("parameters.user.id:>41", "failed"),
        ("parameters.user.name:An*", "failed"),
        ("parameters.deep.0.x:true", "failed"),
        ("parameters.none:null", "failed"),
        ("parameters.size:<=1.5", "again"),
        ("result.rows:7", "old"),
        ("metadata.team:red", "cancelled"),
        ("parameters.text:hello", ""),
        (f"batch:{BATCH}", "batched"),
        (f"batch:{BATCH},{OTHER_BATCH},{BATCH}", "expired batched"),
        (f"schedule:{SCHEDULE}", "cancelled"),
        (f"schedule:{BATCH}", ""),
        ("state:failure OR type:csv* OR state:expired", "expired failed old"),
        ("(state:failure OR state:retry) -(priority:high OR tag:x)", "failed"),
    ],
)
def test_a_search_finds_what_it_says(store: Store, q: str, names: str) -> None:
    ids = put_all(store)
    by_id = {id_: name for name, id_ in ids.items()}
    page = search(store, q)
    found = [by_id[task.id] for task in page.tasks]
    assert found == names.split()
    assert (page.before, page.searched_to) == (None, None)


def test_an_id_is_found_by_name_and_as_a_word(store: Store) -> None:
    ids = put_all(store)
    for q in (f"id:{ids['failed']}", str(ids["failed"]), f"id:{ids['failed']} state:failure"):
        assert [task.id for task in search(store, q).tasks] == [ids["failed"]], q


def test_lists_leave_out_what_may_be_large(store: Store) -> None:
    put_all(store)
    (task,) = search(store, "type:csv_import").tasks
    assert (task.parameters, task.result) == (None, None)
    (task,) = search(store, "type:csv_import", include=["parameters", "result"]).tasks
    assert (task.parameters, result_of(task)) == ({}, {"rows": 7})
    (task,) = search(store, "result.rows:7").tasks
    assert task.result is None


@pytest.mark.parametrize(
    "q", ["", "state:success,pending", "state:pending,failure", "type:a*", "tag:even", "-tag:even"]
)
@pytest.mark.parametrize("window", [3, 5000])
def test_pages_show_every_task_once_newest_first(
    store: Store, q: str, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "WINDOW", window)
    monkeypatch.setattr(finding, "COSTLY_WINDOW", window)
    states = [State.SUCCESS, State.PENDING, State.FAILURE]
    for number in range(40):
        store.put(
            states[number % 3],
            created_at=ago(minutes=number),
            **{"published_at" if number % 2 else "relay_at": NOW},
            task_type="abc"[number % 3],
            tags=["even"] if number % 2 == 0 else None,
        )
    expected = [task.id for task in search(store, q, limit=200).tasks] if window > 40 else None
    found: list[UUID] = []
    before = None
    for _ in range(60):
        page = search(store, q, limit=4, before=before)
        found += [task.id for task in page.tasks]
        assert page.searched_to is None or len(page.tasks) < 4
        before = page.before
        if before is None:
            break
    assert before is None
    assert found == sorted(set(found), reverse=True)
    assert expected is None or found == expected
    count = {"": 40, "state:success,pending": 27, "state:pending,failure": 26, "type:a*": 14}.get(q, 20)
    assert len(found) == count


def test_a_window_that_finds_nothing_says_how_far_it_looked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "WINDOW", 5)
    for minutes in range(1, 11):
        store.put(State.SUCCESS, created_at=ago(minutes=minutes))
    page = search(store, "worker:nobody")
    assert page.tasks == []
    assert page.searched_to == ago(minutes=5)
    page = search(store, "worker:nobody", before=page.before)
    page = search(store, "worker:nobody", before=page.before)
    assert page == Page([])


@pytest.mark.parametrize("q", ["state:pending", "-state:success,started", "type:echo state:pending,retry"])
def test_what_waits_is_found_wherever_it_waits(store: Store, q: str) -> None:
    where = [{}, {"relay_at": NOW}, {"published_at": NOW}]
    waiting = [
        store.put(State.PENDING, created_at=ago(minutes=10 * number + late), run_at=run_at, **fields)
        for number, fields in enumerate(where)
        for late, run_at in enumerate((ago(hours=1), NOW + timedelta(days=1)))
    ]
    store.put(State.SUCCESS)
    store.put(State.STARTED)
    page = search(store, q)
    assert [task.id for task in page.tasks] == sorted(waiting, reverse=True)
    assert page.before is None


@pytest.mark.parametrize("q", ["state:pending", "type:a", "type:b", "type:a state:pending"])
def test_a_crowd_that_waits_is_looked_through_in_pages(store: Store, q: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "MOST_UNCONFIRMED", 4)
    monkeypatch.setattr(walks, "MOST_LOOKED_THROUGH", 5)
    monkeypatch.setattr(finding, "WINDOW", 7)
    for number in range(60):
        field = ("relay_at", "published_at")[number // 10 % 2]
        store.put(
            State.PENDING if number % 3 else State.SUCCESS,
            created_at=ago(minutes=number),
            task_type="aab"[number % 3],
            queue=("default.high", "email_sending.low")[number % 2],
            **{field: NOW} if number % 3 else {},
        )
    found: list[UUID] = []
    before = None
    for _ in range(60):
        page = search(store, q, limit=4, before=before)
        found += [task.id for task in page.tasks]
        before = page.before
        if before is None:
            break
    assert before is None
    assert found == sorted(set(found), reverse=True)
    assert len(found) == {"state:pending": 40, "type:a": 40}.get(q, 20)


SEARCHES = [
    "",
    "state:failure",
    "state:success",
    "state:pending,retry,failure",
    "state:started",
    "state:scheduled",
    "type:rare",
    "type:common*",
    "queue:default.high",
    "tag:rare",
    "worker:w1",
    "created:<2d created:>1d",
    f"batch:{BATCH}",
    f"schedule:{SCHEDULE}",
    "error:timeout",
    "finished:<1h",
    "parameters.n:7",
    "duration:>1s -priority:low (state:failure OR tag:rare)",
]


@pytest.fixture(scope="module")
def filled(postgresql_database: Database) -> Database:
    """Ten thousand tasks of three weeks on PostgreSQL, most of which succeeded."""
    Store(postgresql_database).empty()
    with postgresql_database.write() as connection:
        connection.execute(insert(tasks), [_row(number) for number in range(10_000)])
    with postgresql_database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE tasks"))
    return postgresql_database


def _row(number: int) -> dict[str, Any]:
    state = {1: State.FAILURE, 2: State.PENDING, 3: State.RETRY}.get(number % 100, State.SUCCESS)
    if number % 5000 == 4:
        state = State.STARTED
    created = ago(minutes=3 * number)
    return {
        "id": id_at(created),
        "task_type": "rare" if number % 5000 == 7 else "common",
        "queue": "default.normal",
        "priority": "normal",
        "state": state,
        "parameters": {"n": number},
        "max_attempts": 3,
        "timeout_s": 60.0,
        "created_at": created,
        "run_at": created,
        "lease_token": new_id() if state is State.STARTED else None,
        "lease_until": created if state is State.STARTED else None,
        "worker": f"w{number % 3}",
        "started_at": created,
        "relay_at": NOW if state is State.RETRY else None,
        "published_at": created,
        "finished_at": created if state in {State.FAILURE, State.SUCCESS} else None,
        "error_type": "Timeout" if state in {State.FAILURE, State.RETRY} else None,
        "tags": ["rare"] if number % 1000 == 1 else None,
        "batch_id": BATCH if number % 200 == 9 else None,
        "schedule_id": SCHEDULE if number % 200 == 9 else None,
    }


@pytest.mark.parametrize("q", SEARCHES)
def test_every_plan_is_an_index_scan(filled: Database, q: str) -> None:
    maker = Finding(filled)
    with filled.read() as connection:
        statement = maker.statement(maker.walk(connection, parse(q, NOW)), 51, ())
        event.listen(connection, "before_cursor_execute", _as_explain, retval=True)
        ((plan,),) = [connection.execute(statement).scalars().all()]
    scans = list(_scans(plan[0]["Plan"]))
    assert scans
    for scan in scans:
        # An empty partition is quickest read whole.
        whole = scan["Node Type"] == "Seq Scan" and scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) > 0
        assert not whole, scan
    read = sum(scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) for scan in scans)
    assert read <= finding.WINDOW + 100


def _as_explain(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
    return f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters


def _scans(node: dict[str, Any]) -> list[dict[str, Any]]:
    here = [node] if re.search("Seq Scan|Index Scan|Index Only Scan|Bitmap Heap Scan", node["Node Type"]) else []
    inner: Sequence[dict[str, Any]] = node.get("Plans", [])
    return [*here, *(scan for plan in inner for scan in _scans(plan))]
