"""What a file is, by its content: its name says what somebody wanted it to be."""

import codecs
import re

#: Enough of a file's beginning for every signature that matters here.
HEAD_BYTES = 40 * 1024
EMPTY, BINARY, TEXT = "application/x-empty", "application/octet-stream", "text/plain"

#: Bytes that text has no use for.
_CONTROL = re.compile(rb"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]")
#: How a format that is made of text announces itself; other signatures may begin any text.
_TEXT_SIGNATURE = re.compile(rb"[<%{#!-].{3}", re.DOTALL)
#: Formats that are zip archives all alike, by a folder in them.
_ZIP, _PACKED = b"PK\x03\x04", b"[Content_Types].xml"
_OFFICE = "application/vnd.openxmlformats-officedocument."
_IN_ZIP = {
    b"word/": f"{_OFFICE}wordprocessingml.document",
    b"xl/": f"{_OFFICE}spreadsheetml.sheet",
    b"ppt/": f"{_OFFICE}presentationml.presentation",
}


def content_type(head: bytes) -> str:
    """The media type of a file that begins so."""
    from puremagic import PureError, magic_string  # noqa: PLC0415 - its tables are for those who take files in

    if not head:
        return EMPTY
    if head.startswith(_ZIP):
        packed = (kind for folder, kind in _IN_ZIP.items() if folder in head) if _PACKED in head else iter(())
        return next(packed, "application/zip")
    is_text = _is_text(head)
    try:
        found = magic_string(head)
    except (PureError, ValueError):
        found = []
    for match in found:
        if match.mime_type and (not is_text or _TEXT_SIGNATURE.match(match.byte_match)):
            return str(match.mime_type)[:127]
    return TEXT if is_text else BINARY


def _is_text(head: bytes) -> bool:
    if _CONTROL.search(head):
        return False
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head)  # whose last character may be cut off
    except UnicodeDecodeError:
        return False
    return True
