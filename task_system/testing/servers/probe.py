"""Look from outside: does it answer, does it still run?"""

import http.client
import os
from base64 import b64encode
from pathlib import Path
from urllib.parse import urlsplit


def http_status(url: str, timeout_s: float = 5) -> int:
    """Return the status that a GET of ``url`` is answered with; credentials in it are sent, a proxy is not used.

    Raises:
        OSError, http.client.HTTPException: nobody answers.
    """
    parts = urlsplit(url)
    headers = {}
    if parts.username:
        headers["Authorization"] = "Basic " + b64encode(f"{parts.username}:{parts.password}".encode()).decode()
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request("GET", parts.path or "/", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def processes_in(folder: Path) -> list[str]:
    """Return pid and arguments of every process that works in ``folder``, or has it in its arguments or environment."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal() or int(process.name) == os.getpid():
            continue
        try:
            arguments = (process / "cmdline").read_bytes()
            traces = [os.fsencode((process / "cwd").readlink()), arguments, (process / "environ").read_bytes()]
        except OSError:
            continue  # gone since the listing, or not ours to look at
        if any(os.fsencode(folder) in trace for trace in traces):
            found.append(f"{process.name} {arguments.decode(errors='replace')}")
    return found
