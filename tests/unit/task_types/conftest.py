from pathlib import Path

import pytest

from task_system.testing import FakeContext


@pytest.fixture
def ctx(tmp_path: Path) -> FakeContext:
    (tmp_path / "files").mkdir()
    return FakeContext(tmp_path)


@pytest.fixture
def files(ctx: FakeContext) -> Path:
    """The folder that callers' file names are looked up in."""
    return ctx.data_dir / "files"
