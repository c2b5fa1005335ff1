"""What `file_processing` is sent and what it answers."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from task_system.task_types.data_files import BY_ID, FileSource
from task_system.task_types.secret_values import SecretReference

Format = Literal["csv", "json", "ndjson"]
ArchiveFormat = Literal["zip", "tar.gz"]
Operation = Literal[
    "inspect",
    "checksum",
    "compress",
    "decompress",
    "convert",
    "archive",
    "unarchive",
    "split",
    "merge",
    "encrypt",
    "decrypt",
]

FILES_MAX = 1000
PARTS_MAX = 10_000

_MIB = 1024 * 1024
_GIB = 1024 * _MIB

#: Which operations take several files. All others take one.
_OF_SEVERAL = ("archive", "merge")

#: Which operations each of the other parameters belongs to.
_BELONGS_TO = {
    "algorithm": ("checksum",),
    "archive_format": ("archive",),
    "max_files": ("unarchive",),
    "max_output_bytes": ("decompress", "convert", "unarchive"),
    "max_ratio": ("decompress", "unarchive"),
    "part_bytes": ("split",),
    "part_lines": ("split",),
    "passphrase": ("encrypt", "decrypt"),
    "source_format": ("convert",),
    "target_format": ("convert",),
}


Passphrase = Annotated[str, Field(min_length=8, max_length=1000)]


class FileParameters(BaseModel):
    """A file and what to do with it. The file stays as it is; what is made of it are new files beside it, or, of a file
    with an id, the task's files."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"filename": "sales.csv", "operation": "inspect"},
                {"filename": {"file_id": "0192f0c1-2f4b-7cc0-9d36-5b1e3c7a8d10"}, "operation": "compress"},
                {"filename": "sales.csv", "operation": "checksum", "algorithm": "sha512"},
                {"filename": "sales.csv", "operation": "compress"},
                {"filename": "sales.csv.gz", "operation": "decompress"},
                {"filename": "sales.csv", "operation": "convert", "target_format": "ndjson"},
                {"filenames": ["sales.csv", "2024/notes.txt"], "operation": "archive", "archive_format": "tar.gz"},
                {"filename": "upload.zip", "operation": "unarchive", "max_files": 100},
                {"filename": "sales.csv", "operation": "split", "part_lines": 100000},
                {"filenames": ["part-1.txt", "part-2.txt"], "operation": "merge"},
                {"filename": "sales.csv", "operation": "encrypt", "passphrase": {"secret": "FILES_PASSPHRASE"}},
            ]
        },
    )

    filename: FileSource | None = Field(
        None,
        description="the file, by its name in `files/` or its id; archive and merge take `filenames` instead",
        json_schema_extra=dict(BY_ID),
    )
    filenames: Annotated[list[FileSource], Field(min_length=1, max_length=FILES_MAX)] | None = Field(
        None, description="archive, merge: the files, in their order"
    )
    operation: Operation = Field(
        description=(
            "`inspect`: what it holds; `checksum`: its digest; `compress`: a gzip file of it; `decompress`: what a "
            "gzip file holds; `convert`: from one of csv, json and ndjson to another; `archive`: a zip or tar.gz file "
            "of several; `unarchive`: the files in one, each a new file; `split`: parts of it; `merge`: several, one "
            "behind the other; `encrypt`, `decrypt`: with a passphrase (scrypt, AES-256-GCM)"
        )
    )
    algorithm: Literal["sha256", "sha512", "blake2b", "sha1", "md5"] = Field(
        "sha256", description="checksum: sha1 and md5 only for comparing with what others publish"
    )
    max_output_bytes: int = Field(
        _GIB,
        ge=1,
        le=10 * _GIB,
        description="decompress, convert, unarchive: give up when the output grows larger, in bytes",
    )
    max_ratio: float = Field(
        200,
        gt=1,
        le=1100,
        allow_inf_nan=False,
        description=(
            "decompress, unarchive: give up when the output is larger than 16 MiB and than this many times the file"
        ),
    )
    source_format: Format | None = Field(None, description="convert: what the file is; without it its ending tells")
    target_format: Format | None = Field(None, description="convert: what to make of it")

    archive_format: ArchiveFormat = Field("zip", description="archive: what to make")
    max_files: int = Field(1000, ge=1, le=PARTS_MAX, description="unarchive: give up when there are more in it")
    part_bytes: int | None = Field(None, ge=1, description="split: how large each part is, the last one excepted")
    part_lines: int | None = Field(None, ge=1, description="split, instead: how many lines each part has")
    passphrase: Passphrase | SecretReference | None = Field(
        None,
        repr=False,
        description=(
            'encrypt, decrypt: a secret by reference, `{"secret": "NAME"}`. A text works too, but is stored with the '
            "task in clear, for whoever may read it"
        ),
    )

    @model_validator(mode="after")
    def _only_what_belongs(self) -> Self:
        for name in sorted(self.model_fields_set & _BELONGS_TO.keys()):
            if self.operation not in _BELONGS_TO[name] and getattr(self, name) is not None:
                raise ValueError(
                    f"`{name}` is for {' and '.join(_BELONGS_TO[name])}; leave it out for {self.operation}"
                )
        return self

    @model_validator(mode="after")
    def _all_that_is_needed(self) -> Self:
        given, wanted = ("filename", "filenames") if self.operation in _OF_SEVERAL else ("filenames", "filename")
        if getattr(self, wanted) is None or getattr(self, given) is not None:
            raise ValueError(f"operation `{self.operation}` needs `{wanted}`, and no `{given}`")
        if self.operation == "archive" and len(set(self.sources)) < len(self.sources):
            raise ValueError("the same file is there twice: an archive holds each once")
        if self.operation == "convert" and self.target_format is None:
            raise ValueError("operation `convert` needs `target_format`: csv, json or ndjson")
        if self.operation == "split" and (self.part_bytes is None) == (self.part_lines is None):
            raise ValueError("operation `split` needs `part_bytes` or `part_lines`, not both")
        if self.operation in _BELONGS_TO["passphrase"] and self.passphrase is None:
            raise ValueError(f"operation `{self.operation}` needs `passphrase`")
        return self

    @property
    def source(self) -> str:
        """The file's name, of an operation that takes one."""
        assert self.filename is not None
        return self.filename

    @property
    def sources(self) -> list[str]:
        """The files' names, of an operation that takes several."""
        assert self.filenames is not None
        return self.filenames


class Inspected(BaseModel):
    """What a file holds. What is said of text is null for binary content."""

    operation: Literal["inspect"] = "inspect"
    filename: str
    size_bytes: int
    media_type: str = Field(description="by content, not by name: `application/pdf`, `text/plain`")
    type_name: str | None = Field(description="the format's name, where one was recognised")
    sha256: str
    encoding: Literal["ascii", "utf-8", "utf-16-le", "utf-16-be", "unknown-8bit"] | None = Field(
        description="`unknown-8bit` is text in one of the older encodings, which cannot be told apart by content"
    )
    byte_order_mark: bool
    lines: int | None = Field(description="also the last one, when it has no line break")
    words: int | None = Field(description="what stands between white space")


class Checksummed(BaseModel):
    """The digest of a file."""

    operation: Literal["checksum"] = "checksum"
    filename: str
    size_bytes: int
    algorithm: str
    checksum: str = Field(description="hexadecimal")


class FileMade(BaseModel):
    """A new file, made of another."""

    operation: Literal["compress", "decompress", "convert", "encrypt", "decrypt"]
    filename: str
    size_bytes: int
    output: str = Field(description="the new file's name; in `files/` send it as `filename` to go on with it")
    output_file_id: UUID | None = Field(
        None, description="its id, where the source has one: it is then one of the task's files, and not in `files/`"
    )
    output_bytes: int
    output_sha256: str
    ratio: float | None = Field(
        description="bytes of content for each byte in the gzip file, of compress and decompress"
    )
    records: int | None = Field(description="how many were written, of convert")


class Packed(BaseModel):
    """A new file, made of several."""

    operation: Literal["archive", "merge"]
    filenames: list[str]
    size_bytes: int = Field(description="of all of them together")
    output: str = Field(description="the new file's name; in `files/` send it as `filename` to go on with it")
    output_file_id: UUID | None = Field(
        None, description="its id, where the source has one: it is then one of the task's files, and not in `files/`"
    )
    output_bytes: int
    output_sha256: str


class Piece(BaseModel):
    """One of several new files."""

    entry: str | None = Field(description="what it was called in the archive, of unarchive")
    output: str = Field(description="the new file's name")
    output_file_id: UUID | None = Field(
        None, description="its id, where the source has one: it is then one of the task's files, and not in `files/`"
    )
    output_bytes: int
    output_sha256: str


class Unpacked(BaseModel):
    """New files, made of one."""

    operation: Literal["unarchive", "split"]
    filename: str
    size_bytes: int
    outputs: list[Piece]
    output_bytes: int = Field(description="of all of them together")


#: What an operation answers.
Result = Inspected | Checksummed | FileMade | Packed | Unpacked
