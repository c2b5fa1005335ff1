import os
import stat
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from task_system import Fail, Retry
from task_system.task_types.data_files import FileName, new_file, read_file, read_text, split_ending
from task_system.testing import FakeContext

file_name = TypeAdapter(FileName)


@pytest.mark.parametrize("name", ["a.csv", "2024/a.csv", "K\u00f6ln 1.csv", "a..b", "x" * 255])
def test_names_inside_the_folder(name: str) -> None:
    assert file_name.validate_python(name) == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "at least 1 character"),
        ("/etc/passwd", "no absolute path"),
        ("..", "`..`"),
        ("../a", "`..`"),
        ("a/../../b", "`..`"),
        ("a/..", "`..`"),
        ("..\\a", "no absolute path"),
        ("C:\\a", "no absolute path"),
        ("a\0.csv", "control characters"),
        ("a\n.csv", "control characters"),
        ("./a", "start with a dot"),
        (".env", "start with a dot"),
        ("a/.hidden/b", "start with a dot"),
        ("a//b", "empty"),
        ("a/", "empty"),
        ("\u00e4" * 128, "longer than 255 bytes"),
        ("a/" * 500 + "a", "at most 1000 characters"),
    ],
)
def test_names_that_are_refused(name: str, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        file_name.validate_python(name)
    assert message in str(error.value)


def read(ctx: FakeContext, name: str) -> bytes:
    with read_file(ctx, file_name.validate_python(name)) as source:
        return source.read()


def test_files_in_the_folder_and_below_are_read(ctx: FakeContext, files: Path) -> None:
    (files / "a").write_bytes(b"1")
    (files / "deep" / "er").mkdir(parents=True)
    (files / "deep" / "er" / "b").write_bytes(b"2")
    assert read(ctx, "a") == b"1"
    assert read(ctx, "deep/er/b") == b"2"


def test_the_folder_itself_may_be_a_link(ctx: FakeContext, files: Path, tmp_path: Path) -> None:
    files.rename(tmp_path / "elsewhere")
    files.symlink_to(tmp_path / "elsewhere")
    (files / "a").write_bytes(b"1")
    assert read(ctx, "a") == b"1"


@pytest.mark.parametrize(
    "kind", ["link", "link inside", "linked folder", "dangling", "folder", "pipe", "device", "socket"]
)
def test_only_plain_files_are_read(tmp_path: Path, kind: str) -> None:
    ctx = FakeContext(tmp_path)
    files = tmp_path / "files"
    files.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (files / "plain").write_text("plain")
    name = "x"
    match kind:
        case "link":
            (files / "x").symlink_to(outside / "secret")
        case "link inside":
            (files / "x").symlink_to(files / "plain")
        case "linked folder":
            (files / "x").symlink_to(outside)
            name = "x/secret"
        case "dangling":
            (files / "x").symlink_to(files / "nothing")
        case "folder":
            (files / "x").mkdir()
        case "pipe":
            os.mkfifo(files / "x")
        case "device":
            name = "null"
            ctx = FakeContext(tmp_path / "machine")
            (tmp_path / "machine").mkdir()
            (tmp_path / "machine" / "files").symlink_to("/dev")
        case "socket":
            os.mknod(files / "x", stat.S_IFSOCK | 0o600)
    with pytest.raises(Fail) as failure:
        read(ctx, name)
    assert "plain file" in str(failure.value)
    assert str(tmp_path) not in str(failure.value)


@pytest.mark.parametrize("name", ["no", "no/a", "no/deep/a"])
def test_a_missing_file_says_what_to_do(ctx: FakeContext, name: str) -> None:
    with pytest.raises(Fail, match=f"`{name}` is not in the data folder's `files/`: put it there"):
        read(ctx, name)


def test_a_missing_folder_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(Fail, match="is not in the data folder") as failure:
        read(FakeContext(tmp_path / "new"), "a")
    assert str(tmp_path) not in str(failure.value)


def test_text_in_another_encoding_fails_when_it_is_read(ctx: FakeContext, files: Path) -> None:
    (files / "a").write_bytes(b"ok\n" * 100_000 + b"\xff")
    with pytest.raises(Fail, match="`a` is no text in UTF-8: save it as UTF-8 first"), read_text(ctx, "a") as file:
        file.stream.read()


def make(ctx: FakeContext, source: str, content: bytes, *, stem: str = "a", ending: str = ".out") -> str:
    with new_file(ctx, source, stem, ending) as made:
        made.stream.write(content)
    return made.name


def test_a_new_file_stands_beside_its_source(ctx: FakeContext, files: Path) -> None:
    (files / "deep").mkdir()
    name = make(ctx, "deep/a.csv", b"x")
    assert name == f"deep/a-{ctx.task_id}.out"
    assert (files / name).read_bytes() == b"x"


def test_a_new_file_appears_when_it_is_complete(ctx: FakeContext, files: Path) -> None:
    with new_file(ctx, "a", "a", ".out") as made:
        made.stream.write(b"x")
        made.stream.flush()
        assert not (files / made.name).exists()
    assert [path.name for path in files.iterdir()] == [made.name]


def test_nothing_is_left_of_a_file_that_was_not_finished(ctx: FakeContext, files: Path) -> None:
    making = new_file(ctx, "a", "a", ".out")
    making.__enter__().stream.write(b"x")
    assert len(list(files.iterdir())) == 1
    assert making.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None) is False
    assert list(files.iterdir()) == []


def test_a_folder_that_takes_no_file_is_tried_again(ctx: FakeContext, files: Path) -> None:
    (files / f".{ctx.task_id}.{ctx.lease_token}.part").touch()
    with pytest.raises(Retry, match="No new file can be made beside `a`: File exists"):
        make(ctx, "a", b"")


def test_another_task_makes_another_file(ctx: FakeContext, files: Path) -> None:
    other = FakeContext(ctx.data_dir)
    assert (files / make(ctx, "a", b"1")).read_bytes() == b"1"
    assert (files / make(other, "a", b"2")).read_bytes() == b"2"
    assert len(list(files.iterdir())) == 2


def test_a_repeated_attempt_puts_its_file_there_again_and_clears_up(ctx: FakeContext, files: Path) -> None:
    killed = new_file(ctx, "a", "a", ".out")
    killed.__enter__().stream.write(b"half")
    assert len(list(files.iterdir())) == 1
    again = FakeContext(ctx.data_dir, task_id=ctx.task_id, attempt=2)
    name = make(again, "a", b"whole")
    assert [path.name for path in files.iterdir()] == [name]
    # the killed one was only thought dead: it finds its place taken and does no harm
    with pytest.raises(FileNotFoundError):
        killed.__exit__(None, None, None)
    assert (files / name).read_bytes() == b"whole"


def test_names_do_not_grow_from_file_to_file(ctx: FakeContext) -> None:
    first = make(ctx, "a", b"", stem="sales", ending=".csv")
    next_task = FakeContext(ctx.data_dir)
    assert (
        make(next_task, first, b"", stem=split_ending(first)[0], ending=".csv.gz")
        == f"sales-{next_task.task_id}.csv.gz"
    )


@pytest.mark.parametrize("stem", ["x" * 255, "\u00e4" * 127])
def test_a_long_name_is_cut_to_what_file_systems_take(ctx: FakeContext, files: Path, stem: str) -> None:
    name = make(ctx, "a", b"", stem=stem, ending=".csv.gz")
    assert name.endswith(f"-{ctx.task_id}.csv.gz")
    assert (files / name).exists()


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("old/sales.2024.csv", ("sales.2024", ".csv")),
        ("sales", ("sales", "")),
        ("a.b c d e f g h i j k", ("a.b c d e f g h i j k", "")),
    ],
)
def test_stem_and_ending(name: str, parts: tuple[str, str]) -> None:
    assert split_ending(name) == parts
