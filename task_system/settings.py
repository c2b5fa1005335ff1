"""The one settings object. Only the doors, `wiring` and `cli` read it; all others are given values.

Each field is an environment variable of the same name in capitals, or a line in `.env`.
"""

import os
import re
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator

#: How these may begin.
_SCHEMES = {
    "database_url": ("postgresql", "sqlite"),
    "broker_url": ("amqp", "amqps", "memory"),
    "redis_url": ("redis", "rediss", "unix"),
}

_HOST_NAME = re.compile(r"\*|(\*\.)?[\w-]+(\.[\w-]+)*", re.ASCII)


def _environment(names: Collection[str]) -> dict[str, str]:
    """What `.env` and, before it, the environment say of these; what is set to nothing is not set."""
    said: dict[str, str] = {}
    for source in (dotenv_values(".env"), os.environ):
        said |= {name.lower(): value for name, value in source.items() if value and name.lower() in names}
    return said


class Settings(BaseModel):
    """How this service runs. Without any of these it runs embedded: SQLite, in-memory broker, no Redis."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(5000, ge=0, le=65535, description="Port the API listens on.")
    data_dir: Path = Field(
        Path("var"), description="Folder of the embedded database, and of files that tasks read or write."
    )
    database_url: SecretStr = Field(
        SecretStr(""), description="postgresql://… or sqlite:///…; when empty, a SQLite file in DATA_DIR."
    )
    broker_url: SecretStr = Field(SecretStr("memory://"), description="amqp://… or memory:// for the embedded mode.")
    rabbitmq_management_url: SecretStr = Field(
        SecretStr(""), description="http://user:password@host:15672; lets `migrate` set and `doctor` check policies."
    )
    redis_url: SecretStr = Field(SecretStr(""), description="redis://…; when empty, no copies of results are kept.")
    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="smtp://, smtp+starttls:// or smtps://user:password@host:port; when empty, mail goes to files.",
    )
    smtp_sender: str = Field("task-system@localhost", description="From: of mail that names no sender.")

    files_url: str = Field(
        "", description="s3://bucket/prefix for uploads, outputs and large results; when empty, a folder in DATA_DIR."
    )
    s3_endpoint: str = Field("", description="Where the S3-compatible store is; when empty, Amazon.")
    s3_region: str = Field("", description="Its region.")
    s3_access_key_id: str = Field("", description="Who asks; when empty, what AWS_… or the machine says.")
    s3_secret_access_key: SecretStr = Field(SecretStr(""), description="The key's secret.")

    http_schemes: tuple[Literal["http", "https"], ...] = Field(
        ("http", "https"), description="Schemes that http_request may use, by comma."
    )
    http_ports: tuple[int, ...] = Field((80, 443), description="Ports that http_request may go to, by comma.")
    http_networks: tuple[str, ...] = Field(
        (),
        description="Networks that are not public and http_request may go to, such as 10.1.2.0/24, by comma.",
    )
    secrets_dir: Path | None = Field(
        None,
        description="Folder of secrets that tasks refer to by name: a file each, called as the secret.",
    )
    secret_hosts: tuple[str, ...] = Field(
        (), description="Hosts that secrets are bound to, by comma: API_TOKEN@api.example.com."
    )

    flower_url: str = Field("", description="Where people find Flower; linked from /.")
    rabbitmq_page_url: str = Field("", description="Where people find RabbitMQ's page; linked from /.")
    environment_name: str = Field(
        "", max_length=20, description="What the dashboard calls this service, such as staging; when empty, nothing."
    )
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description="Names that the API goes by, such as tasks.example.com or *.example.com, by comma.",
    )
    cors_origins: tuple[str, ...] = Field((), description="Origins whose pages may call the API, by comma.")
    max_body_bytes: int = Field(1_048_576, ge=1024, description="A larger request is answered with 413.")
    max_file_bytes: int = Field(2_147_483_648, ge=1024, description="A larger upload is answered with 413.")
    web_workers: int = Field(1, ge=1, description="Processes that serve the API.")
    web_threads: int = Field(64, ge=1, description="Requests that the API works on at the same time.")
    task_modules: tuple[str, ...] = Field(
        (), description="Your modules of task types, by comma, beside those in tasks.py."
    )
    task_folder: Path = Field(
        Path("custom_tasks"), description="Folder of your task types: every file in it is loaded, by name."
    )

    worker_pool: Literal["prefork", "threads"] = Field("prefork", description="What runs a worker's tasks.")
    worker_concurrency: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="Slots of one worker: tasks it runs at the same time.",
    )
    worker_prefetch: int = Field(
        4,
        ge=1,
        le=1000,
        description="Tasks of a queue that wait in a worker, per slot: 1 for long ones, 32 for very short ones.",
    )
    worker_events: bool = Field(True, description="Send Celery's task events, which Flower shows.")
    worker_grace_s: float = Field(
        30.0, ge=0, description="How long a stopping worker lets running tasks finish, in seconds."
    )
    worker_max_tasks_per_child: int = Field(
        10_000, ge=1, description="A pool process is replaced after this many tasks."
    )
    lease_s: float = Field(
        30.0, gt=0, description="A worker that is not heard of for this long loses its tasks, in seconds."
    )
    heartbeat_s: float = Field(10.0, gt=0, description="How often a worker says that it lives, in seconds.")
    heartbeat_file: str = Field(
        "", description="A file that is touched after each; a container's health check looks at it."
    )

    result_expires_s: int = Field(86_400, ge=1, description="How long Redis keeps a result, in seconds.")
    retention_days: float = Field(30.0, gt=0, description="How long finished tasks are kept, in days.")
    file_retention_days: float = Field(
        30.0, gt=0, description="How long uploads and outputs are kept, in days; outputs no longer than their tasks."
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="What is logged.")
    log_format: Literal["auto", "text", "json"] = Field("auto", description="auto: text on a terminal, JSON elsewhere.")

    # pydantic-settings would do this too, for 3 MB in every process.
    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {**_environment(cls.model_fields), **given}

    @field_validator(
        *("allowed_hosts", "cors_origins", "task_modules"),
        *("http_schemes", "http_ports", "http_networks", "secret_hosts"),
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not _HOST_NAME.fullmatch(name):
                raise ValueError(f"{name}: write the name alone, without scheme or port, in ASCII: tasks.example.com")
        return names

    @field_validator(*_SCHEMES)
    @classmethod
    def _begins_right(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        schemes, url = _SCHEMES[str(info.field_name)], value.get_secret_value()
        scheme, separator, _ = url.partition("://")
        if url and not (separator and scheme.partition("+")[0] in schemes):
            raise ValueError(f"must begin with {' or '.join(f'{one}://' for one in schemes)}")
        return value

    @field_validator("heartbeat_s")
    @classmethod
    def _beats_before_the_lease_ends(cls, value: float, info: object) -> float:
        lease_s = getattr(info, "data", {}).get("lease_s", 30.0)
        if value > lease_s / 2:
            raise ValueError(f"must be at most half of LEASE_S ({lease_s}), or one late heartbeat loses every task")
        return value

    @cached_property
    def database(self) -> str:
        """The database's URL, in full."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_dir.resolve() / 'tasks.db'}"

    @cached_property
    def broker(self) -> str:
        """The broker's URL, in full."""
        return self.broker_url.get_secret_value()

    @cached_property
    def embedded(self) -> bool:
        """Whether the broker lives in this process, so that all roles must."""
        return self.broker.startswith("memory://")
