"""Under which names this service is asked for.

A page has its own name point to this machine, and a browser then takes this service for the page's own: all that it
says of where a request comes from agrees. The name is what such a page cannot choose.

No route is left out, health checks neither (docs/decisions/0016). Those that ask for an address, or for none, need
nothing.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from task_system.model.errors import OtherHost

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[\w.-]*\w\.?)(:\d+)?", re.IGNORECASE | re.ASCII)
#: An address; a name without a dot, as containers have; this machine. Nobody outside owns one, to have it point here.
_NOBODYS = re.compile(r"\[.*\]|[0-9.]+|[^.]+|.+\.localhost")
#: Characters of a name that DNS knows, and a port.
_LONGEST = 260
#: Hosts whose answer is kept.
_KEPT = 256
_MEND = "If it should, start it with `ALLOWED_HOSTS={0}`; names are separated by commas."


def refuser_of_other_hosts(allowed: tuple[str, ...]) -> Callable[[Mapping[str, Any]], None]:
    """What raises OtherHost for a request that asks for a name which is neither nobody's nor allowed.

    allowed: names; `*.example.com` are all below that one, `*` is any.
    """
    names = frozenset(name.lower() for name in allowed)
    below = tuple(name.removeprefix("*") for name in names if name.startswith("*."))

    @lru_cache(_KEPT)
    def ours(host: str) -> bool:
        name = _name_in(host)
        return "*" in names or name in names or name.endswith(below) or bool(_NOBODYS.fullmatch(name))

    def refuse(environ: Mapping[str, Any]) -> None:
        host = environ.get("HTTP_HOST")
        if host and (len(host) > _LONGEST or not ours(host)):
            name = _name_in(host)
            raise OtherHost(name and f"This service does not go by the name {name}. {_MEND.format(name)}")

    return refuse


def _name_in(host: str) -> str:
    """Without port and final dot; nothing where that is no host."""
    found = _HOST.fullmatch(host) if len(host) <= _LONGEST else None
    return found["name"].removesuffix(".").lower() if found else ""
