"""Policies: what may change about queues without declaring them anew. Set over RabbitMQ's management API.

Without them the service loses nothing: the store's rows bring back what a queue drops. With them a refused message is
seen by the keeper at once, and a slow worker's messages are not taken from it.
"""

import base64
import re
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import Request, urlopen

import orjson

from task_system.broker import topology
from task_system.model.errors import BrokerUnavailable, ConfigurationError

TIMEOUT_S = 5.0
NAME = "task-system"
#: Messages wait in workers until a slot is free, for as long as the longest tasks take: a day, in milliseconds.
CONSUMER_TIMEOUT_MS = 86_400_000
#: Older versions refuse a policy with it, and close the channel of who keeps a message for half an hour.
_TIMEOUT, _KNOWS_TIMEOUT = "consumer-timeout", (3, 12)
#: A redelivery costs nothing here, so RabbitMQ's limit of 20 would only lose wake-up calls.
DELIVERY_LIMIT = 1000

POLICY: dict[str, Any] = {
    # Our queues, but not the dead letters' own.
    "pattern": r"^[a-z_]+\.(high|normal|low)$",
    "apply-to": "queues",
    "priority": 0,
    "definition": {
        "dead-letter-exchange": topology.DEAD.name,
        "delivery-limit": DELIVERY_LIMIT,
        _TIMEOUT: CONSUMER_TIMEOUT_MS,
    },
}


def apply(management_url: str, broker_url: str) -> None:
    """Set the policy. Raises BrokerUnavailable, ConfigurationError."""
    _call(management_url, _path(broker_url), "PUT", _policy(management_url))


def missing(management_url: str, broker_url: str) -> bool:
    """Whether the policy is not there, or not as it should be. Raises BrokerUnavailable, ConfigurationError."""
    found = _call(management_url, _path(broker_url), "GET", None)
    return found is None or any(found.get(key) != value for key, value in _policy(management_url).items())


def command(broker_url: str) -> str:
    """What an operator types where the management API is not to be used."""
    definition = orjson.dumps(POLICY["definition"]).decode()
    return (
        f"rabbitmqctl set_policy --vhost {_vhost(broker_url)} --apply-to queues "
        f"{NAME} '{POLICY['pattern']}' '{definition}'"
    )


def _policy(management_url: str) -> dict[str, Any]:
    """What this server's version knows of it."""
    version = str((_call(management_url, "/api/overview", "GET", None) or {}).get("rabbitmq_version", ""))
    numbers = re.findall(r"\d+", version)[:2]
    if not numbers or tuple(map(int, numbers)) >= _KNOWS_TIMEOUT:
        return POLICY
    return {**POLICY, "definition": {key: value for key, value in POLICY["definition"].items() if key != _TIMEOUT}}


def _path(broker_url: str) -> str:
    return f"/api/policies/{quote(_vhost(broker_url), safe='')}/{NAME}"


def _call(management_url: str, path: str, method: str, body: Any) -> Any:
    url = urlsplit(management_url)
    if url.scheme not in {"http", "https"}:
        raise ConfigurationError("RABBITMQ_MANAGEMENT_URL must begin with http:// or https://.")
    address = url._replace(netloc=url.netloc.rpartition("@")[2], path=path).geturl()
    credentials = f"{unquote(url.username or 'guest')}:{unquote(url.password or 'guest')}"
    headers = {
        "Authorization": "Basic " + base64.b64encode(credentials.encode()).decode(),
        "Content-Type": "application/json",
    }
    request = Request(address, orjson.dumps(body) if body else None, headers, method=method)  # noqa: S310 - checked above
    try:
        with urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 - checked above
            answer = response.read()
    except (URLError, HTTPException, OSError) as error:
        if method == "GET" and getattr(error, "code", None) == 404:
            return None
        raise BrokerUnavailable(f"RabbitMQ's management API did not take the call{_reason(error)}.") from error
    return orjson.loads(answer) if answer else {}


def _reason(error: Exception) -> str:
    """What RabbitMQ says of a call that it did not take."""
    try:
        said = orjson.loads(error.read()) if isinstance(error, HTTPError) else {}
    except (OSError, HTTPException, orjson.JSONDecodeError):
        said = {}
    return f": {' '.join(str(said['reason']).split())}" if isinstance(said, dict) and "reason" in said else ""


def _vhost(broker_url: str) -> str:
    return unquote(urlsplit(broker_url).path[1:]) or "/"
