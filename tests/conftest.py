"""What the tests of all folders share: private servers that start once, and databases that are copied for each test.

A server that is not installed skips its tests and says so; where `CI=true` it fails them, for there nothing is missing.
"""

import itertools
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer

from task_system.broker import amqp_link
from task_system.files import Blobs, LocalBlobs
from task_system.files.s3 import S3Blobs
from task_system.store import Database, database
from task_system.store.migrate import upgrade
from task_system.testing.servers import PostgreSQL, RabbitMQ, Server, ServerMissing
from tests.contract.kit import Store
from tests.order import Order
from tests.s3_server import BUCKET, S3Server

# The machine is busy and shared: how long one example takes says nothing.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")

# Whoever is started in a shell's background ignores Ctrl-C, and so does what the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

_numbers = itertools.count(1)


#: How long tests themselves wait for servers: whoever stands still for some seconds is not away.
PATIENCE: dict[ModuleType, dict[str, float]] = {
    database: {
        "CONNECT_TIMEOUT_S": 60,
        "POOL_TIMEOUT_S": 60.0,
        "LOCK_TIMEOUT_MS": 60_000,
        "STATEMENT_TIMEOUT_MS": 60_000,
    },
    amqp_link: {"CONNECT_TIMEOUT_S": 60.0, "CONFIRM_TIMEOUT_S": 60.0},
}
#: And how long the service does.
IN_THE_SERVICE = {module: {name: getattr(module, name) for name in values} for module, values in PATIENCE.items()}


@pytest.fixture(scope="session", autouse=True)
def _patient() -> None:
    for module, values in PATIENCE.items():
        for name, value in values.items():
            setattr(module, name, value)


@pytest.fixture
def as_in_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is connected to from here on is waited for as the service does."""
    for module, values in IN_THE_SERVICE.items():
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Order | None:
    """Files in an order of ours, where they are whole."""
    return Order(config, log) if config.getvalue("dist") == "loadfile" else None


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _running(server: Server) -> Iterator[Server]:
    try:
        server.start()
    except ServerMissing as error:
        _missing(str(error))
    try:
        yield server
    finally:
        server.kill() if isinstance(server, RabbitMQ) else server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """A private PostgreSQL for the session."""
    server = PostgreSQL(tmp_path_factory.mktemp("postgresql"), durable=False)
    for _ in _running(server):
        yield server


@pytest.fixture(scope="session")
def rabbitmq_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A private RabbitMQ for the session; a test that kills it starts it again."""
    server = RabbitMQ(tmp_path_factory.mktemp("rabbitmq"))
    for _ in _running(server):
        yield server


@pytest.fixture
def managed_rabbitmq(tmp_path: Path) -> Iterator[RabbitMQ]:
    """A private RabbitMQ with its management API."""
    server = RabbitMQ(tmp_path / "rabbitmq", management=True)
    for _ in _running(server):
        yield server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A private S3 server for the session."""
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file at today's schema, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}", durable=False)
    upgrade(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_server: PostgreSQL) -> str:
    """The name of a PostgreSQL database at today's schema, to be copied."""
    database = Database(postgresql_server.create_database("template_tasks"))
    upgrade(database)
    database.close()
    return "template_tasks"


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A fresh SQLite database at today's schema."""
    path = tmp_path / "store" / "tasks.db"
    path.parent.mkdir()
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(postgresql_server: PostgreSQL, migrated_postgresql: str) -> Iterator[str]:
    """A PostgreSQL database at today's schema, for one test alone."""
    name = f"tasks_{next(_numbers)}"
    yield postgresql_server.create_database(name, template=migrated_postgresql)
    postgresql_server.drop_database(name)


@pytest.fixture(scope="session")
def postgresql_database(postgresql_server: PostgreSQL, migrated_postgresql: str) -> Iterator[Database]:
    """A PostgreSQL database at today's schema, for all tests that only change rows."""
    database = Database(postgresql_server.create_database("tasks_of_all", template=migrated_postgresql), connections=10)
    yield database
    database.close()


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Store]:
    """An empty store on SQLite."""
    database = Database(sqlite_url, durable=False, connections=10)
    yield Store(database)
    database.close()


@pytest.fixture
def postgresql(postgresql_database: Database) -> Store:
    """An empty store on PostgreSQL."""
    store = Store(postgresql_database)
    store.empty()
    return store


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store on each of the databases that the product runs on."""
    made: Store = request.getfixturevalue(request.param)
    return made


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """An empty blob store of each kind."""
    if request.param == "folder":
        return LocalBlobs(tmp_path / "blobs")
    server: S3Server = request.getfixturevalue("s3_server")
    return S3Blobs(
        BUCKET,
        f"tests/{next(_numbers)}",
        tmp_path / "scratch",
        endpoint=server.endpoint,
        region="us-east-1",
        access_key_id="test",
        secret_access_key="test",
    )
