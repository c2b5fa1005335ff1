"""The code before the newest migration, from this repository's history."""

import subprocess
import tarfile
from importlib.util import module_from_spec, spec_from_file_location
from io import BytesIO
from pathlib import Path

import pytest

import task_system.store as store_package
from task_system.store.schema import REVISION
from tests.chaos.harness.report import ROOT

_VERSIONS = Path(store_package.__file__).parent / "migrations" / "versions"


def newest_migration() -> Path:
    """The file of the migration that today's code needs."""
    [path] = _VERSIONS.glob(f"{REVISION}_*.py")
    return path


def revision_before() -> str:
    """The schema that the code before it needs."""
    spec = spec_from_file_location("newest_migration", newest_migration())
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.down_revision)


def code_before(folder: Path) -> Path:
    """Put the tree as it was before the newest migration there; skip where the history is not at hand."""
    path = str(newest_migration().relative_to(ROOT))
    # Not yet committed: the code before it is the last that is.
    added = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", path).decode().strip()
    tree = _git("archive", "--format=tar", f"{added}^" if added else "HEAD")
    with tarfile.open(fileobj=BytesIO(tree)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _git(*arguments: str) -> bytes:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, timeout=60).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs the history of this repository: {error}")
