"""What settings allow tasks: the policy of http_request, and secrets by reference."""

from pathlib import Path
from typing import Any

import pytest

from task_system.model.errors import ConfigurationError
from task_system.settings import Settings
from task_system.task_types.secret_values import Secrets
from task_system.wiring.allowances import http_policy, secrets_of


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def found(folder: Path | None = None, hosts: Any = "", **environment: str) -> Secrets:
    return secrets_of(Settings(secrets_dir=folder, secret_hosts=hosts), environment)


def test_without_settings_the_policy_is_the_strict_one() -> None:
    policy = http_policy(Settings())
    assert (policy.schemes, policy.ports, policy.allowed_networks) == ({"http", "https"}, {80, 443}, ())


def test_settings_widen_or_narrow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HTTP_SCHEMES": "https", "HTTP_PORTS": "443, 8443", "HTTP_NETWORKS": "10.1.0.0/16"}.items():
        monkeypatch.setenv(name, value)
    policy = http_policy(Settings())
    assert (policy.schemes, policy.ports, policy.allowed_networks) == ({"https"}, {443, 8443}, ("10.1.0.0/16",))


def test_a_network_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match="HTTP_NETWORKS"):
        http_policy(Settings(http_networks=("10.1.2.3/16",)))


def test_secrets_are_in_a_folder_or_in_the_environment(tmp_path: Path) -> None:
    for name, value in {"A": "of the folder\n", "B": "b", ".hidden": "x", "no-name": "x"}.items():
        (tmp_path / name).write_text(value)
    (tmp_path / "C").mkdir()
    secrets = found(tmp_path, TASK_SECRET_B="of the environment", OTHER="x", TASK_SECRET_="x")
    assert repr(secrets) == "Secrets(A, B)"
    assert (secrets.value("A"), secrets.value("B")) == ("of the folder", "of the environment")


def test_a_secret_may_be_bound_to_hosts() -> None:
    secrets = found(hosts="A@one.example, A@two.example", TASK_SECRET_A="x")
    assert secrets.value("A", host="two.example") == "x"
    for host in (None, "three.example"):
        with pytest.raises(LookupError):
            secrets.value("A", host=host)


@pytest.mark.parametrize(
    ("hosts", "environment", "message"),
    [
        ("A", {"TASK_SECRET_A": "x"}, "API_TOKEN@api.example.com"),
        ("B@host", {"TASK_SECRET_A": "x"}, "no secret of that name"),
        ("", {"TASK_SECRET_A": ""}, "empty: A"),
    ],
)
def test_what_cannot_work_is_said_at_the_start(hosts: str, environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        found(hosts=hosts, **environment)


def test_a_folder_that_is_not_there_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SECRETS_DIR"):
        found(tmp_path / "none")
