"""Parameters that name files: of those that are not there is told when a task is submitted, and not when it runs."""

import re
from collections.abc import Sequence

import orjson
from pydantic import ValidationError

from task_system.dispatch.findings import Errors, errors_of
from task_system.registry import TaskType
from task_system.registry.files import NamedFiles
from task_system.store.files import Missing

#: How an id begins, in every form that is taken for one. Where there is none, parameters are not validated again.
_ID = re.compile(rb'"(?:urn:uuid:|\{)?[0-9a-fA-F]{8}')


class FileCheck:
    """missing: which of some files are not there. Types whose parameters take no file cost nothing."""

    def __init__(self, missing: Missing) -> None:
        self._missing = missing

    def wrong(self, submitted: Sequence[tuple[TaskType, bytes]], missing: Missing | None = None) -> dict[int, Errors]:
        """What is wrong with which of these valid parameters, by their number; one look for all.

        missing: looks instead of ours. Raises StoreUnavailable.
        """
        taking = [number for number, (type_, sent) in enumerate(submitted) if type_.takes_files and _ID.search(sent)]
        if not taking:
            return {}
        named = NamedFiles()
        for number in taking:
            _validate(*submitted[number], named)
        unknown = (missing or self._missing)(named.ids) if named.ids else ()
        if not unknown:
            return {}
        found = {number: _validate(*submitted[number], NamedFiles(unknown)) for number in taking}
        return {number: errors for number, errors in found.items() if errors}


def _validate(task_type: TaskType, parameters: bytes, named: NamedFiles) -> Errors:
    try:
        task_type.parameters.model_validate_json(parameters, context=named)
    except ValidationError as error:
        return errors_of(error, orjson.loads(parameters), "parameters")
    return []
