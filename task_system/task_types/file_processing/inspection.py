"""Operation `inspect`: what a file holds, in one pass."""

import codecs
import hashlib
import json
import re
from typing import Literal

import puremagic

from task_system import Context
from task_system.task_types.data_files import read_file, size_bytes
from task_system.task_types.file_processing.models import FileParameters, Inspected
from task_system.task_types.file_processing.progress import chunks

Encoding = Literal["ascii", "utf-8", "utf-16-le", "utf-16-be", "unknown-8bit"]

#: Bytes that text has no use for: control characters other than white space, escape and backspace.
_BINARY = re.compile(rb"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]")

_BYTE_ORDER_MARKS: tuple[tuple[bytes, Encoding], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

#: Where the signatures of all formats lie, that of an ISO image being the last.
_HEAD_BYTES = 40 * 1024
_TAIL_BYTES = 1024

#: How a format made of text announces itself: `<?xml`, `%PDF`. A text may well begin with `BM` or with `function`.
_TEXT_SIGNATURE = re.compile(rb"[<%{#!-].{3}", re.DOTALL)

#: A larger text is not parsed to see whether it is JSON.
_JSON_MAX_BYTES = 1024 * 1024


def inspect(ctx: Context, parameters: FileParameters) -> Inspected:
    """Size, format by content, digest, and for text its encoding, lines and words."""
    digest = hashlib.sha256()
    head = tail = b""
    with read_file(ctx, parameters.source) as source:
        text: TextCounts | None = None
        for chunk in chunks(ctx, source, "reading"):
            digest.update(chunk)
            if text is None:
                head = chunk[:_JSON_MAX_BYTES]
                text = TextCounts(chunk)
            tail = (tail + chunk)[-_TAIL_BYTES:]
            text.add(chunk)
        size = size_bytes(source)
    text = text or TextCounts(b"")
    encoding = text.finish()
    media_type, type_name = _format(head, tail, size, is_text=encoding is not None)
    return Inspected(
        filename=parameters.source,
        size_bytes=size,
        media_type=media_type,
        type_name=type_name,
        sha256=digest.hexdigest(),
        encoding=encoding,
        byte_order_mark=text.byte_order_mark and encoding is not None,
        lines=text.lines if encoding else None,
        words=text.words if encoding else None,
    )


class TextCounts:
    """Takes the bytes of a file and knows whether they are text, in which encoding, and how many lines and words."""

    def __init__(self, head: bytes) -> None:
        mark, self._encoding = next(
            ((mark, encoding) for mark, encoding in _BYTE_ORDER_MARKS if head.startswith(mark)), (b"", "utf-8")
        )
        self.byte_order_mark = bool(mark)
        self.lines = 0
        self.words = 0
        self._mark_bytes = len(mark)
        self._decoder = codecs.getincrementaldecoder(self._encoding)()
        self._is_valid = True
        self._is_binary = False
        self._is_ascii = True
        self._in_word = False
        self._in_line = False

    def add(self, chunk: bytes) -> None:
        """The next bytes, the byte order mark with the first."""
        if self._is_binary:
            return
        chunk, self._mark_bytes = chunk[self._mark_bytes :], 0
        wide = self._encoding.startswith("utf-16")
        decoded = self._decoded(chunk)
        self._count(decoded.encode("utf-8") if wide else chunk)
        self._is_binary = self._is_binary or (wide and not self._is_valid)

    def finish(self) -> Encoding | None:
        """The encoding; None when it was no text. After the last `add`."""
        self._decoded(b"", final=True)
        self.lines += self._in_line
        self._in_line = False
        if self._is_binary or (self._encoding != "utf-8" and not self._is_valid):
            return None
        if not self._is_valid:
            return "unknown-8bit"
        return "ascii" if self._is_ascii and not self.byte_order_mark else self._encoding

    def _decoded(self, chunk: bytes, *, final: bool = False) -> str:
        if not self._is_valid:
            return ""
        try:
            return self._decoder.decode(chunk, final)
        except UnicodeDecodeError:
            self._is_valid = False
            return ""

    def _count(self, text: bytes) -> None:
        if not text:
            return
        self._is_binary = bool(_BINARY.search(text))
        self._is_ascii = self._is_ascii and text.isascii()
        self.lines += text.count(b"\n")
        self._in_line = not text.endswith(b"\n")
        self.words += len(text.split()) - (self._in_word and not text[:1].isspace())
        self._in_word = not text[-1:].isspace()


def _format(head: bytes, tail: bytes, size: int, *, is_text: bool) -> tuple[str, str | None]:
    """Media type and name of the format."""
    if not head:
        return "application/x-empty", None
    try:
        found = puremagic.magic_string(head[:_HEAD_BYTES] + (tail if size > _HEAD_BYTES else b""))
    except puremagic.PureError:
        found = []
    matches = [match for match in found if match.mime_type and (not is_text or _TEXT_SIGNATURE.match(match.byte_match))]
    if matches:
        return matches[0].mime_type, matches[0].name
    if not is_text:
        return "application/octet-stream", None
    if size <= _JSON_MAX_BYTES and _is_json(head):
        return "application/json", "JSON"
    return "text/plain", None


def _is_json(text: bytes) -> bool:
    if text.lstrip()[:1] not in {b"{", b"["}:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
