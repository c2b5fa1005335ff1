"""What a client has still to send when its answer is known, as where a header or the address is refused.

A server that has answered closes the connection under a client that still sends, which loses the answer, or the next
request on that connection.
"""

from contextlib import suppress

from flask import Request

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
    if (request.content_length or 0) > _MOST_BYTES:
        return
    # The server's own stream: the request's ends at the limit that this body may have been over.
    left, stream = _MOST_BYTES, environ["wsgi.input"]
    with suppress(OSError):
        while left > 0 and (chunk := stream.read(_CHUNK_BYTES)):
            left -= len(chunk)
