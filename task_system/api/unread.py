"""What a client has still to send when its answer is known, as where a header or the address is refused.

A server that has answered closes the connection under a client that still sends, which loses the answer, or the next
request on that connection.
"""

from contextlib import suppress

from flask import Request
from werkzeug.exceptions import HTTPException

#: Set in a request's environ by who has read its whole body.
READ = "task_system.body_read"
#: Whoever announces or sends more may miss the answer.
_MOST_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024


def read_the_rest(request: Request) -> None:
    """Read what is left of the body."""
    environ = request.environ
    if READ in environ or not (environ.get("CONTENT_LENGTH") or "HTTP_TRANSFER_ENCODING" in environ):
        return
    request.max_content_length = left = _MOST_BYTES
    with suppress(HTTPException, OSError):
        while left > 0 and (chunk := request.stream.read(_CHUNK_BYTES)):
            left -= len(chunk)
