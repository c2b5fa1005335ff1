"""What came back: whether it is success, and what of it is kept."""

import base64
import codecs
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import httpx2

from task_system import Fail, Retry
from task_system.task_types.http_request.models import HttpAnswer, HttpParameters
from task_system.task_types.json_text import decoder

#: A server that says "later" is believed up to here, in seconds.
RETRY_AFTER_MAX_S = 86_400.0

_LATER = frozenset({408, 425, 429})
_LEFT_OUT = frozenset({"set-cookie", "set-cookie2"})
_SHOWN_CHARACTERS = 300
_HEADERS_MAX = 100
_HEADER_MAX_CHARACTERS = 4000
_TEXTS = ("text/", "application/json", "application/xml", "application/javascript", "application/x-www-form-urlencoded")


def read(
    response: httpx2.Response,
    parameters: HttpParameters,
    secrets: Mapping[str, str],
    *,
    redirects: list[str],
    started: float,
) -> HttpAnswer:
    """Read the body up to its limit, and judge the status.

    secrets: values by name, none of which the answer may hold.
    started: by `time.monotonic()`.

    Raises Retry for a status that may be another one later (5xx, 408, 425, 429), after what `Retry-After` said;
    Fail for another one that is not expected.
    """
    body, cut = _body(response, parameters.max_response_bytes)
    # in Latin-1 every byte is a character and back
    body = _hidden(body.decode("latin-1"), secrets).encode("latin-1")
    body_type, content = _typed(body, response.headers, cut=cut)
    answer = HttpAnswer(
        status=response.status_code,
        url=_hidden(str(response.url), secrets),
        redirects=[_hidden(url, secrets) for url in redirects],
        headers=_headers(response.headers, secrets),
        body_type=body_type,
        body=content,
        body_bytes=len(body),
        cut=cut,
        duration_s=time.monotonic() - started,
    )
    if not _is_expected(answer.status, parameters.expected_status):
        raise _refusal(response, answer, _hidden(response.reason_phrase, secrets))
    return answer


def _is_expected(status: int, expected: list[int]) -> bool:
    return status in expected if expected else 200 <= status < 300


def _hidden(text: str, secrets: Mapping[str, str]) -> str:
    """The text with the names of the secrets instead of their values: some servers answer what they were sent."""
    for name in sorted(secrets, key=lambda name: -len(secrets[name])):
        text = text.replace(secrets[name], f"[secret {name}]")
    return text


def _refusal(response: httpx2.Response, answer: HttpAnswer, phrase: str) -> Fail | Retry:
    said = f": {answer.body[:_SHOWN_CHARACTERS]}" if answer.body_type == "text" else ""
    if answer.body_type == "json":
        said = f": {json.dumps(answer.body, ensure_ascii=False)[:_SHOWN_CHARACTERS]}"
    reason = f"{response.url.host} answered {answer.status} {phrase}".rstrip() + said
    if answer.status >= 500 or answer.status in _LATER:
        return Retry(reason, delay_s=_retry_after_s(response.headers) if answer.status in {429, 503} else None)
    return Fail(reason)


def _retry_after_s(headers: httpx2.Headers) -> float | None:
    """What the header says, as seconds from now; None when it says nothing that can be understood."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:10]), RETRY_AFTER_MAX_S)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), RETRY_AFTER_MAX_S)


def _body(response: httpx2.Response, max_bytes: int) -> tuple[bytes, bool]:
    """The body as it was sent, and whether there was more. Not unpacked: a small body may unpack to a huge one."""
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > max_bytes:
            return bytes(body[:max_bytes]), True
    return bytes(body), False


def _headers(headers: httpx2.Headers, secrets: Mapping[str, str]) -> dict[str, str]:
    kept = [(name, value) for name, value in headers.items() if name not in _LEFT_OUT][:_HEADERS_MAX]
    return {name: _hidden(value, secrets)[:_HEADER_MAX_CHARACTERS] for name, value in kept}


def _typed(
    body: bytes, headers: httpx2.Headers, *, cut: bool
) -> tuple[Literal["json", "text", "base64", "empty"], Any]:
    if not body:
        return "empty", None
    media_type, _, rest = headers.get("content-type", "text/").lower().partition(";")
    media_type = media_type.strip()
    is_json = media_type == "application/json" or media_type.endswith("+json")
    is_text = is_json or media_type.startswith(_TEXTS) or media_type.endswith("+xml")
    if is_text and headers.get("content-encoding", "identity").lower() == "identity":
        text = _text(body, rest, cut=cut)
        if text is not None and is_json and not cut:
            try:
                return "json", _json(text)
            except (ValueError, RecursionError):
                return "text", text
        if text is not None:
            return "text", text
    return "base64", base64.b64encode(body).decode()


def _text(body: bytes, content_type_parameters: str, *, cut: bool) -> str | None:
    """None when it is none. A cut body may end in the middle of a character."""
    encoding = next(
        (each.strip()[8:].strip('"') for each in content_type_parameters.split(";") if each.strip()[:8] == "charset="),
        "utf-8",
    )
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(body, final=not cut)
    except (LookupError, ValueError, AttributeError, TypeError):
        return None
    # not every database takes it in a text
    return None if not isinstance(text, str) or "\0" in text else text


def _json(text: str) -> Any:
    """The value. Raises ValueError for what is no JSON, and for JSON whose texts not every database takes."""
    value = _DECODER.decode(text)
    if "\\u0000" in text:
        raise ValueError("holds the character 0")
    json.dumps(value, ensure_ascii=False).encode()
    return value


_DECODER = decoder()
