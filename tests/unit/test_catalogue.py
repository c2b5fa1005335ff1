"""Loading task types: what cannot be loaded is named, with what to do about it."""

from pathlib import Path

import pytest

from task_system.model.errors import ConfigurationError
from task_system.settings import Settings
from task_system.store import Database
from task_system.wiring import catalogue


def test_a_service_is_run_where_its_catalogue_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "CATALOGUE", "no_such_tasks")
    with pytest.raises(ConfigurationError, match=r"'no_such_tasks' cannot be loaded.*Run this in the service's folder"):
        catalogue.load_task_types(Settings())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no_such_types' cannot be loaded: ModuleNotFoundError"),
        ("import json\n\njson.loads('')\n", "no_such_types' cannot be loaded, line 3: JSONDecodeError"),
    ],
)
def test_a_module_that_cannot_be_loaded_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, said: str
) -> None:
    if text:
        (tmp_path / "no_such_types.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match=f"{said}.*take it out of TASK_MODULES"):
        catalogue.load_task_types(Settings(task_modules=("no_such_types",)))


def test_a_folder_that_cannot_be_made_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"folder /dev/null/data cannot be made.*Set DATA_DIR"):
        Database("sqlite:////dev/null/data/tasks.db")
