import gzip
import io
import os
import stat
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from task_system import Cancelled, Fail
from task_system.task_types.file_processing import FileParameters, Packed, Unpacked, file_processing
from task_system.task_types.file_processing import parts as parts_module
from task_system.testing import FakeContext

FORMATS = ["zip", "tar.gz"]


def run(ctx: FakeContext, operation: str, **parameters: Any) -> Any:
    return file_processing(ctx, FileParameters(operation=operation, **parameters))


def archive(ctx: FakeContext, kind: str, *names: str) -> Packed:
    packed = run(ctx, "archive", filenames=list(names), archive_format=kind)
    assert isinstance(packed, Packed)
    return packed


def unarchive(ctx: FakeContext, name: str, **parameters: Any) -> dict[str | None, bytes]:
    result = run(ctx, "unarchive", filename=name, **parameters)
    assert isinstance(result, Unpacked)
    contents = {each.entry: (ctx.data_dir / "files" / each.output).read_bytes() for each in result.outputs}
    assert result.output_bytes == sum(map(len, contents.values()))
    return contents


def refused(ctx: FakeContext, content: bytes, **parameters: Any) -> str:
    """Why an archive is refused, after which nothing is left."""
    files = ctx.data_dir / "files"
    (files / "a").write_bytes(content)
    with pytest.raises(Fail) as failure:
        unarchive(ctx, "a", **parameters)
    assert [path.name for path in files.iterdir()] == ["a"]
    assert str(ctx.data_dir) not in str(failure.value)
    return str(failure.value)


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as packed:
        for name, content in entries:
            packed.writestr(zipfile.ZipInfo(name), content, method)
    return made.getvalue()


def tarred(*entries: tuple[str, bytes], change: Callable[[tarfile.TarInfo], None] = lambda _: None) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as packed:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            change(info)
            packed.addfile(info, io.BytesIO(content))
    return made.getvalue()


def made(kind: str, *entries: tuple[str, bytes]) -> bytes:
    return zipped(*entries) if kind == "zip" else tarred(*entries)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"operation": "archive", "filename": "a"}, "needs `filenames`, and no `filename`"),
        ({"operation": "archive", "filename": "a", "filenames": ["a"]}, "needs `filenames`, and no `filename`"),
        ({"operation": "archive", "filenames": ["a", "a"]}, "the same file is there twice"),
        ({"operation": "archive", "filenames": []}, "at least 1 item"),
        ({"operation": "merge", "filenames": ["../a"]}, "`..`"),
        ({"operation": "inspect", "filenames": ["a"]}, "needs `filename`, and no `filenames`"),
        ({"operation": "split", "filename": "a"}, "needs `part_bytes` or `part_lines`"),
        ({"operation": "split", "filename": "a", "part_bytes": 1, "part_lines": 1}, "not both"),
        ({"operation": "unarchive", "filename": "a", "part_bytes": 1}, "`part_bytes` is for split"),
        ({"operation": "unarchive", "filename": "a", "max_files": 10**6}, "less than or equal to"),
    ],
)
def test_parameters_that_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        FileParameters.model_validate(parameters)
    assert message in str(error.value)


# --- archive, and back


@pytest.mark.parametrize("kind", FORMATS)
def test_what_was_archived_comes_out_again(ctx: FakeContext, files: Path, kind: str) -> None:
    (files / "deep").mkdir()
    wanted = {
        "a.txt": b"hello",
        "deep/a.txt": b"",
        "K\u00f6ln": os.urandom(2_500_000),
        "deep/" + "x" * 200: b"x" * 512,
        "block": b"y" * 10_240,
    }
    for name, content in wanted.items():
        (files / name).write_bytes(content)
    packed = archive(ctx, kind, *wanted)
    assert packed.output == f"archive-{ctx.task_id}.{kind}"
    assert packed.size_bytes == sum(map(len, wanted.values()))
    assert packed.output_bytes == (files / packed.output).stat().st_size
    assert ctx.percents == sorted(ctx.percents)
    assert ctx.percents[-1] == 100
    other = FakeContext(ctx.data_dir)
    assert unarchive(other, packed.output) == wanted
    assert (files / f"a-{other.task_id}-1.txt").read_bytes() == b"hello"


@pytest.mark.parametrize("kind", FORMATS)
def test_other_programs_read_the_archives(ctx: FakeContext, files: Path, kind: str) -> None:
    (files / "a.txt").write_bytes(b"hello")
    path = files / archive(ctx, kind, "a.txt").output
    if kind == "zip":
        with zipfile.ZipFile(path) as found:
            assert found.testzip() is None
            assert found.read("a.txt") == b"hello"
    else:
        with tarfile.open(path) as found_tar:
            content = found_tar.extractfile("a.txt")
            assert content
            assert content.read() == b"hello"


@pytest.mark.parametrize("kind", FORMATS)
def test_archiving_again_gives_the_same_file(ctx: FakeContext, files: Path, kind: str) -> None:
    (files / "a").write_bytes(b"x" * 1000)
    first = archive(ctx, kind, "a")
    os.utime(files / "a", (1, 1))
    assert archive(FakeContext(ctx.data_dir, task_id=ctx.task_id, attempt=2), kind, "a") == first


@pytest.mark.parametrize("kind", FORMATS)
def test_a_missing_file_leaves_no_archive(ctx: FakeContext, files: Path, kind: str) -> None:
    (files / "a").write_bytes(b"x")
    with pytest.raises(Fail, match="`b` is not in the data folder"):
        archive(ctx, kind, "a", "b")
    assert [path.name for path in files.iterdir()] == ["a"]


# --- what is refused


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../a", "a/../../b", "..", "a/..", "C:/a", "c:a", "..\\a", "a\\b"],
)
def test_names_that_lead_elsewhere(ctx: FakeContext, kind: str, name: str) -> None:
    assert "leads elsewhere" in refused(ctx, made(kind, ("good", b"1"), (name, b"2")))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", ["a" * 1001, "a/" * 60 + "a"])
def test_names_that_are_too_long_or_too_deep(ctx: FakeContext, kind: str, name: str) -> None:
    assert "too long or too deep" in refused(ctx, made(kind, (name, b"")))


@pytest.mark.parametrize("kind", FORMATS)
def test_names_that_are_no_text(ctx: FakeContext, kind: str) -> None:
    assert "no text" in refused(ctx, made(kind, ("a\nb", b"")))


@pytest.mark.parametrize("kind", FORMATS)
def test_odd_but_harmless_names_become_plain_ones(ctx: FakeContext, files: Path, kind: str) -> None:
    entries = [(".bashrc", b"1"), ("a/...", b"2"), ("a/b/", b""), ("\u00e4" * 200, b"3"), ("x.a b", b"4")]
    (files / "in").write_bytes(made(kind, *entries))
    wanted = {name: content for name, content in entries if kind == "tar.gz" or not name.endswith("/")}
    assert list(unarchive(ctx, "in").values()) == list(wanted.values())
    assert (files / f"bashrc-{ctx.task_id}-1").exists()
    assert (files / f"file-{ctx.task_id}-2").exists()
    assert all(FileParameters(operation="inspect", filename=path.name) for path in files.iterdir())


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_in_zip_files(ctx: FakeContext, kind: int) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("good", b"1")
        info = zipfile.ZipInfo("evil")
        info.external_attr = (kind | 0o777) << 16
        packed.writestr(info, b"/etc/passwd")
    assert "holds a link or a device: 'evil'" in refused(ctx, content.getvalue())


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_tar_files(ctx: FakeContext, kind: bytes) -> None:
    def change(info: tarfile.TarInfo) -> None:
        if info.name == "evil":
            info.type, info.linkname = kind, "/etc/passwd"

    assert "holds a link or a device: 'evil'" in refused(ctx, tarred(("good", b"1"), ("evil", b""), change=change))


@pytest.mark.parametrize("kind", FORMATS)
def test_too_many_entries(ctx: FakeContext, kind: str) -> None:
    content = made(kind, *((str(number), b"") for number in range(11)))
    assert "more than 10 entries: raise `max_files`" in refused(ctx, content, max_files=10)
    assert len(unarchive(ctx, "a", max_files=11)) == 11


@pytest.mark.parametrize("kind", FORMATS)
def test_bombs_are_stopped_early_in_little_memory(ctx: FakeContext, kind: str) -> None:
    content = made(kind, ("small", b"x"), ("bomb", b"\0" * 60_000_000))
    tracemalloc.start()
    try:
        assert "200 times its own size: raise `max_ratio`" in refused(ctx, content)
        assert "larger than 3,000,000 bytes" in refused(ctx, content, max_output_bytes=3_000_000)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 12_000_000
    assert len(unarchive(ctx, "a", max_ratio=1100)["bomb"]) == 60_000_000


def test_many_files_count_together(ctx: FakeContext) -> None:
    content = zipped(*((str(number), b"\0" * 1_000_000) for number in range(30)))
    assert "200 times its own size" in refused(ctx, content)


def test_a_header_that_claims_to_be_huge_is_not_read(ctx: FakeContext) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 900_000_000
    content = gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + b"a" * 30_000_000)
    assert "header that is larger than 8,388,608 bytes" in refused(ctx, content, max_ratio=1100)


def test_a_list_of_entries_that_is_huge_is_not_read(ctx: FakeContext) -> None:
    content = zipped(*((f"{number:04}" + "x" * 990, b"") for number in range(9000)), method=zipfile.ZIP_STORED)
    assert "list of its entries that is larger than 8,388,608 bytes" in refused(ctx, content)


def test_zip_files_that_need_what_is_not_supported(ctx: FakeContext) -> None:
    assert "method that is not supported" in refused(ctx, zipped(("a", b"x"), method=zipfile.ZIP_LZMA))
    encrypted = bytearray(zipped(("a", b"x")))
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    assert "is encrypted" in refused(ctx, bytes(encrypted))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_what_was_cut_off(ctx: FakeContext, kind: str, share: float) -> None:
    content = made(kind, ("a", os.urandom(100_000)), ("b", os.urandom(100_000)))
    reason = refused(ctx, content[: int(len(content) * share)])
    assert "is damaged" in reason or "is not complete" in reason


def test_what_is_damaged(ctx: FakeContext) -> None:
    content = bytearray(zipped(("a", b"x" * 1000), method=zipfile.ZIP_STORED))
    content[500] ^= 1
    assert "is damaged: Bad CRC-32" in refused(ctx, bytes(content))
    tar = bytearray(gzip.decompress(tarred(("a", b"x" * 512), ("b", b"y" * 512))))
    tar[1024 + 10] ^= 1
    assert "is damaged: a header is not one" in refused(ctx, gzip.compress(tar))
    good = tarred(("a", b"x"))
    assert "is damaged" in refused(ctx, good[:-8] + b"\0" * 8)
    for other in (b"", b"PK\x03\x04", b"text", gzip.compress(b"no tar" * 200), b"\x1f\x8b"):
        refused(ctx, other)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_cancel_leaves_nothing(ctx: FakeContext, files: Path, kind: str) -> None:
    (files / "a").write_bytes(made(kind, *((str(number), os.urandom(300_000)) for number in range(5))))
    for looks in (0, 3, 12, 20):
        with pytest.raises(Cancelled):
            unarchive(FakeContext(ctx.data_dir, cancel_after=looks), "a")
        assert [path.name for path in files.iterdir()] == ["a"]


# --- split and merge


@pytest.mark.parametrize(
    ("content", "parameters", "parts"),
    [
        (b"abcdefgh", {"part_bytes": 3}, [b"abc", b"def", b"gh"]),
        (b"abcdef", {"part_bytes": 3}, [b"abc", b"def"]),
        (b"abc", {"part_bytes": 10**12}, [b"abc"]),
        (b"", {"part_bytes": 3}, []),
        (b"1\n2\n3\n4\n5", {"part_lines": 2}, [b"1\n2\n", b"3\n4\n", b"5"]),
        (b"1\n2\n", {"part_lines": 1}, [b"1\n", b"2\n"]),
        (b"\n\n\n", {"part_lines": 2}, [b"\n\n", b"\n"]),
        (b"no line", {"part_lines": 2}, [b"no line"]),
        (b"", {"part_lines": 2}, []),
        (b"x" * 70_000 + b"\ny\nz\n", {"part_lines": 2}, [b"x" * 70_000 + b"\ny\n", b"z\n"]),
        (b"y" * 2_500_000, {"part_bytes": 2_000_000}, [b"y" * 2_000_000, b"y" * 500_000]),
    ],
)
def test_parts(ctx: FakeContext, files: Path, content: bytes, parameters: dict[str, Any], parts: list[bytes]) -> None:
    (files / "a.txt").write_bytes(content)
    result = run(ctx, "split", filename="a.txt", **parameters)
    assert isinstance(result, Unpacked)
    assert [(files / each.output).read_bytes() for each in result.outputs] == parts
    assert [each.output for each in result.outputs] == [
        f"a-{ctx.task_id}-{number}.txt" for number in range(1, len(parts) + 1)
    ]
    if parts:
        other = FakeContext(ctx.data_dir)
        merged = run(other, "merge", filenames=[each.output for each in result.outputs])
        assert merged.output == f"merged-{other.task_id}.txt"
        assert (files / merged.output).read_bytes() == content
        assert (merged.size_bytes, merged.output_bytes) == (len(content), len(content))


def test_too_many_parts(ctx: FakeContext, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # each part is on disk before the next, which takes long for the true number
    monkeypatch.setattr(parts_module, "PARTS_MAX", 9)
    (files / "a").write_bytes(b"\n" * 10)
    for parameters in ({"part_bytes": 1}, {"part_lines": 1}):
        with pytest.raises(Fail, match="more than 9 parts"):
            run(ctx, "split", filename="a", **parameters)
        assert [path.name for path in files.iterdir()] == ["a"]


def test_merging_the_same_file_twice_is_no_mistake(ctx: FakeContext, files: Path) -> None:
    (files / "a").write_bytes(b"ab")
    merged = run(ctx, "merge", filenames=["a", "a"])
    assert (files / merged.output).read_bytes() == b"abab"


def test_a_cancel_of_a_split_leaves_nothing(ctx: FakeContext, files: Path) -> None:
    (files / "a").write_bytes(b"abc")
    for operation in (
        {"operation": "split", "filename": "a", "part_bytes": 1},
        {"operation": "merge", "filenames": ["a"]},
    ):
        with pytest.raises(Cancelled):
            run(FakeContext(ctx.data_dir, cancel_after=1), **operation)
        assert [path.name for path in files.iterdir()] == ["a"]
