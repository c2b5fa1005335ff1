"""A submission: one of the registered task types, told apart by `task_type`."""

from typing import Any

from pydantic import ValidationError

from task_system.api.openapi.schemas import PREFIX, Schema, Schemas
from task_system.api.tasks import SubmitTask
from task_system.registry import Registry, TaskType

NAME = "Submission"
REFERENCE = {"$ref": f"{PREFIX}{NAME}"}


def add_submissions(schemas: Schemas, registry: Registry) -> None:
    """Give the union, and its variants, their names."""
    base = schemas.whole(SubmitTask, "validation")
    names = {}
    for task_type in registry:
        names[task_type.name] = f"Submit_{task_type.name}"
        schemas.named[names[task_type.name]] = _variant(base, task_type, schemas)
    references = {name: f"{PREFIX}{variant}" for name, variant in names.items()}
    schemas.named[NAME] = {
        "description": "A task to be done. What it takes depends on its `task_type`.",
        "oneOf": [{"$ref": reference} for reference in references.values()],
        "discriminator": {"propertyName": "task_type", "mapping": references},
    }


def submission_examples(registry: Registry) -> dict[str, Any]:
    """One of each type."""
    return {
        task_type.name: {
            "summary": task_type.description.partition("\n")[0],
            "value": {"task_type": task_type.name, "parameters": task_type.example},
        }
        for task_type in registry
    }


def _variant(base: Schema, task_type: TaskType, schemas: Schemas) -> Schema:
    parameters = schemas.of(task_type.parameters, "validation")
    needed = not _takes_none(task_type)
    return {
        **{name: value for name, value in base.items() if name != "title"},
        "description": task_type.description,
        "properties": {
            **base["properties"],
            "task_type": {"const": task_type.name, "type": "string"},
            "parameters": parameters,
        },
        "required": ["task_type", *(["parameters"] if needed else [])],
    }


def _takes_none(task_type: TaskType) -> bool:
    try:
        task_type.parameters.model_validate({})
    except ValidationError:
        return False
    return True
