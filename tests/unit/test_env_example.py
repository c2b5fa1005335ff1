"""`.env.example` says what is true: every setting, its meaning and its default, and what `docker compose` asks for."""

import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import SecretStr

from task_system.settings import Settings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / ".env.example"
COMPOSE = ROOT / "docker-compose.yml"
_LINE = re.compile(r"(?P<comment># )?(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)")
_FIELDS = sorted(Settings.model_fields)


class Line(NamedTuple):
    value: str
    active: bool
    #: The comment above it, as one line.
    meaning: str


@pytest.fixture(autouse=True)
def no_settings_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in _FIELDS:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)  # where there is no .env


def lines() -> dict[str, Line]:
    found: dict[str, Line] = {}
    comment: list[str] = []
    for text in EXAMPLE.read_text(encoding="utf-8").splitlines():
        line = _LINE.fullmatch(text)
        if line:
            assert line["name"] not in found, f"{line['name']} stands twice in .env.example"
            found[line["name"]] = Line(line["value"], line["comment"] is None, " ".join(comment))
            comment = []
        elif text.startswith("# "):
            comment.append(text.removeprefix("# "))
        else:
            comment = []
    return found


def in_compose(pattern: str) -> set[str]:
    return set(re.findall(pattern, COMPOSE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("field", _FIELDS)
def test_a_setting_stands_there_with_its_meaning_and_default(field: str, tmp_path: Path) -> None:
    line = lines()[field.upper()]
    assert not line.active, "it shows the default; it does not fix it"
    assert line.meaning.startswith(Settings.model_fields[field].description or "?")
    default = Settings()
    (tmp_path / ".env").write_text(f"{field.upper()}={line.value}\n", encoding="utf-8")
    assert plain(getattr(Settings(), field)) == plain(getattr(default, field))


def plain(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def test_nothing_stands_there_that_nobody_reads() -> None:
    names = {field.upper() for field in _FIELDS} | in_compose(r"\$\{([A-Z][A-Z0-9_]*)")
    assert set(lines()) == names


def test_what_compose_cannot_do_without_has_a_value() -> None:
    needed = in_compose(r"\$\{([A-Z][A-Z0-9_]*):\?")
    assert {name for name, line in lines().items() if line.active and line.value} == needed
    assert needed == {"POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "REDIS_PASSWORD"}


def test_a_copy_of_it_leaves_the_embedded_service_as_it_is(tmp_path: Path) -> None:
    default = Settings()
    shutil.copy(EXAMPLE, tmp_path / ".env")
    assert Settings() == default


def test_compose_takes_up_every_setting() -> None:
    taken = in_compose(r"(?m)^ +([A-Z][A-Z0-9_]*):") | {"DATA_DIR"}  # the image's own
    assert {field.upper() for field in _FIELDS} <= taken


def test_compose_publishes_on_loopback_alone() -> None:
    ports = in_compose(r"ports: \[(.*)\]")
    assert len(ports) == 3
    assert all(re.fullmatch(r'"127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+"', port) for port in ports)
