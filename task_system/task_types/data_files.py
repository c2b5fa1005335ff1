"""Files that callers name: those in the folder `files` of the service's data folder, and those that have an id.

What is made of a file in the folder stands beside it. What is made of a file with an id, or of none, has an id too.

A name comes from a stranger. So a path is never put together and opened: each folder on the way is opened inside the
one before it, links are followed nowhere below `files`, and only a regular file is read. `files` itself may be a link
or a mount, which is the operator's choice.
"""

import codecs
import errno
import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Self
from uuid import UUID

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema

from task_system import Context, Fail, Retry
from task_system.registry.files import FILE_ID, named_file

#: The longest name of a file or folder, in bytes, that common file systems take.
NAME_MAX_BYTES = 255
_NAME_MAX_CHARACTERS = 1000

_FILE_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

#: What is longer than this behind a dot is part of the name.
_ENDING_MAX_BYTES = 16

#: What `new_file` put behind the stem of a file that is now the source of another.
_TASK_ID = re.compile(r"-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(-[0-9]{1,6})?$")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _checked_name(name: str) -> str:
    if _CONTROL.search(name):
        raise ValueError("a file name must not hold control characters")
    if name.startswith("/") or "\\" in name:
        raise ValueError(
            "give a name inside the folder `files`, such as `report.csv` or `2024/report.csv`; no absolute path"
        )
    parts = name.split("/")
    if ".." in parts:
        raise ValueError("a file name must not contain `..`")
    if any(part.startswith(".") or not part for part in parts):
        raise ValueError("no part of a file name may be empty or start with a dot")
    if any(len(part.encode()) > NAME_MAX_BYTES for part in parts):
        raise ValueError(f"no part of a file name may be longer than {NAME_MAX_BYTES} bytes")
    return name


#: The name of a file in the folder `files`, as callers send it.
FileName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=_NAME_MAX_CHARACTERS,
        description="name of a file in the data folder's `files/`, such as `sales.csv`",
    ),
    AfterValidator(_checked_name),
]


class FileById(str):
    """The name of a file that is known by its id: the name itself, after `named`, and until then the id."""

    __slots__ = ("file_id",)
    file_id: UUID

    def __new__(cls, name: str, file_id: UUID) -> Self:
        made = super().__new__(cls, name)
        made.file_id = file_id
        return made


def _source(value: object, info: ValidationInfo[Any]) -> str:
    if isinstance(value, dict) and value.keys() == {"file_id"}:
        value = value["file_id"]
        if not (isinstance(value, str) and _FILE_ID.fullmatch(value)):
            raise ValueError("`file_id` must be the id of a file, as POST /api/files answers it")
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - pydantic takes no other
            'give the name of a file in `files/`, or `{"file_id": …}` for one that was uploaded or made by a task'
        )
    if _FILE_ID.fullmatch(value):
        return FileById(value, named_file(UUID(value), info))
    if not 1 <= len(value) <= _NAME_MAX_CHARACTERS:
        raise ValueError(f"a file name must have from 1 to {_NAME_MAX_CHARACTERS} characters")
    return _checked_name(value)


#: For schemas: a property that takes a file says so by its format, and forms offer an upload for it.
BY_ID = {"format": FILE_ID}
#: A file, as callers send it: a name in the folder `files`, or the id of one that was uploaded or made by a task.
FileSource = Annotated[
    str,
    PlainValidator(_source),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": _NAME_MAX_CHARACTERS,
                    "description": "name of a file in the data folder's `files/`, such as `sales.csv`",
                },
                {
                    "type": "object",
                    "description": "a file that was uploaded, or made by a task",
                    "properties": {"file_id": {"type": "string", **BY_ID}},
                    "required": ["file_id"],
                    "additionalProperties": False,
                },
            ],
            **BY_ID,
        }
    ),
]


class NewFile:
    """A file in the making: write to `stream`; it appears under `name` when `new_file` ends without an error."""

    def __init__(self, name: str, stream: BinaryIO, file_id: UUID | None = None) -> None:
        #: Relative to `files`, as callers know it; of one with an id, what it is called.
        self.name = name
        self.stream = stream
        self.file_id = file_id


class TextFile:
    """A file that is read as text."""

    def __init__(self, stream: io.TextIOWrapper, source: BinaryIO) -> None:
        self.stream = stream
        self.size_bytes = size_bytes(source)
        self._source = source

    def percent(self) -> float:
        """How far reading is, from 0 to 100."""
        return percent(self._source.tell(), self.size_bytes)


def named(ctx: Context, source: str) -> str:
    """The source under the name that it has. Raises Fail for an id that is none."""
    return FileById(ctx.file_info(source.file_id).name, source.file_id) if isinstance(source, FileById) else source


@contextmanager
def read_file(ctx: Context, name: str) -> Iterator[BinaryIO]:
    """Open a file for reading. `name` must have passed `FileName` or `FileSource`.

    Raises Fail, in words for the caller, when it is missing, not readable or not a regular file; Retry when the machine
    cannot open it just now.
    """
    with ExitStack() as opened:
        if isinstance(name, FileById):
            yield opened.enter_context(ctx.open_file(name.file_id))
            return
        try:
            folder = _open_parent(ctx, name, opened)
            # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever
            descriptor = os.open(_leaf(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except OSError as error:
            raise _refusal(name, error) from None
        opened.callback(os.close, descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _not_plain(name)
        stream = opened.enter_context(os.fdopen(descriptor, "rb", buffering=1 << 16, closefd=False))
        yield stream


@contextmanager
def read_text(ctx: Context, name: str, *, newline: str | None = "") -> Iterator[TextFile]:
    """Open a file as text: UTF-8, or UTF-16 when it starts with a byte order mark.

    newline: as of `open()`.

    Raises Fail as `read_file` does, and when what the block reads turns out not to be text.
    """
    with read_file(ctx, name) as source:
        head = source.read(4)
        source.seek(0)
        encoding = "utf-16" if head[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE} else "utf-8-sig"
        try:
            yield TextFile(io.TextIOWrapper(source, encoding, newline=newline), source)
        except UnicodeDecodeError:
            wanted = "UTF-8" if encoding == "utf-8-sig" else "the UTF-16 that its first bytes promise"
            raise Fail(f"`{name}` is no text in {wanted}: save it as UTF-8 first") from None


@contextmanager
def new_file(
    ctx: Context, source: str | None, stem: str, ending: str, *, number: int | None = None
) -> Iterator[NewFile]:
    """A new file beside `source`, named `stem`, the task's id, `number` if given, and `ending` (with its dot).

    source: where it is known by its id, or is None, the new file has an id too, and no other in its name.
    number: tells the files apart that one task makes.

    With the id in its name it never takes the place of another task's or a caller's file, and a repeated attempt of the
    same task puts the same file there again. It is complete and on disk when it appears; nothing is left when the block
    raises.
    """
    if source is None or isinstance(source, FileById):
        name = f"{_TASK_ID.sub('', stem)}{'' if number is None else f'-{number}'}{ending}"
        with ctx.create_file(name) as created:
            yield NewFile(created.name, created.stream, created.file_id)
        return
    tail = f"-{ctx.task_id}{ending}" if number is None else f"-{ctx.task_id}-{number}{ending}"
    stem = _TASK_ID.sub("", stem)
    leaf = stem.encode()[: NAME_MAX_BYTES - len(tail.encode())].decode(errors="ignore") + tail
    unfinished = f".{ctx.task_id}.{ctx.lease_token}.part"
    with ExitStack() as opened:
        try:
            folder = _open_parent(ctx, source, opened)
        except OSError as error:
            raise _refusal(source, error) from None
        if ctx.attempt > 1:
            _remove_unfinished(folder, f".{ctx.task_id}.")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(unfinished, flags, 0o666, dir_fd=folder)
        except OSError as error:
            raise Retry(f"No new file can be made beside `{source}`: {os.strerror(error.errno or 0)}") from None
        try:
            with os.fdopen(descriptor, "wb", buffering=1 << 16) as stream:
                yield NewFile(str(Path(source).with_name(leaf)), stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(unfinished, leaf, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(unfinished, dir_fd=folder)
            raise


def remove_file(ctx: Context, name: str, file_id: UUID | None = None) -> None:
    """Remove what `new_file` made, when the task turns out not to deliver it. One that is gone is fine.

    What has an id is removed by itself when the attempt does not succeed.
    """
    if file_id is not None:
        return
    with ExitStack() as opened, suppress(FileNotFoundError):
        os.unlink(_leaf(name), dir_fd=_open_parent(ctx, name, opened))


def size_bytes(stream: BinaryIO) -> int:
    """How large an open file is."""
    return os.fstat(stream.fileno()).st_size


def percent(done: int, total: int) -> float:
    """From 0 to 100, also of nothing and of a file that grew while it was read."""
    return min(100.0, 100.0 * done / total) if total else 100.0


def split_ending(name: str) -> tuple[str, str]:
    """The last part of a name as stem and ending: `("sales.2024", ".csv")` for `old/sales.2024.csv`."""
    leaf = Path(_leaf(name))
    return (leaf.stem, leaf.suffix) if len(leaf.suffix.encode()) <= _ENDING_MAX_BYTES else (leaf.name, "")


def _leaf(name: str) -> str:
    return name.rpartition("/")[2]


def _open_parent(ctx: Context, name: str, opened: ExitStack) -> int:
    """The descriptor of the folder that holds `name`; `opened` closes it."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    folder = os.open(ctx.data_dir / "files", flags)
    opened.callback(os.close, folder)
    for part in name.split("/")[:-1]:
        folder = os.open(part, flags | os.O_NOFOLLOW, dir_fd=folder)
        opened.callback(os.close, folder)
    return folder


def _remove_unfinished(folder: int, prefix: str) -> None:
    """What an earlier attempt of this task left when it was killed."""
    for name in os.listdir(folder):
        if name.startswith(prefix):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)


def _refusal(name: str, error: OSError) -> Fail | Retry:
    """What the caller can do about it. Never the error's own text: that may hold the server's path."""
    if error.errno == errno.ENOENT:
        return Fail(f"`{name}` is not in the data folder's `files/`: put it there, or upload it and send its `file_id`")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return Fail(f"`{name}` may not be read by the service: change its permissions")
    if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.EISDIR, errno.ENODEV}:
        return _not_plain(name)
    return Retry(f"`{name}` cannot be opened just now: {os.strerror(error.errno or 0)}")


def _not_plain(name: str) -> Fail:
    return Fail(f"`{name}` is not a plain file in the folder `files`; links are not followed")
