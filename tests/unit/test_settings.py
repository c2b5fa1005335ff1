"""Settings: what the environment says, what cannot work, and what is never shown."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from task_system.model.errors import ConfigurationError, StoreUnavailable
from task_system.settings import Settings
from task_system.store import Database
from task_system.wiring.files import blobs_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        for spelt in (name, name.upper()):
            monkeypatch.delenv(spelt, raising=False)
    monkeypatch.chdir(tmp_path)


def test_without_any_the_service_is_embedded_and_on_loopback(tmp_path: Path) -> None:
    settings = Settings()
    assert settings.embedded
    assert settings.host == "127.0.0.1"
    assert settings.database == f"sqlite:///{tmp_path / 'var' / 'tasks.db'}"
    assert settings.broker == "memory://"
    assert settings.redis_url.get_secret_value() == ""
    assert settings.worker_concurrency == (os.cpu_count() or 1)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "HOST": "0.0.0.0",
        "PORT": "8080",
        "DATABASE_URL": "postgresql://u:p@db/tasks",
        "BROKER_URL": "amqp://u:p@mq//",
        "DATA_DIR": "/srv/data",
        "ALLOWED_HOSTS": "tasks.example.com,*.internal.example",
        "CORS_ORIGINS": " https://a.example , https://b.example,,",
        "TASK_MODULES": "shop.tasks",
        "WORKER_POOL": "threads",
        "WORKER_EVENTS": "no",
        "RETENTION_DAYS": "0.5",
        "lease_s": "60",
    }.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert (settings.host, settings.port) == ("0.0.0.0", 8080)
    assert (settings.database, settings.broker) == ("postgresql://u:p@db/tasks", "amqp://u:p@mq//")
    assert not settings.embedded
    assert settings.data_dir == Path("/srv/data")
    assert settings.allowed_hosts == ("tasks.example.com", "*.internal.example")
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.task_modules == ("shop.tasks",)
    assert (settings.worker_pool, settings.worker_events) == ("threads", False)
    assert (settings.retention_days, settings.lease_s) == (0.5, 60.0)


def test_an_env_file_is_read_and_the_environment_goes_before_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("PORT=7000\nLOG_LEVEL=DEBUG\nPOSTGRES_PASSWORD=of-another-program\n# HOST=comment\n")
    monkeypatch.setenv("PORT", "7001")
    settings = Settings()
    assert (settings.port, settings.log_level, settings.host) == (7001, "DEBUG", "127.0.0.1")


@pytest.mark.parametrize(("name", "value", "port"), [("PORT", "", 7000), ("port", "7001", 7001)])
def test_an_env_file_is_hidden_by_what_is_set_to_something(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, port: int
) -> None:
    (tmp_path / ".env").write_text("PORT=7000\n")
    monkeypatch.setenv(name, value)
    assert Settings().port == port


def test_what_is_set_to_nothing_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "DATABASE_URL", "CORS_ORIGINS", "WORKER_CONCURRENCY"):
        monkeypatch.setenv(name, "")
    assert Settings() == Settings.model_construct(**Settings().model_dump())
    assert Settings().port == 5000
    assert Settings().cors_origins == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("DATABASE_URL", "tasks.db"),
        ("DATABASE_URL", "mysql://localhost/tasks"),
        ("BROKER_URL", "localhost:5672"),
        ("BROKER_URL", "redis://localhost"),
        ("REDIS_URL", "localhost"),
        ("PORT", "http"),
        ("ALLOWED_HOSTS", "https://tasks.example.com"),
        ("ALLOWED_HOSTS", "tasks.example.com, tasks.example.com:8443"),
        ("ALLOWED_HOSTS", "tasks.*.com"),
        ("MAX_BODY_BYTES", "10"),
        ("WEB_WORKERS", "0"),
        ("WEB_THREADS", "-1"),
        ("WORKER_POOL", "gevent"),
        ("WORKER_CONCURRENCY", "0"),
        ("WORKER_GRACE_S", "-1"),
        ("WORKER_EVENTS", "perhaps"),
        ("LEASE_S", "0"),
        ("HEARTBEAT_S", "0"),
        ("RESULT_EXPIRES_S", "0"),
        ("RETENTION_DAYS", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert name.lower() in {error["loc"][0] for error in caught.value.errors()}


@pytest.mark.parametrize(("lease_s", "heartbeat_s"), [("30", "15.1"), ("10", None), ("6", "4")])
def test_a_heartbeat_that_comes_too_late_is_refused(
    monkeypatch: pytest.MonkeyPatch, lease_s: str, heartbeat_s: str | None
) -> None:
    monkeypatch.setenv("LEASE_S", lease_s)
    if heartbeat_s:
        monkeypatch.setenv("HEARTBEAT_S", heartbeat_s)
    with pytest.raises(ValidationError, match="must be at most half of LEASE_S"):
        Settings()


def test_the_slowest_heartbeat_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEASE_S", "8")
    monkeypatch.setenv("HEARTBEAT_S", "4")
    assert Settings().heartbeat_s == 4.0


SECRETS = {
    "DATABASE_URL": "postgresql",
    "BROKER_URL": "amqp",
    "REDIS_URL": "redis",
    "SMTP_URL": "smtp",
    "RABBITMQ_MANAGEMENT_URL": "http",
}


@pytest.mark.parametrize(("name", "scheme"), SECRETS.items())
def test_passwords_are_not_shown(monkeypatch: pytest.MonkeyPatch, name: str, scheme: str) -> None:
    monkeypatch.setenv(name, f"{scheme}://user:hunter2@host/name")
    settings = Settings()
    assert getattr(settings, name.lower()).get_secret_value().count("hunter2") == 1
    assert "hunter2" not in f"{settings} {settings!r} {settings.model_dump_json()}"


def test_settings_stay_as_they_are() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


# What a database's URL may be.


@pytest.mark.parametrize("url", ["mysql://localhost/tasks", "oracle://localhost/tasks"])
def test_only_databases_that_are_tested_are_taken(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL must begin with postgresql:// or sqlite:///"):
        Database(url)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_would_lose_accepted_tasks(url: str) -> None:
    with pytest.raises(ConfigurationError, match="would lose accepted tasks"):
        Database(url)


def test_a_database_is_opened_when_it_is_used(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new/tasks.db")
    assert not (tmp_path / "new" / "tasks.db").exists()
    database.ping()
    assert (tmp_path / "new" / "tasks.db").exists()
    database.close()


def test_a_server_that_is_not_there_is_said_to_be_away() -> None:
    database = Database("postgresql://nobody:nothing@127.0.0.1:1/tasks")
    with pytest.raises(StoreUnavailable):
        database.ping()
    database.close()


def test_a_durable_commit_waits_for_the_disk(tmp_path: Path) -> None:
    for durable, level in ((True, 2), (False, 1)):
        database = Database(f"sqlite:///{tmp_path}/tasks.db", durable=durable)
        with database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        database.close()


def test_what_only_some_need_is_not_loaded_by_all(tmp_path: Path) -> None:
    code = (
        "import sys; from task_system.settings import Settings; from task_system.wiring.web import create_app; "
        f"create_app(Settings(data_dir={str(tmp_path)!r})); "
        "print([name for name in ('obstore', 'puremagic', 'PIL', 'httpx2') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("url", ["http://bucket", "s3://", "bucket"])
def test_a_file_store_that_is_none_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="s3://bucket/prefix"):
        blobs_of(Settings(files_url=url, data_dir=tmp_path))
