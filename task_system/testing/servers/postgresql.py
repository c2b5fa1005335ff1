"""A private PostgreSQL cluster."""

import grp
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from task_system.testing.servers.binaries import postgresql_bin
from task_system.testing.servers.ports import HOST, free_port
from task_system.testing.servers.server import Server, kept_secret

_USER = "task_system"
_SYSTEM_USERS = ("postgres", "nobody")
_INITDB_TIMEOUT_S = 120


class PostgreSQL(Server):
    """PostgreSQL on a free loopback port, no Unix socket, password by SCRAM.

    ``durable=False`` trades the promise that a commit is on disk for speed, for tests that make no use of it.
    """

    name = "postgresql"
    stop_signal = signal.SIGINT  # "fast": ends the sessions instead of waiting for them

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        super().__init__(folder)
        self.port = free_port()
        self._durable = durable
        self._data = self.folder / "data"

    @property
    def url(self) -> str:
        return self.database_url(_USER)

    def database_url(self, database: str) -> str:
        """Return the URL of one of the cluster's databases."""
        return f"postgresql://{_USER}:{kept_secret(self.folder / 'password')}@{HOST}:{self.port}/{database}"

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create a database as a copy of ``template`` (nobody may be connected to it) and return its URL."""
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)),
        )
        return self.database_url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database where it exists, ending the sessions in it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def stop_immediately(self) -> None:
        """End all server processes without a checkpoint: the next start recovers, as after a power cut."""
        if self._process is not None:
            self._process.stop(15, signal.SIGQUIT)

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.database_url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _prepare(self) -> None:
        kept_secret(self.folder / "password")
        if (self._data / "PG_VERSION").exists():
            return
        shutil.rmtree(self._data, ignore_errors=True)  # what an interrupted initdb left
        self._data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(self._data, _system_user())
        initdb = [
            *_as_ordinary_user(),
            str(postgresql_bin() / "initdb"),
            f"--pgdata={self._data}",
            f"--username={_USER}",
            f"--pwfile={self.folder / 'password'}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            *([] if self._durable else ["--no-sync"]),
        ]
        with self.log.open("ab") as log:
            done = subprocess.run(  # noqa: S603
                initdb,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=_INITDB_TIMEOUT_S,
                cwd=self.folder,
                check=False,
            )
        if done.returncode != 0:
            shutil.rmtree(self._data, ignore_errors=True)
            raise RuntimeError(f"initdb failed with status {done.returncode}; see {self.log}:\n{self.log.read_text()}")

    def _command(self) -> Sequence[str | Path]:
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "dynamic_shared_memory_type": "mmap",  # files of its own folder; a killed server leaves none in /dev/shm
            "fsync": "on" if self._durable else "off",
            "synchronous_commit": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [*_as_ordinary_user(), postgresql_bin() / "postgres", "-D", self._data, *options]

    def _ping(self) -> None:
        with psycopg.connect(self.database_url("postgres"), connect_timeout=2, autocommit=True) as connection:
            exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_USER,)).fetchone()
        if not exists:
            self.create_database(_USER)


def _system_user() -> str:
    """PostgreSQL refuses to run as root; return whom it runs as instead."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(user for user in _SYSTEM_USERS if user in known)


def _as_ordinary_user() -> list[str]:
    """Return the prefix that makes a command run as an ordinary user, nothing where we are one.

    The folder may stand below one that only root may enter (a home, a test's own folder), hence the one capability.
    """
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam(_system_user())
    group = grp.getgrgid(user.pw_gid).gr_name
    return [
        "setpriv",
        f"--reuid={user.pw_name}",
        f"--regid={group}",
        "--clear-groups",
        "--inh-caps=-all,+dac_override",
        "--ambient-caps=-all,+dac_override",
        "--bounding-set=-all,+dac_override",
        "--pdeathsig=KILL",  # changing user forgets the one that was set before
    ]
