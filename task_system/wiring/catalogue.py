"""The task types of one service: the catalogue, the modules that settings name, and the folder of one's own."""

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path

from task_system.model.errors import ConfigurationError, TaskSystemError
from task_system.registry import Registry, default_registry
from task_system.settings import Settings

#: The module of the service's own catalogue.
CATALOGUE = "tasks"
#: In the folder where the service is started, unless settings say otherwise.
FOLDER = "custom_tasks"


def load_task_types(settings: Settings) -> Registry:
    """Import every module that registers task types. Raises ConfigurationError, which names the file and the line."""
    for module in (CATALOGUE, *settings.task_modules):
        importlib.import_module(module)
    if settings.task_folder.is_dir():
        for path in files_of(settings.task_folder):
            _load(path)
    return default_registry


def files_of(folder: Path) -> list[Path]:
    """The files that are loaded, in the order of their names: not tests, and nothing that begins with `_` or `.`."""
    return sorted(path for path in folder.glob("*.py") if not path.name.startswith(("_", ".", "test_")))


def _load(path: Path) -> None:
    """As a module of its folder, so that one may import another, and a test all of them."""
    name = f"{path.parent.name}.{path.stem}"
    if name in sys.modules:
        return
    parent = str(path.parent.parent.resolve())
    if parent not in sys.path:
        sys.path.insert(0, parent)
    try:
        importlib.import_module(name)
    except TaskSystemError as error:
        raise ConfigurationError(f"{path} cannot be loaded. {error}") from None
    except Exception as error:
        raise ConfigurationError(
            f"{path} cannot be loaded{_where(error, path)}: {type(error).__name__}: {error}. "
            f"Mend it, or move it out of {path.parent}/; nothing was started."
        ) from error


def _where(error: Exception, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(path.name)]
    return f", line {lines[-1]}" if lines else ""
