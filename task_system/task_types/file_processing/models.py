"""What `file_processing` is sent and what it answers."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from task_system.task_types.data_files import FileName

Format = Literal["csv", "json", "ndjson"]
Operation = Literal["inspect", "checksum", "compress", "decompress", "convert"]

_MIB = 1024 * 1024
_GIB = 1024 * _MIB

#: Which operations each of the other parameters belongs to.
_BELONGS_TO = {
    "algorithm": ("checksum",),
    "max_output_bytes": ("decompress", "convert"),
    "max_ratio": ("decompress",),
    "source_format": ("convert",),
    "target_format": ("convert",),
}


class FileParameters(BaseModel):
    """A file and what to do with it. The file stays as it is; what is made of it is a new file beside it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"filename": "sales.csv", "operation": "inspect"},
                {"filename": "sales.csv", "operation": "checksum", "algorithm": "sha512"},
                {"filename": "sales.csv", "operation": "compress"},
                {"filename": "sales.csv.gz", "operation": "decompress"},
                {"filename": "sales.csv", "operation": "convert", "target_format": "ndjson"},
            ]
        },
    )

    filename: FileName
    operation: Operation = Field(
        description=(
            "`inspect`: what it holds; `checksum`: its digest; `compress`: a gzip file of it; `decompress`: what a "
            "gzip file holds; `convert`: from one of csv, json and ndjson to another"
        )
    )
    algorithm: Literal["sha256", "sha512", "blake2b", "sha1", "md5"] = Field(
        "sha256", description="checksum: sha1 and md5 only for comparing with what others publish"
    )
    max_output_bytes: int = Field(
        _GIB, ge=1, le=10 * _GIB, description="decompress, convert: give up when the output grows larger, in bytes"
    )
    max_ratio: float = Field(
        200,
        gt=1,
        le=1100,
        allow_inf_nan=False,
        description="decompress: give up when the output is larger than 16 MiB and than this many times the file",
    )
    source_format: Format | None = Field(None, description="convert: what the file is; without it its ending tells")
    target_format: Format | None = Field(None, description="convert: what to make of it")

    @model_validator(mode="after")
    def _only_what_belongs(self) -> Self:
        for name in sorted(self.model_fields_set & _BELONGS_TO.keys()):
            if self.operation not in _BELONGS_TO[name] and getattr(self, name) is not None:
                raise ValueError(
                    f"`{name}` is for {' and '.join(_BELONGS_TO[name])}; leave it out for {self.operation}"
                )
        if self.operation == "convert" and self.target_format is None:
            raise ValueError("operation `convert` needs `target_format`: csv, json or ndjson")
        return self


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

    operation: Literal["compress", "decompress", "convert"]
    filename: str
    size_bytes: int
    output: str = Field(description="the new file's name in `files/`; send it as `filename` to go on with it")
    output_bytes: int
    output_sha256: str
    ratio: float | None = Field(
        description="bytes of content for each byte in the gzip file, of compress and decompress"
    )
    records: int | None = Field(description="how many were written, of convert")
