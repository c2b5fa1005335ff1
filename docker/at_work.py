"""A container's health check: exits with 0 when the database took a heartbeat of its process within LEASE_S.

The process touches a file each time, and says in it how long that is good for. So this asks nobody and loads nothing:
the others look into the database, too, before they take a silent worker's tasks.

python -IS docker/at_work.py /tmp/heartbeat
"""

import sys
from os import stat
from time import time


def main(path: str) -> int:
    try:
        silent_s = time() - stat(path).st_mtime  # noqa: PTH116 - pathlib costs more than all of this
        with open(path) as file:  # noqa: PTH123
            lease_s = float(file.read())
    except (OSError, ValueError):
        print("the database took no heartbeat yet")
        return 1
    print(f"the database took a heartbeat {silent_s:.0f} s ago; {lease_s:g} s may pass")
    return 0 if silent_s < lease_s else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
