"""What tasks are allowed: where requests may go, and which secrets they may refer to."""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from task_system.model.errors import ConfigurationError
from task_system.settings import Settings
from task_system.task_types.http_request import HttpPolicy
from task_system.task_types.secret_values import Secrets

#: In the environment: `TASK_SECRET_API_TOKEN` is the secret `API_TOKEN`.
PREFIX = "TASK_SECRET_"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
#: Read of one file.
SECRET_MAX_BYTES = 64 * 1024


def http_policy(settings: Settings) -> HttpPolicy:
    """Where `http_request` may go. Raises ConfigurationError."""
    try:
        return HttpPolicy(
            schemes=frozenset(settings.http_schemes),
            ports=frozenset(settings.http_ports),
            allowed_networks=settings.http_networks,
        )
    except ValueError as error:
        raise ConfigurationError(f"HTTP_NETWORKS must be networks such as 10.1.2.0/24: {error}.") from None


def secrets_of(settings: Settings, environment: Mapping[str, str]) -> Secrets:
    """The secrets of the folder and of the environment, which goes first. Raises ConfigurationError."""
    values = _in_folder(settings.secrets_dir) if settings.secrets_dir else {}
    for name, value in environment.items():
        if name.startswith(PREFIX) and _NAME.fullmatch(name.removeprefix(PREFIX)):
            values[name.removeprefix(PREFIX)] = value
    try:
        return Secrets(values, hosts=_hosts(settings.secret_hosts, values))
    except ValueError as error:
        raise ConfigurationError(f"A secret cannot be used: {error}.") from None


def _in_folder(folder: Path) -> dict[str, str]:
    """By file name; what has another kind of name is none. One line break at the end is not part of it."""
    values = {}
    try:
        for path in folder.iterdir():
            if _NAME.fullmatch(path.name) and path.is_file():
                with path.open(encoding="utf-8") as file:
                    text = file.read(SECRET_MAX_BYTES)
                values[path.name] = text.removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"SECRETS_DIR cannot be read: {error}.") from None
    return values


def _hosts(bound: tuple[str, ...], values: Mapping[str, str]) -> dict[str, set[str]]:
    hosts: dict[str, set[str]] = defaultdict(set)
    for one in bound:
        name, at, host = one.partition("@")
        if not at or not host:
            raise ConfigurationError("SECRET_HOSTS must be like API_TOKEN@api.example.com, by comma.")
        if name not in values:
            raise ConfigurationError(f"SECRET_HOSTS binds {name}, and there is no secret of that name.")
        hosts[name].add(host)
    return hosts
