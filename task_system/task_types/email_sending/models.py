"""What `email_sending` is sent and what it answers."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from task_system.task_types.data_files import FileSource
from task_system.task_types.email_sending.addresses import check_header, parse_address
from task_system.task_types.email_sending.templates import check_template

#: Of one message, and of a task that sends each its own.
RECIPIENTS_MAX = 100
INDIVIDUALLY_MAX = 5000
BODY_MAX_CHARACTERS = 1_000_000


def _checked_address(text: str) -> str:
    parse_address(text)
    return text


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


AddressText = Annotated[str, Field(max_length=400), AfterValidator(_checked_address)]
AddressList = Annotated[
    list[AddressText],
    Field(max_length=INDIVIDUALLY_MAX),
    BeforeValidator(_as_list, json_schema_input_type=AddressText | list[AddressText]),
]


class EmailParameters(BaseModel):
    """One message, or one for each recipient. Addresses are `ann@example.com` or `Ann Lee <ann@example.com>`, one or a
    list of them."""

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
                    "attachments": ["report.pdf"],
                },
                {
                    "to": ["Ann Lee <ann@example.com>", "bob@example.com"],
                    "individually": True,
                    "rate_per_s": 5,
                    "subject": "Order {{ order }}",
                    "text": "Dear {{ recipient.name or 'customer' }}, you pay {{ total }}.",
                    "variables": {"order": 4711},
                    "variables_for": {"ann@example.com": {"total": 12}, "bob@example.com": {"total": 7}},
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

    attachments: list[FileSource] = Field(
        [], max_length=20, description="files, by name in `files/` or by id; up to 20 MiB together"
    )
    variables: dict[str, Any] | None = Field(
        None,
        description=(
            "makes templates (Jinja2: values, conditions, loops) of subject, text and html, and fills these in; "
            "`recipient.name` and `recipient.address` are there too where messages go individually"
        ),
    )
    variables_for: dict[str, dict[str, Any]] = Field(
        {}, description="individually: more of them, or others, by the recipient's bare address"
    )
    individually: bool = Field(
        False,
        description=f"each of up to {INDIVIDUALLY_MAX:,} recipients in `to` gets a message of their own",
    )
    rate_per_s: float | None = Field(
        None, gt=0, le=1000, description="individually: at most so many messages each second"
    )

    @model_validator(mode="after")
    def _not_too_many(self) -> Self:
        count = len(self.to) + len(self.cc) + len(self.bcc)
        if count > RECIPIENTS_MAX and not self.individually:
            raise ValueError(
                f"one message goes to at most {RECIPIENTS_MAX} recipients, not {count}: send several, or `individually`"
            )
        return self

    @model_validator(mode="after")
    def _only_individually(self) -> Self:
        if self.individually and (self.cc or self.bcc):
            raise ValueError("`individually` takes all recipients in `to`: leave out `cc` and `bcc`")
        for name in ("rate_per_s", "variables_for"):
            if getattr(self, name) and not self.individually:
                raise ValueError(f"`{name}` is for messages that go `individually`")
        if self.variables_for and self.variables is None:
            raise ValueError("`variables_for` needs `variables`, which may be empty")
        if unknown := self.variables_for.keys() - set(self.recipients):
            raise ValueError(f"`variables_for` names {min(unknown)[:200]!r}, which is no recipient's bare address")
        return self

    @model_validator(mode="after")
    def _templates_are_templates(self) -> Self:
        if self.variables is not None:
            for name in ("subject", "text", "html"):
                try:
                    check_template(getattr(self, name) or "")
                except ValueError as error:
                    raise ValueError(f"`{name}` {error}") from None
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
    file: str | None = Field(None, description="outbox, individually: the message, in the data folder")


class EmailSent(BaseModel):
    """What became of a message."""

    delivery: Literal["smtp", "outbox"]
    detail: str = Field(description="in a sentence")
    message_id: str = Field(
        description="the same in every attempt of the task; individually with `.1`, `.2` and so on before the @"
    )
    recipients: list[Recipient]
    file: str | None = Field(None, description="outbox: the message, in the data folder")
