"""A container's health check: exits with 0 when the worker or keeper of this container was heard of within LEASE_S.

It asks the database, because that is where the others look before they take a silent worker's tasks.

python docker/at_work.py worker
"""

import socket
import sys

from task_system.settings import Settings
from task_system.store import Database
from task_system.store.workers import Workers


def main(role: str) -> int:
    settings = Settings()
    alive = Workers(Database(settings.database, connections=1)).alive(settings.lease_s)
    here = [seen.name for seen in alive if seen.role == role and seen.host == socket.gethostname()]
    print(*here or [f"no {role} of {socket.gethostname()} was heard of within {settings.lease_s:g} s"])
    return 0 if here else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
