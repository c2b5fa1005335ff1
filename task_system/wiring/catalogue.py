"""The task types of one service: the catalogue, the modules that settings name, and the folder of one's own."""

import importlib
import sys
import traceback
from pathlib import Path

from task_system.model.errors import ConfigurationError, TaskSystemError
from task_system.registry import Registry, default_registry
from task_system.settings import Settings

#: The module of the service's own catalogue.
CATALOGUE = "tasks"


def load_task_types(settings: Settings) -> Registry:
    """Import every module that registers task types. Raises ConfigurationError, which names the file and the line."""
    _import(CATALOGUE, "Run this in the service's folder, where `tasks.py` is")
    for module in settings.task_modules:
        _import(module, "Mend it, or take it out of TASK_MODULES")
    if settings.task_folder.is_dir():
        for path in files_of(settings.task_folder):
            _load(path)
    return default_registry


def files_of(folder: Path) -> list[Path]:
    """The files that are loaded, in the order of their names: not tests, and nothing that begins with `_` or `.`."""
    return sorted(path for path in folder.glob("*.py") if not path.name.startswith(("_", ".", "test_")))


def _load(path: Path) -> None:
    """As a module of its folder, so that one may import another, and a test all of them."""
    parent = str(path.parent.parent.resolve())
    if parent not in sys.path:
        sys.path.insert(0, parent)
    _import(f"{path.parent.name}.{path.stem}", f"Mend it, or move it out of {path.parent}/", str(path))


def _import(module: str, mend: str, known_as: str = "") -> None:
    known_as = known_as or f"The module {module!r}"
    try:
        importlib.import_module(module)
    except TaskSystemError as error:
        raise ConfigurationError(f"{known_as} cannot be loaded. {error}") from None
    except Exception as error:  # noqa: BLE001 - a module may raise anything
        file = f"{module.rpartition('.')[2]}.py"
        what = f"{known_as} cannot be loaded{_where(error, file)}: {type(error).__name__}: {error}"
        raise ConfigurationError(f"{what}. {mend}; nothing was started.") from None


def _where(error: Exception, file: str) -> str:
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).name == file]
    return f", line {lines[-1]}" if lines else ""
