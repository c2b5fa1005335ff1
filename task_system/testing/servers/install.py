"""Install the servers that are missing here, where the system's package manager can.

python -m task_system.testing.servers.install
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from task_system.testing.servers.binaries import FINDERS, PACKAGES, ServerMissing

_POLICY = Path("/usr/sbin/policy-rc.d")
_TIMEOUT_S = 1200


def install() -> None:
    """Install RabbitMQ, Redis, PostgreSQL and Chromium where they are missing; none of them is started as a service.

    Raises:
        ServerMissing: this cannot be done here; the message says what to run.
        subprocess.CalledProcessError: apt-get failed; what it printed is on the standard error.
    """
    missing = {server: error for server, error in ((name, _missing(name)) for name in FINDERS) if error}
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise next(iter(missing.values()))
    packages = [PACKAGES[server] for server in missing]
    print(f"installing {' '.join(packages)} (once, some minutes)", flush=True)
    with no_services_started(_POLICY):
        _apt_get("update", "-q")
        _apt_get("install", "-y", "-q", "--no-install-recommends", *packages)
    for server in missing:
        FINDERS[server]()


@contextmanager
def no_services_started(policy: Path) -> Iterator[None]:
    """While inside, packages being installed may not start services (Debian's ``policy-rc.d``)."""
    saved = policy.with_name(f"{policy.name}.saved")
    if policy.exists():
        policy.replace(saved)
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()
        if saved.exists():
            saved.replace(policy)


def _missing(server: str) -> ServerMissing | None:
    try:
        FINDERS[server]()
    except ServerMissing as error:
        return error
    return None


def _apt_get(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603
        ["apt-get", *arguments],  # noqa: S607
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        sys.stderr.buffer.write(done.stdout)
        done.check_returncode()


def main() -> None:
    try:
        install()
    except ServerMissing as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
