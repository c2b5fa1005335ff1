"""Files by id: what is made of them has an id, too, and nothing is looked for in the data folder."""

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from task_system import Cancelled, Fail
from task_system.task_types.data_files import FileById, FileSource
from task_system.task_types.data_processing import DataParameters, data_processing
from task_system.task_types.email_sending import EmailParameters, email_sending
from task_system.task_types.file_processing import FileParameters, file_processing
from task_system.task_types.image_processing import ImageParameters
from task_system.testing import FakeContext

ID = "0192f0c1-2f4b-7cc0-9d36-5b1e3c7a8d10"
source = TypeAdapter(FileSource)


@pytest.fixture
def ctx(tmp_path: Path) -> FakeContext:
    """Without a folder `files`."""
    return FakeContext(tmp_path)


def by_id(ctx: FakeContext, name: str, content: bytes) -> dict[str, str]:
    return {"file_id": str(ctx.add_file(name, content))}


def content(ctx: FakeContext, file_id: UUID | None) -> bytes:
    assert file_id in ctx.created
    return ctx.local_path(file_id).read_bytes()


def do(ctx: FakeContext, operation: str, file: dict[str, str], **more: Any) -> Any:
    return file_processing(ctx, FileParameters.model_validate({"operation": operation, "filename": file, **more}))


@pytest.mark.parametrize("sent", [{"file_id": ID}, ID, {"file_id": ID.upper()}])
def test_an_id_is_told_from_a_name(sent: Any) -> None:
    found = source.validate_python(sent)
    assert isinstance(found, FileById)
    assert found.file_id == UUID(ID)


@pytest.mark.parametrize("sent", ["sales.csv", f"{ID}.csv", "2024/sales.csv"])
def test_a_name_is_a_name(sent: str) -> None:
    assert not isinstance(source.validate_python(sent), FileById)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"file_id": "no id"}, "must be the id of a file"),
        ({"file_id": ID, "name": "x"}, "give the name of a file"),
        (7, "give the name of a file"),
        ("", "from 1 to 1000 characters"),
        ("../x", "`..`"),
    ],
)
def test_what_is_neither_is_refused_with_a_path(sent: Any, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        DataParameters.model_validate({"file": sent})
    assert error.value.errors()[0]["loc"] == ("file",)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (DataParameters, ("properties", "file")),
        (FileParameters, ("properties", "filename")),
        (FileParameters, ("properties", "filenames", "anyOf", 0, "items")),
        (EmailParameters, ("properties", "attachments", "items")),
        (ImageParameters, ("$defs", "ImageInput", "properties", "filename")),
    ],
)
def test_schemas_say_which_properties_take_files(model: type[BaseModel], path: tuple[Any, ...]) -> None:
    found: Any = model.model_json_schema()
    for step in path:
        found = found[step]
    assert found["format"] == "file-id"


def test_a_table_is_read_and_written(ctx: FakeContext) -> None:
    file = by_id(ctx, "sales.csv", b"city,price\nBonn,1\nOslo,2\n")
    result = data_processing(ctx, DataParameters.model_validate({"file": file, "output": "ndjson"}))
    assert result.format == "csv"
    assert result.output
    assert result.output.name == "sales.ndjson"
    assert content(ctx, result.output.file_id).count(b"\n") == 2


def test_ndjson_by_its_name(ctx: FakeContext) -> None:
    file = by_id(ctx, "a.ndjson", b'{"a": 1}\n')
    assert data_processing(ctx, DataParameters.model_validate({"file": file})).format == "ndjson"


def test_operations_on_one_file(ctx: FakeContext) -> None:
    file = by_id(ctx, "a.csv", b"a,b\n1,2\n")
    assert do(ctx, "inspect", file).filename == "a.csv"
    packed = do(ctx, "compress", file)
    assert (packed.filename, packed.output) == ("a.csv", "a.csv.gz")
    assert gzip.decompress(content(ctx, packed.output_file_id)) == b"a,b\n1,2\n"
    back = do(ctx, "decompress", {"file_id": str(packed.output_file_id)})
    assert (back.output, content(ctx, back.output_file_id)) == ("a.csv", b"a,b\n1,2\n")
    assert content(ctx, do(ctx, "convert", file, target_format="ndjson").output_file_id) == b'{"a":"1","b":"2"}\n'
    secret = do(ctx, "encrypt", file, passphrase="correct horse")
    opened = do(ctx, "decrypt", {"file_id": str(secret.output_file_id)}, passphrase="correct horse")
    assert content(ctx, opened.output_file_id) == b"a,b\n1,2\n"
    parts = do(ctx, "split", file, part_lines=1).outputs
    assert [(part.output, content(ctx, part.output_file_id)) for part in parts] == [
        ("a-1.csv", b"a,b\n"),
        ("a-2.csv", b"1,2\n"),
    ]


def test_files_of_one_name_are_archived_side_by_side(ctx: FakeContext) -> None:
    files = [by_id(ctx, "a.txt", b"1"), by_id(ctx, "a.txt", b"2"), by_id(ctx, "b.txt", b"3")]
    parameters = FileParameters.model_validate({"operation": "archive", "filenames": files})
    made: Any = file_processing(ctx, parameters)
    with zipfile.ZipFile(io.BytesIO(content(ctx, made.output_file_id))) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == {
            "a.txt": b"1",
            "a-2.txt": b"2",
            "b.txt": b"3",
        }
    unpacked = do(ctx, "unarchive", {"file_id": str(made.output_file_id)})
    assert [content(ctx, piece.output_file_id) for piece in unpacked.outputs] == [b"1", b"2", b"3"]


def test_an_attachment_has_its_file_s_name(ctx: FakeContext) -> None:
    file = by_id(ctx, "report.pdf", b"%PDF-1.7")
    email_sending(ctx, EmailParameters.model_validate({"to": "a@example.com", "text": "x", "attachments": [file]}))
    [message] = (ctx.data_dir / "outbox").glob("*.eml")
    assert b'filename="report.pdf"' in message.read_bytes()


@pytest.mark.parametrize("operation", ["inspect", "compress"])
def test_a_file_that_is_gone_fails_for_good(ctx: FakeContext, operation: str) -> None:
    with pytest.raises(Fail, match=f"There is no file `{ID}`"):
        do(ctx, operation, {"file_id": ID})


def test_nothing_is_made_by_what_is_cancelled(tmp_path: Path) -> None:
    ctx = FakeContext(tmp_path, cancel_after=0)
    with pytest.raises(Cancelled):
        do(ctx, "compress", by_id(ctx, "a", b"x"))
    assert ctx.created == {}
