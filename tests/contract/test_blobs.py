"""What a blob store promises, in a folder and in S3 alike."""

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from task_system.files import Blobs, LocalBlobs
from task_system.files.s3 import S3Blobs
from task_system.model.errors import FileNotFound, FilesUnavailable
from task_system.model.ids import new_id

MIB = 1024 * 1024


def kept(blobs: Blobs, *chunks: bytes) -> UUID:
    blob = new_id()
    blobs.put(blob, chunks)
    return blob


def content(blobs: Blobs, blob: UUID, start: int = 0, end: int | None = None) -> bytes:
    return b"".join(blobs.read(blob, start, end))


def all_of(blobs: Blobs) -> set[UUID]:
    # What is there since before the next minute: everything.
    return set(blobs.older_than(-60))


def left_in_scratch(blobs: Blobs) -> list[str]:
    return [path.name for path in blobs.prepare().iterdir()]


@pytest.mark.parametrize("size", [0, 1, 100_000, 9 * MIB])
def test_what_is_put_is_read(blobs: Blobs, size: int) -> None:
    data = os.urandom(size)
    blob = kept(blobs, data[: size // 2], b"", data[size // 2 :])
    assert content(blobs, blob) == data
    assert left_in_scratch(blobs) == []


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 3, b"abc"), (2, 5, b"cde"), (7, 8, b"h"), (3, None, b"defgh"), (5, 100, b"fgh"), (4, 4, b"")],
)
def test_a_part_is_read(blobs: Blobs, start: int, end: int | None, expected: bytes) -> None:
    assert content(blobs, kept(blobs, b"abcdefgh"), start, end) == expected


def test_what_is_not_there_is_noticed_before_the_first_piece(blobs: Blobs) -> None:
    missing = uuid4()
    with pytest.raises(FileNotFound) as error:
        blobs.read(missing)
    assert error.value.facts == {"file_id": str(missing)}
    with pytest.raises(FileNotFound), blobs.open(missing):
        pass
    with pytest.raises(FileNotFound):
        blobs.fetch(missing, blobs.prepare() / "missing")


@pytest.mark.parametrize("error", [ValueError("broken off"), OSError("the caller went away"), FileNotFoundError("his")])
def test_nothing_is_left_of_what_breaks_off(blobs: Blobs, error: Exception) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"x" * 100
        raise error

    blob = new_id()
    with pytest.raises(type(error)) as raised:
        blobs.put(blob, chunks())
    assert raised.value is error
    assert all_of(blobs) == set()
    assert left_in_scratch(blobs) == []
    with pytest.raises(FileNotFound):
        blobs.read(blob)


def test_a_file_of_the_scratch_folder_is_adopted(blobs: Blobs) -> None:
    path = blobs.prepare() / "mine"
    path.write_bytes(b"x" * MIB)
    blob = new_id()
    blobs.adopt(blob, path)
    assert not path.exists()
    assert content(blobs, blob) == b"x" * MIB


def test_a_blob_is_opened_as_a_file(blobs: Blobs) -> None:
    with blobs.open(kept(blobs, b"abcdefgh")) as file:
        assert os.fstat(file.fileno()).st_size == 8
        file.seek(4)
        assert file.read() == b"efgh"
        file.seek(0)
        assert file.read(2) == b"ab"
    assert left_in_scratch(blobs) == []


def test_a_blob_is_fetched_to_a_place_of_its_own(blobs: Blobs) -> None:
    blob = kept(blobs, b"abc")
    path = blobs.prepare() / "copy.txt"
    blobs.fetch(blob, path)
    assert path.read_bytes() == b"abc"
    path.unlink()
    assert content(blobs, blob) == b"abc"


def test_who_reads_is_not_disturbed_by_who_deletes(blobs: Blobs) -> None:
    blob = kept(blobs, b"abc")
    with blobs.open(blob) as file:
        blobs.delete([blob])
        assert file.read() == b"abc"


def test_deleted_is_gone_and_may_be_deleted_again(blobs: Blobs) -> None:
    first, second = kept(blobs, b"1"), kept(blobs, b"2")
    blobs.delete([first, uuid4()])
    blobs.delete([first])
    blobs.delete([])
    assert all_of(blobs) == {second}


def test_the_old_are_told_from_the_young(blobs: Blobs) -> None:
    blob = kept(blobs, b"1")
    assert list(blobs.older_than(60)) == []
    assert list(blobs.older_than(-60)) == [blob]


def test_an_upload_takes_the_same_memory_whatever_its_size(blobs: Blobs) -> None:
    piece = b"x" * MIB
    tracemalloc.start()
    try:
        blob = kept(blobs, *(piece for _ in range(4)))
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        blobs.put(blob, (piece[:] for _ in range(64)))
        for _ in blobs.read(blob):
            pass
        assert tracemalloc.get_traced_memory()[1] - before < 12 * MIB
    finally:
        tracemalloc.stop()


def test_what_was_begun_long_ago_is_cleared_up(blobs: Blobs) -> None:
    folder = blobs.prepare() / "attempt"
    folder.mkdir()
    (folder / "old").write_bytes(b"x")
    (blobs.scratch / "young").write_bytes(b"x")
    for path in (folder / "old", folder):
        os.utime(path, (0, 0))
    assert blobs.clear_scratch(60) == 1
    assert left_in_scratch(blobs) == ["young"] or blobs.clear_scratch(-60) == 1


def test_a_folder_that_takes_nothing_says_so_without_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    blobs = LocalBlobs(tmp_path / "file" / "blobs")
    with pytest.raises(FilesUnavailable) as error:
        kept(blobs, b"x")
    assert str(tmp_path) not in str(error.value)
    assert "Not a directory" in str(error.value)


def test_a_server_that_is_away_is_said_to_be(tmp_path: Path) -> None:
    blobs = S3Blobs("bucket", "", tmp_path, endpoint="http://127.0.0.1:9", region="us-east-1", skip_signature=True)
    with pytest.raises(FilesUnavailable):
        blobs.read(uuid4())
    with pytest.raises(FilesUnavailable):
        kept(blobs, b"x")


def test_blobs_of_others_in_the_same_place_are_left_alone(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "readme.txt").write_bytes(b"")
    assert all_of(blobs) == set()
