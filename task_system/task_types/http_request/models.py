"""What `http_request` is sent and what it answers."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from task_system.task_types.secret_values import SecretReference

BODY_MAX_CHARACTERS = 1_000_000
ANSWER_MAX_BYTES = 10 * 1024 * 1024
HEADERS_MAX = 50
_ABSOLUTE = re.compile(r"https?://[^/?#\s]", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_URL: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"([\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?)?")

#: What frames the message or says where it goes is not the caller's to say.
_OURS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def _checked_url(text: str) -> str:
    # Stricter than the standard for browsers, which mends `http:///host` and drops control characters.
    if not _ABSOLUTE.match(text):
        raise ValueError("must be an absolute URL that starts with http:// or https:// and a host")
    try:
        url = None if _CONTROL.search(text) else _URL.validate_python(text)
    except ValidationError:
        url = None
    if url is None:
        raise ValueError("is no URL")
    if url.username or url.password:
        raise ValueError("must not hold a name or password: send a header whose value is a secret by reference")
    return text


def check_value(value: str) -> str:
    """The value of a header, unchanged. Raises ValueError when it could end the header and begin another."""
    if not _VALUE.fullmatch(value):
        raise ValueError("a header's value is one line of printable ASCII without spaces around it")
    return value


def _checked_headers(headers: dict[str, str | SecretReference]) -> dict[str, str | SecretReference]:
    for name in headers:
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name[:100]!r} is no name of a header")
        if name.lower() in _OURS:
            raise ValueError(f"the header {name} is made by the service: leave it out")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("the same header is there twice: upper and lower case are one")
    return headers


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, int) else value


Status = Annotated[int, Field(ge=200, le=599)]
HeaderValue = Annotated[str, Field(max_length=8000), AfterValidator(check_value)]


class HttpParameters(BaseModel):
    """One request. It may be sent more than once when an attempt is repeated, so let it be one that may."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"url": "https://example.com/"},
                {
                    "method": "POST",
                    "url": "https://api.example.com/orders",
                    "headers": {"Authorization": {"secret": "ORDERS_TOKEN"}, "Idempotency-Key": "order-4711"},
                    "body_json": {"item": 4711, "count": 2},
                    "expected_status": [200, 201],
                    "timeout_s": 10,
                },
            ]
        },
    )

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    url: Annotated[str, Field(max_length=4000, description="http or https"), AfterValidator(_checked_url)]
    headers: Annotated[
        dict[str, HeaderValue | SecretReference], Field(max_length=HEADERS_MAX), AfterValidator(_checked_headers)
    ] = Field(
        {},
        description=(
            'texts, or secrets by reference: `{"secret": "API_TOKEN"}`. A text is stored with the task and shown to '
            "whoever may read it, so a password is no text"
        ),
    )
    body_text: str | None = Field(None, max_length=BODY_MAX_CHARACTERS, description="sent as UTF-8")
    body_json: Any = Field(None, description="instead of `body_text`: any JSON but null")
    expected_status: Annotated[
        list[Status], Field(max_length=50), BeforeValidator(_as_list, json_schema_input_type=Status | list[Status])
    ] = Field([], description="what counts as success; by default 200 to 299")
    max_redirects: int = Field(0, ge=0, le=10, description="how many to follow; each is checked like the URL itself")
    timeout_s: float = Field(30, gt=0, le=300, description="for the whole exchange, redirects included, in seconds")
    max_response_bytes: int = Field(
        256 * 1024, ge=0, le=ANSWER_MAX_BYTES, description="how much of the answer's body the result holds"
    )

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.body_text is not None and self.body_json is not None:
            raise ValueError("send `body_text` or `body_json`, not both")
        return self


class HttpAnswer(BaseModel):
    """What the other service answered. Where the value of a secret was in it, its name stands instead."""

    status: int
    url: str = Field(description="that answered, after the redirects that were followed")
    redirects: list[str] = Field(description="the URLs that led there, without the last")
    headers: dict[str, str] = Field(description="names in lower case; cookies are left out")
    body_type: Literal["json", "text", "base64", "empty"]
    body: Any = Field(description="a JSON value, a text, or bytes in base64; null when there is none")
    body_bytes: int = Field(description="of it that were read")
    cut: bool = Field(description="whether there was more of it than `max_response_bytes`")
    duration_s: float
