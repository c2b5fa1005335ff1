"""What callers are told of parameters that do not fit."""

import pytest
from pydantic import ValidationError

from task_system.dispatch.findings import errors_of
from task_system.task_types.data_processing.models import DataParameters


def test_what_a_model_says_stands_alone() -> None:
    with pytest.raises(ValidationError) as refused:
        DataParameters.model_validate({"data": {"not": "data"}})
    assert errors_of(refused.value, "parameters")[0]["message"].startswith("send a text")
