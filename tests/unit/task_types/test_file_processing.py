import gzip
import hashlib
import io
import json
import os
import tarfile
import tracemalloc
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from task_system import Cancelled, Fail
from task_system.registry import default_registry
from task_system.task_types.file_processing import Checksummed, FileMade, FileParameters, Inspected, file_processing
from task_system.testing import FakeContext


def run(ctx: FakeContext, filename: str, operation: str, **parameters: Any) -> Inspected | Checksummed | FileMade:
    submitted = {"filename": filename, "operation": operation, **parameters}
    return file_processing(ctx, FileParameters.model_validate(submitted))


def make(ctx: FakeContext, filename: str, operation: str, **parameters: Any) -> FileMade:
    made = run(ctx, filename, operation, **parameters)
    assert isinstance(made, FileMade)
    content = (ctx.data_dir / "files" / made.output).read_bytes()
    assert made.output_bytes == len(content)
    assert made.output_sha256 == hashlib.sha256(content).hexdigest()
    return made


def inspect(ctx: FakeContext, content: bytes) -> Inspected:
    (ctx.data_dir / "files" / "x").write_bytes(content)
    result = run(ctx, "x", "inspect")
    assert isinstance(result, Inspected)
    assert result.size_bytes == len(content)
    assert result.sha256 == hashlib.sha256(content).hexdigest()
    return result


def fails(ctx: FakeContext, filename: str, operation: str, **parameters: Any) -> str:
    """The reason of a run that must fail for good and leave nothing behind."""
    before = sorted((ctx.data_dir / "files").iterdir())
    with pytest.raises(Fail) as failure:
        run(ctx, filename, operation, **parameters)
    assert sorted((ctx.data_dir / "files").iterdir()) == before
    assert str(ctx.data_dir) not in str(failure.value)
    return str(failure.value)


def test_the_type_is_registered_with_examples_that_validate() -> None:
    assert default_registry.get("file_processing").lane == "file_processing"
    for example in FileParameters.model_json_schema()["examples"]:
        FileParameters.model_validate(example)


@pytest.mark.parametrize("operation", ["inspect", "checksum", "compress", "decompress"])
def test_a_missing_file_fails_for_good(ctx: FakeContext, operation: str) -> None:
    assert "`no.csv` is not in the data folder" in fails(ctx, "no.csv", operation)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"operation": "inspect"}, "filename"),
        ({"filename": "a"}, "operation"),
        ({"filename": "../a", "operation": "inspect"}, "`..`"),
        ({"filename": "a", "operation": "delete"}, "'inspect', 'checksum'"),
        ({"filename": "a", "operation": "convert"}, "needs `target_format`"),
        ({"filename": "a", "operation": "convert", "target_format": "xml"}, "'csv', 'json' or 'ndjson'"),
        ({"filename": "a", "operation": "inspect", "algorithm": "md5"}, "`algorithm` is for checksum"),
        ({"filename": "a", "operation": "compress", "max_ratio": 2}, "`max_ratio` is for decompress"),
        ({"filename": "a", "operation": "decompress", "max_ratio": float("inf")}, "finite number"),
        ({"filename": "a", "operation": "decompress", "max_output_bytes": 10**12}, "less than or equal to"),
        ({"filename": "a", "operation": "inspect", "output": "b"}, "Extra inputs"),
    ],
)
def test_parameters_that_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        FileParameters.model_validate(parameters)
    assert message in str(error.value)


# --- inspect and checksum


def test_text_is_counted(ctx: FakeContext) -> None:
    found = inspect(ctx, b"one two\nthree")
    assert (found.media_type, found.encoding, found.lines, found.words) == ("text/plain", "ascii", 2, 3)


def test_counting_goes_over_the_borders_of_what_is_read_at_once(ctx: FakeContext) -> None:
    content = ("w\u00f6rd " * 400_000 + "last\n").encode()
    assert len(content) > 2 * 1024 * 1024
    found = inspect(ctx, b"x" + content)
    assert (found.encoding, found.lines, found.words) == ("utf-8", 1, 400_001)


@pytest.mark.parametrize(
    ("content", "encoding", "mark"),
    [
        (b"", "ascii", False),
        ("K\u00f6ln".encode(), "utf-8", False),
        ("K\u00f6ln".encode("utf-8-sig"), "utf-8", True),
        (b"\xff\xfe" + "K\u00f6ln\n".encode("utf-16-le"), "utf-16-le", True),
        (b"\xfe\xff" + "K\u00f6ln\n".encode("utf-16-be"), "utf-16-be", True),
        ("K\u00f6ln".encode("latin-1"), "unknown-8bit", False),
        ("K\u00f6ln".encode()[:2], "unknown-8bit", False),
        (b"a\0b", None, False),
        (b"\xff\xfe\x00", None, False),
        (bytes(range(256)), None, False),
    ],
)
def test_encodings(ctx: FakeContext, content: bytes, encoding: str | None, *, mark: bool) -> None:
    found = inspect(ctx, content)
    assert (found.encoding, found.byte_order_mark) == (encoding, mark)
    assert (found.lines is None, found.words is None) == (encoding is None, encoding is None)


def tarred() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"", "application/x-empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n\0", "application/pdf"),
        (b"%PDF-1.7\nonly text", "application/pdf"),
        (b"<!DOCTYPE html><html></html>", "text/html"),
        (b'{"a": [1, 2]}', "application/json"),
        (b'{"a": [1, 2]', "text/plain"),
        (b"[" * 100_000, "text/plain"),
        (b"BMW makes cars", "text/plain"),
        (b"function of the heart", "text/plain"),
        (b"\xfd\xf9\0\x02 nothing known", "application/octet-stream"),
        (tarred(), "application/x-tar"),
        (gzip.compress(b"x"), "application/x-gzip"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_format_is_told_by_content(ctx: FakeContext, content: bytes, media_type: str) -> None:
    assert inspect(ctx, content).media_type == media_type


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "blake2b", "sha1", "md5"])
def test_checksums(ctx: FakeContext, files: Path, algorithm: str) -> None:
    content = os.urandom(3_000_000)
    (files / "a").write_bytes(content)
    result = run(ctx, "a", "checksum", algorithm=algorithm)
    assert isinstance(result, Checksummed)
    assert (result.checksum, result.size_bytes) == (hashlib.new(algorithm, content).hexdigest(), 3_000_000)
    assert ctx.percents == pytest.approx([100 / 3 * 1.048576, 200 / 3 * 1.048576, 100])


# --- compress and decompress


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"hello " * 500_000, Random(1).randbytes(2_000_000)],
    ids=["empty", "one byte", "repetitive", "random"],
)
def test_what_was_compressed_is_decompressed(ctx: FakeContext, files: Path, content: bytes) -> None:
    (files / "a.b.csv").write_bytes(content)
    packed = make(ctx, "a.b.csv", "compress")
    assert packed.output == f"a.b-{ctx.task_id}.csv.gz"
    assert gzip.decompress((files / packed.output).read_bytes()) == content
    assert packed.ratio == len(content) / packed.output_bytes
    other = FakeContext(ctx.data_dir)
    unpacked = make(other, packed.output, "decompress")
    assert unpacked.output == f"a.b-{other.task_id}.csv"
    assert (files / unpacked.output).read_bytes() == content
    assert (files / "a.b.csv").read_bytes() == content


def test_compressing_again_gives_the_same_file(ctx: FakeContext, files: Path) -> None:
    (files / "a").write_bytes(b"x" * 1000)
    first = make(ctx, "a", "compress")
    assert make(FakeContext(ctx.data_dir, task_id=ctx.task_id, attempt=2), "a", "compress") == first
    assert len(list(files.iterdir())) == 2


def test_a_gzip_file_of_several_members_and_padding(ctx: FakeContext, files: Path) -> None:
    members = b"".join(gzip.compress(bytes([letter])) for letter in b"abc" * 5000)
    (files / "a.gz").write_bytes(members + b"\0" * 100_000)
    made = make(ctx, "a.gz", "decompress")
    assert (files / made.output).read_bytes() == b"abc" * 5000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "ends in the middle"),
        (b"plain text", "is no gzip file, or damaged"),
        (gzip.compress(b"hello" * 100)[:-3], "ends in the middle"),
        (gzip.compress(b"hello" * 100)[:-8] + b"\0" * 8, "is no gzip file, or damaged"),
        (gzip.compress(b"hello") + b"garbage", "is no gzip file, or damaged"),
    ],
    ids=["empty", "text", "cut off", "wrong checksum", "garbage behind"],
)
def test_what_cannot_be_decompressed(ctx: FakeContext, files: Path, content: bytes, reason: str) -> None:
    (files / "a.gz").write_bytes(content)
    assert reason in fails(ctx, "a.gz", "decompress")


def test_bombs_are_stopped_early_in_little_memory(ctx: FakeContext, files: Path) -> None:
    (files / "bomb.gz").write_bytes(gzip.compress(b"\0" * 100_000_000))
    tracemalloc.start()
    try:
        assert "200 times its own size: raise `max_ratio`" in fails(ctx, "bomb.gz", "decompress")
        assert "larger than 5,000,000 bytes: raise `max_output_bytes`" in fails(
            ctx, "bomb.gz", "decompress", max_output_bytes=5_000_000
        )
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 10_000_000
    assert make(ctx, "bomb.gz", "decompress", max_ratio=1100).output_bytes == 100_000_000


def test_small_files_may_have_any_ratio(ctx: FakeContext, files: Path) -> None:
    (files / "a.gz").write_bytes(gzip.compress(b"\0" * 10_000_000))
    assert make(ctx, "a.gz", "decompress").output_bytes == 10_000_000


@pytest.mark.parametrize(("name", "output"), [("a.tgz", "a-{}.tar"), ("a.GZ", "a-{}"), ("a.dat", "a-{}.dat.unpacked")])
def test_names_of_what_was_decompressed(ctx: FakeContext, files: Path, name: str, output: str) -> None:
    (files / name).write_bytes(gzip.compress(b"x"))
    assert make(ctx, name, "decompress").output == output.format(ctx.task_id)


@pytest.mark.parametrize("operation", ["inspect", "checksum", "compress", "decompress"])
def test_a_cancel_is_heard_in_the_middle_and_leaves_nothing(ctx: FakeContext, files: Path, operation: str) -> None:
    content = os.urandom(4_000_000)
    (files / "a.gz").write_bytes(gzip.compress(content) if operation == "decompress" else content)
    with pytest.raises(Cancelled):
        run(FakeContext(ctx.data_dir, cancel_after=2), "a.gz", operation)
    assert [path.name for path in files.iterdir()] == ["a.gz"]


# --- convert


def convert(ctx: FakeContext, name: str, content: str | bytes, target: str, **parameters: Any) -> str:
    path = ctx.data_dir / "files" / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    made = make(ctx, name, "convert", target_format=target, **parameters)
    assert made.output == f"{path.stem}-{ctx.task_id}.{target}"
    return (ctx.data_dir / "files" / made.output).read_bytes().decode()


def test_csv_to_json_keeps_texts(ctx: FakeContext) -> None:
    text = 'id,name,\n007,"Ann, ""A""\nLee", x\n1e3,,\n'
    assert json.loads(convert(ctx, "a.csv", text, "json")) == [
        {"id": "007", "name": 'Ann, "A"\nLee', "column_3": " x"},
        {"id": "1e3", "name": "", "column_3": ""},
    ]


def test_csv_to_ndjson(ctx: FakeContext) -> None:
    assert (
        convert(ctx, "a.csv", "a;b\r\n1;\u00e4\r\n2;\u2028\r\n", "ndjson")
        == '{"a":"1","b":"\u00e4"}\n{"a":"2","b":"\u2028"}\n'
    )


def test_csv_without_rows(ctx: FakeContext) -> None:
    assert json.loads(convert(ctx, "a.csv", "a,b\n", "json")) == []
    assert convert(ctx, "a.csv", "", "ndjson") == ""


def test_json_to_csv_has_the_fields_of_all_records(ctx: FakeContext) -> None:
    records = [{"a": 1, "b": None}, {"b": True, "c": {"d": [1.5]}}, {"a": "x,y"}]
    assert convert(ctx, "a.json", json.dumps(records), "csv") == (
        'a,b,c\r\n1,,\r\n,true,"{""d"":[1.5]}"\r\n"x,y",,\r\n'
    )


def test_one_json_object_is_one_record(ctx: FakeContext) -> None:
    assert convert(ctx, "a.json", '{"a": 1}', "csv") == "a\r\n1\r\n"


def test_json_and_ndjson_hold_any_value(ctx: FakeContext) -> None:
    values = [1, "x", None, {"a": [True, 2.5]}, [], 10**30]
    lines = convert(ctx, "a.json", json.dumps(values), "ndjson")
    assert [json.loads(line) for line in lines.splitlines()] == values
    assert json.loads(convert(ctx, "b.jsonl", "\n" + lines + "  \n", "json")) == values


def test_the_caller_may_name_the_format(ctx: FakeContext) -> None:
    assert convert(ctx, "a.txt", "a\n1\n", "ndjson", source_format="csv") == '{"a":"1"}\n'


def test_byte_order_marks_are_no_part_of_the_first_name(ctx: FakeContext) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        assert convert(ctx, "a.csv", "a,b\n1,2\n".encode(encoding), "ndjson") == '{"a":"1","b":"2"}\n'


@pytest.mark.parametrize(
    ("name", "content", "target", "reason"),
    [
        ("a.txt", b"a", "json", "send `source_format`"),
        ("a.csv", b"a", "csv", "is csv already"),
        ("a.csv", b"a,b\n1,2\n3\n", "json", "Line 3 has 1 cells where the header has 2"),
        ("a.csv", b'a,b\n"1"x,2\n', "json", "Line 2 is malformed"),
        ("a.csv", b"K\xf6ln\n", "json", "save it as UTF-8"),
        ("a.json", b"[1,", "ndjson", "The file is no JSON document"),
        ("a.json", b"[NaN]", "ndjson", "NaN is no JSON number"),
        ("a.json", b"[1e999]", "ndjson", "the number 1e999 is too large"),
        ("a.json", b"[" * 100_000 + b"]" * 100_000, "ndjson", "nested too deeply"),
        ("a.json", b"[1]", "csv", "Record 1 is no object"),
        ("a.json", b'["\\ud800"]', "ndjson", "half a surrogate pair"),
        ("a.json", b'[{"a": "\\ud800"}]', "csv", "half a surrogate pair"),
        ("a.ndjson", b'{"a": 1}\n{"a"\n', "csv", "Line 2 is not JSON"),
        ("a.ndjson", b"[" * 5_000_000, "json", "is this one record per line?"),
        ("a.json", json.dumps([{str(n): n} for n in range(1001)]).encode(), "csv", "too many columns"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
def test_what_cannot_be_converted(ctx: FakeContext, name: str, content: bytes, target: str, reason: str) -> None:
    (ctx.data_dir / "files" / name).write_bytes(content)
    assert reason in fails(ctx, name, "convert", target_format=target)


def test_the_output_of_a_conversion_has_its_limit(ctx: FakeContext, files: Path) -> None:
    (files / "a.csv").write_text("a" * 10_000 + "\n" + "1\n" * 10_000)
    assert "larger than 1,000,000 bytes" in fails(
        ctx, "a.csv", "convert", target_format="ndjson", max_output_bytes=1_000_000
    )


def test_conversion_reports_progress_over_both_passes_and_hears_a_cancel(ctx: FakeContext, files: Path) -> None:
    (files / "a.ndjson").write_text('{"a": 1, "b": "some text"}\n' * 10_000)
    make(ctx, "a.ndjson", "convert", target_format="csv")
    assert ctx.percents == sorted(ctx.percents)
    assert ctx.percents[0] < 25
    assert 45 < ctx.percents[len(ctx.percents) // 2 - 1] <= 50
    assert 95 < ctx.percents[-1] <= 100
    with pytest.raises(Cancelled):
        make(FakeContext(ctx.data_dir, cancel_after=30), "a.ndjson", "convert", target_format="csv")
    assert len(list(files.iterdir())) == 2


def test_large_files_are_converted_in_little_memory(ctx: FakeContext, files: Path) -> None:
    (files / "a.ndjson").write_text(f'{{"number": 1, "text": "{"x" * 3000}"}}\n' * 10_000)
    tracemalloc.start()
    try:
        run(ctx, "a.ndjson", "convert", target_format="csv")
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 3_000_000


names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=5)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
tables = st.lists(names, min_size=2, max_size=4, unique=True).flatmap(
    lambda header: st.lists(st.fixed_dictionaries(dict.fromkeys(header, texts)), min_size=1)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(records=tables)
def test_texts_survive_the_way_through_all_formats(ctx: FakeContext, records: list[dict[str, str]]) -> None:
    as_csv = convert(ctx, "a.json", json.dumps(records), "csv")
    as_ndjson = convert(ctx, "b.csv", as_csv, "ndjson")
    assert json.loads(convert(ctx, "c.ndjson", as_ndjson, "json")) == records
