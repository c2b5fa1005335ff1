"""What `email_sending` is sent and what it answers."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from task_system.task_types.email_sending.addresses import check_header, parse_address

RECIPIENTS_MAX = 100
BODY_MAX_CHARACTERS = 1_000_000


def _checked_address(text: str) -> str:
    parse_address(text)
    return text


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


AddressText = Annotated[str, Field(max_length=400), AfterValidator(_checked_address)]
AddressList = Annotated[
    list[AddressText],
    Field(max_length=RECIPIENTS_MAX),
    BeforeValidator(_as_list, json_schema_input_type=AddressText | list[AddressText]),
]


class EmailParameters(BaseModel):
    """One message. Addresses are `ann@example.com` or `Ann Lee <ann@example.com>`, one or a list of them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"to": "user@example.com", "subject": "Hello", "text": "It works."},
                {
                    "to": ["Ann Lee <ann@example.com>", "bob@example.com"],
                    "bcc": "archive@example.com",
                    "reply_to": "support@example.com",
                    "subject": "The report is ready",
                    "text": "See the report.",
                    "html": "<p>See the <b>report</b>.</p>",
                },
            ]
        },
    )

    to: AddressList = Field(min_length=1, description="who gets it")
    cc: AddressList = Field([], description="who gets a copy, for all to see")
    bcc: AddressList = Field([], description="who gets a copy without the others seeing it")
    reply_to: AddressList = Field([], description="where answers go; without it to the service's own sender")
    subject: Annotated[str, AfterValidator(check_header)] = Field("(no subject)", max_length=500)
    text: str | None = Field(None, max_length=BODY_MAX_CHARACTERS, description="the message as plain text")
    html: str | None = Field(
        None, max_length=BODY_MAX_CHARACTERS, description="the message as HTML; with `text`, readers choose"
    )

    @model_validator(mode="after")
    def _not_too_many(self) -> Self:
        count = len(self.to) + len(self.cc) + len(self.bcc)
        if count > RECIPIENTS_MAX:
            raise ValueError(f"one message goes to at most {RECIPIENTS_MAX} recipients, not {count}: send several")
        return self

    @property
    def recipients(self) -> list[str]:
        """The bare addresses of everybody who gets the message, none twice."""
        addresses = (parse_address(text).addr_spec for text in (*self.to, *self.cc, *self.bcc))
        return list(dict.fromkeys(addresses))


class Recipient(BaseModel):
    """What became of the message for one recipient."""

    address: str
    status: Literal["accepted", "refused", "refused_temporarily", "written"] = Field(
        description="by the mail server; `written`: to a file, because there is no mail server"
    )
    code: int | None = Field(None, description="the mail server's answer when it refused: 4xx for now, 5xx for good")
    reason: str | None = Field(None, description="in the mail server's words")


class EmailSent(BaseModel):
    """What became of a message."""

    delivery: Literal["smtp", "outbox"]
    detail: str = Field(description="in a sentence")
    message_id: str = Field(description="the same in every attempt of the task")
    recipients: list[Recipient]
    file: str | None = Field(None, description="outbox: the message, in the data folder")
