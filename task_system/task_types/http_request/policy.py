"""Where requests may go."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING

from task_system import Fail
from task_system.task_types.http_request.addresses import Address, is_public, unwrapped

if TYPE_CHECKING:
    import httpx2

USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPolicy:
    """What the operator allows. The default is the strict one: usual ports of public addresses.

    allowed_networks: networks that are not public and yet may be reached, such as `10.1.2.0/24`.

    Raises ValueError for a network that is none.
    """

    schemes: frozenset[str] = frozenset({"http", "https"})
    ports: frozenset[int] = frozenset({80, 443})
    allowed_networks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for network in self.allowed_networks:
            ip_network(network)

    def check_url(self, url: httpx2.URL) -> None:
        """Raises Fail when its scheme or its port is not allowed."""
        if url.scheme not in self.schemes or url.scheme not in USUAL_PORTS:
            allowed = ", ".join(sorted(self.schemes))
            raise Fail(f"{url.scheme or 'no scheme'} is not allowed in `{_shown(url)}`, only {allowed}")
        port = url.port or USUAL_PORTS[url.scheme]
        if port not in self.ports:
            allowed = ", ".join(map(str, sorted(self.ports)))
            raise Fail(f"Port {port} is not allowed in `{_shown(url)}`, only {allowed}")

    def check_addresses(self, host: str, addresses: list[Address]) -> None:
        """Raises Fail unless every one of the addresses may be reached: who mixes them is up to something.

        The message names the host and not the address, which may be nobody's business.
        """
        if not all(map(self._allows, addresses)):
            raise Fail(f"`{host}` is not allowed: it is, or its name leads to, an address that is not public")

    def _allows(self, address: Address) -> bool:
        target = unwrapped(address)
        return is_public(target) or any(target in ip_network(network) for network in self.allowed_networks)


def _shown(url: httpx2.URL) -> str:
    """Without its query, which may hold what is private."""
    return str(url.copy_with(query=None, fragment=None))[:200]
