"""The file that a first start puts into the data folder."""

from pathlib import Path

from task_system.task_types.data_processing.models import DataParameters
from task_system.task_types.data_processing.work import examine
from task_system.testing import FakeContext
from task_system.wiring.sample import NAME, put_sample


def test_the_examples_that_read_it_work(tmp_path: Path) -> None:
    put_sample(tmp_path / "data")
    examples = [one for one in DataParameters.model_json_schema()["examples"] if one.get("file") == NAME]
    assert examples
    for example in examples:
        assert examine(FakeContext(tmp_path / "data"), DataParameters.model_validate(example))


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    put_sample(tmp_path)
    assert list((tmp_path / "files").iterdir()) == []
    (tmp_path / "blocked").write_text("a file where a folder should be")
    put_sample(tmp_path / "blocked")
