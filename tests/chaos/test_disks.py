"""No room on the disk: of PostgreSQL, of RabbitMQ, of the file store, of the API's temporary folder."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
import requests

from task_system.testing.servers.ports import HOST
from task_system.testing.servers.server import Server
from tests.chaos.harness.disk import SmallDisk, small_disk
from tests.chaos.harness.row import Steps, row
from tests.chaos.harness.system import System, empty_node
from tests.integration.service import wait_until

FULL = "A full disk is told as such (503, 507), corrupts nothing, and when there is room again all goes on."
#: Less than RabbitMQ's `disk_free_limit`, in megabytes.
LITTLE_MB = 20
#: What is left beside what is there, in megabytes: of PostgreSQL, enough for a few segments of its log.
ROOM_MB = {"postgresql": 64, "rabbitmq": 300, "files": 4, "temporary": 4}
#: Every index of ours against its table, and every table's pages.
_SOUND = """
    CREATE EXTENSION IF NOT EXISTS amcheck;
    SELECT bt_index_check(i.indexrelid, true) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p';
"""
_DAMAGED = """
    SELECT c.relname, v.* FROM pg_class c, LATERAL verify_heapam(c.oid) v
     WHERE c.relkind = 'r' AND c.relpersistence = 'p'
"""


@contextmanager
def on_small_disk(server: Server, room_mb: int) -> Iterator[SmallDisk]:
    """While inside, a server's data are on a disk of their own."""
    server.stop()
    try:
        with small_disk(server.folder / "data", room_mb) as disk:
            server.start()
            try:
                yield disk
            finally:
                disk.make_room()
                server.stop()
    finally:
        server.start()


@pytest.fixture
def disk_of_postgresql(system: System) -> Iterator[SmallDisk]:
    with on_small_disk(system.servers.postgresql, ROOM_MB["postgresql"]) as disk:
        yield disk


@pytest.fixture
def disk_of_rabbitmq(system: System) -> Iterator[SmallDisk]:
    system.servers.rabbitmq.wait_until_queues_are_on_disk()
    with on_small_disk(system.servers.rabbitmq, ROOM_MB["rabbitmq"]) as disk:
        yield disk


def revive(server: Server) -> None:
    """What died of it is started again, as a supervisor does."""
    if not server.running:
        server.start()


@row(
    "F18",
    "PostgreSQL's disk is full for 10 s",
    promise=FULL,
    refuses=True,
    loses_attempts=True,
    p99_ms=None,
    during_s=10,
)
def test_postgresql_has_no_room(system: System, disk_of_postgresql: SmallDisk) -> Steps:
    disk_of_postgresql.fill()
    said = wait_until(lambda: _refusal(system), 15, "a submission is refused")
    yield
    disk_of_postgresql.make_room()
    revive(system.servers.postgresql)
    yield
    # Either it still answers, and says why not; or it has stopped for want of room.
    assert "disk is full" in said or "cannot be reached" in said, said
    with psycopg.connect(system.servers.postgresql.url, autocommit=True) as connection:
        connection.execute(_SOUND)
        assert connection.execute(_DAMAGED).fetchall() == []


def _refusal(system: System) -> str | None:
    answer = system.post({"task_type": "test_noop", "parameters": {}})
    if answer.status_code == 202:
        return None
    assert answer.status_code == 503, answer.text
    assert "Retry-After" in answer.headers
    return str(answer.json()["detail"])


@row(
    "F18",
    "RabbitMQ's disk is nearly full for 15 s: less is left than its limit",
    promise=FULL,
    tells="broker",
    during_s=15,
)
def test_rabbitmq_has_little_room(system: System, disk_of_rabbitmq: SmallDisk) -> Steps:
    disk_of_rabbitmq.fill(LITTLE_MB)
    yield
    disk_of_rabbitmq.make_room()


@row(
    "F18",
    "no byte is left on RabbitMQ's disk for 15 s, which its log does not survive; the node begins again, empty",
    promise=FULL,
    tells="broker",
    during_s=15,
)
def test_rabbitmq_has_no_room(system: System, disk_of_rabbitmq: SmallDisk) -> Steps:
    """RabbitMQ's write-ahead log does not come back from ENOSPC, at times not by a restart either.

    Its own limit stops publishers long before; who lets it come to this has an empty node, and loses nothing by it.
    """
    disk_of_rabbitmq.fill()
    yield
    disk_of_rabbitmq.make_room()
    empty_node(system.servers.rabbitmq)


@pytest.fixture
def disk_of_files(system: System) -> Iterator[SmallDisk]:
    with small_disk(system.data_dir / "blobs", ROOM_MB["files"]) as disk:
        yield disk


@row("F18", "the file store's disk is full", promise=FULL, during_s=0)
def test_the_file_store_has_no_room(system: System, disk_of_files: SmallDisk) -> Steps:
    kept = upload(system, b"kept")
    disk_of_files.fill()
    refused = upload(system, b"x" * 100_000)
    made = system.finished(system.submit("test_makes_files", {"times": 0})["task_id"], timeout_s=30)
    large = system.finished(system.submit("test_large_result", {"count": 2_000_000})["task_id"], timeout_s=30)
    read = requests.get(f"http://{HOST}:{system.port}{kept.json()['links']['content']}", timeout=10)
    yield
    disk_of_files.make_room()
    again = upload(system, b"x" * 100_000)
    made_again = system.run("test_makes_files", {"times": 0}, timeout_s=30)
    yield
    assert kept.status_code == 201, kept.text
    assert read.content == b"kept"
    assert (refused.status_code, refused.json()["error"]) == (507, "files_full"), refused.text
    assert "Retry-After" in refused.headers
    assert made["state"] == "FAILURE"
    assert "No space left on device" in made["error"]["message"] or made["error"]["type"] == "FilesFull", made["error"]
    assert (large["state"], large["error"]["type"]) == ("FAILURE", "FilesFull"), large["error"]
    assert again.status_code == 201, again.text
    assert made_again["state"] == "SUCCESS", made_again


def upload(system: System, content: bytes) -> requests.Response:
    return system.request("POST", "/api/files", data=content, headers={"Content-Type": "application/octet-stream"})


@pytest.fixture
def temporary_disk(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    """The web process keeps what is temporary on a disk of its own."""
    folder = tmp_path_factory.mktemp("temporary")
    with small_disk(folder, ROOM_MB["temporary"]) as disk:
        system.replace("web", system.process("web", "task_system", "web", TMPDIR=str(folder)))
        system.wait_until_ready()
        yield disk
        system.replace("web", system.process("web", "task_system", "web"))
        system.wait_until_ready()


@row("F18", "the API's temporary folder is full", promise=FULL, during_s=0)
def test_the_temporary_folder_is_full(system: System, temporary_disk: SmallDisk) -> Steps:
    before = lines(system)
    temporary_disk.fill()
    refused = lines(system)
    yield
    temporary_disk.make_room()
    after = lines(system)
    yield
    assert before.status_code == after.status_code == 202, (before.text, after.text)
    assert (refused.status_code, refused.json()["error"]) == (507, "files_full"), refused.text


def lines(system: System) -> requests.Response:
    """Submit lines that are not kept in memory."""
    line = json.dumps({"task_type": "test_echo", "parameters": {"value": "x" * 100_000}}) + "\n"
    headers = {"Content-Type": "application/x-ndjson"}
    return system.request("POST", "/api/tasks/batch", data=line * 20, headers=headers, timeout_s=60)
