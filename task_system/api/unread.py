"""What a client has still to send when its answer is known, as where a header or the address is refused.

A server that has answered closes the connection under a client that still sends, which loses the next request on it.
"""

from contextlib import suppress

from flask import Request, current_app
from werkzeug.exceptions import HTTPException

#: Set in a request's environ by who has read its whole body.
READ = "task_system.body_read"
_CHUNK_BYTES = 64 * 1024


def read_the_rest(request: Request) -> None:
    """Read what is left of the body, up to what a submission may have. After more than that the connection ends."""
    environ = request.environ
    if READ in environ or not (environ.get("CONTENT_LENGTH") or "HTTP_TRANSFER_ENCODING" in environ):
        return
    # As nobody asked for more: what was announced larger is not begun.
    request.max_content_length = None
    left: int = current_app.config["MAX_CONTENT_LENGTH"]
    with suppress(HTTPException, OSError):
        while left > 0 and (chunk := request.stream.read(_CHUNK_BYTES)):
            left -= len(chunk)
