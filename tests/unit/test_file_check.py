"""Files that parameters name by their ids, as they are met when a task is submitted."""

from collections.abc import Set
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from pydantic import BaseModel, ValidationInfo, field_validator

from task_system import Context, FileId, task_type
from task_system.dispatch.file_check import Errors, FileCheck
from task_system.registry import Registry, TaskType
from task_system.task_types.data_files import FileSource

KNOWN, UNKNOWN, OTHER = uuid4(), uuid4(), uuid4()


class Page(BaseModel):
    picture: FileId | None = None
    sources: list[FileSource] = []


class Book(BaseModel):
    pages: list[Page]


class Plain(BaseModel):
    text: str

    @field_validator("text")
    @classmethod
    def _alone(cls, text: str, info: ValidationInfo[Any]) -> str:
        assert info.context is None
        return text


@pytest.fixture
def registry() -> Registry:
    made = Registry()

    @task_type("book", example={"pages": []}, registry=made)
    def book(_ctx: Context, _parameters: Book) -> None: ...

    @task_type("plain", example={"text": ""}, registry=made)
    def plain(_ctx: Context, _parameters: Plain) -> None: ...

    return made


class Asked:
    """A store that has one file, and notes what it is asked."""

    def __init__(self) -> None:
        self.looks: list[Set[UUID]] = []

    def unknown(self, file_ids: Set[UUID]) -> Set[UUID]:
        self.looks.append(file_ids)
        return file_ids - {KNOWN}


def sent(type_: TaskType, parameters: Any) -> tuple[TaskType, bytes]:
    return type_, orjson.dumps(parameters)


def paths(errors: Errors) -> list[str]:
    assert all("there is no file" in error["message"] for error in errors)
    return [error["path"] for error in errors]


def test_a_type_says_whether_it_takes_files(registry: Registry) -> None:
    assert (registry.get("book").takes_files, registry.get("plain").takes_files) == (True, False)


def test_each_unknown_file_is_told_where_it_stands(registry: Registry) -> None:
    asked, book = Asked(), registry.get("book")
    pages = [{"picture": str(KNOWN)}, {"picture": UNKNOWN.hex}, {"sources": [{"file_id": str(KNOWN)}, str(OTHER)]}]
    wrong = FileCheck(asked.unknown).wrong([sent(book, {"pages": pages})])
    assert paths(wrong[0]) == ["parameters.pages.1.picture", "parameters.pages.2.sources.1"]


@pytest.mark.parametrize("form", ["{}", "urn:uuid:{}", "{{{}}}"])
def test_an_id_is_known_in_every_form(registry: Registry, form: str) -> None:
    wish = {"pages": [{"picture": form.format(str(UNKNOWN).upper())}]}
    assert list(FileCheck(Asked().unknown).wrong([sent(registry.get("book"), wish)])) == [0]


def test_many_are_looked_up_at_once_and_each_is_told_of_its_own(registry: Registry) -> None:
    asked, book, plain = Asked(), registry.get("book"), registry.get("plain")
    with_file = [sent(book, {"pages": [{"picture": str(id_)}]}) for id_ in (UNKNOWN, KNOWN, OTHER)]
    wrong = FileCheck(asked.unknown).wrong([sent(plain, {"text": str(UNKNOWN)}), *with_file])
    assert (asked.looks, list(wrong)) == ([{UNKNOWN, KNOWN, OTHER}], [1, 3])
    assert str(OTHER) in wrong[3][0]["message"]


def test_what_names_no_file_is_not_looked_up(registry: Registry) -> None:
    asked, book, plain = Asked(), registry.get("book"), registry.get("plain")
    none = sent(book, {"pages": [{"sources": ["by/name.csv"]}]})
    assert FileCheck(asked.unknown).wrong([none, sent(plain, {"text": str(UNKNOWN)})]) == {}
    assert asked.looks == []
