"""A message for each recipient, through a real SMTP server: nobody twice, nobody forgotten."""

import email
import email.policy
import json
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from pydantic import ValidationError

from task_system import Cancelled, Fail, Retry
from task_system.task_types.email_sending import EmailParameters, EmailSent, SmtpServer, email_sending
from task_system.task_types.email_sending import smtp as smtp_module
from task_system.testing import FakeContext
from tests.unit.task_types.mail_server import HOST, Mailbox, free_port

PEOPLE = [f"p{number}@example.com" for number in range(5)]


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox) -> Iterator[SmtpServer]:
    controller = Controller(mailbox, hostname=HOST, port=free_port())
    controller.start()
    yield SmtpServer(host=HOST, port=controller.port, sender="tasks@example.org", timeout_s=5)
    controller.stop()


def attempt(ctx: FakeContext, number: int, **more: Any) -> FakeContext:
    """The same task's next attempt."""
    return FakeContext(ctx.data_dir, task_id=ctx.task_id, attempt=number, resources=ctx._resources, **more)


def send(ctx: FakeContext, **parameters: Any) -> EmailSent:
    return email_sending(
        ctx, EmailParameters(**{"to": PEOPLE, "individually": True, "text": "It works.", **parameters})
    )


def to(mailbox: Mailbox) -> list[str]:
    return [address for envelope in mailbox.received for address in envelope.rcpt_tos]


def messages(mailbox: Mailbox) -> list[EmailMessage]:
    found = []
    for envelope in mailbox.received:
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        found.append(message)
    return found


def test_each_gets_a_message_of_their_own(tmp_path: Path, mailbox: Mailbox, server: SmtpServer) -> None:
    ctx = FakeContext(tmp_path, resources={SmtpServer: server})
    result = send(ctx, to=["Ann <ann@example.com>", "bob@example.com", "ANN <ann@example.com>"])
    assert to(mailbox) == ["ann@example.com", "bob@example.com"]
    assert [message["To"] for message in messages(mailbox)] == ["ANN <ann@example.com>", "bob@example.com"]
    assert [message["Message-ID"] for message in messages(mailbox)] == [
        f"<{ctx.task_id}.1@example.org>",
        f"<{ctx.task_id}.2@example.org>",
    ]
    assert result.detail == "127.0.0.1 accepted messages for 2 of 2 recipients."
    assert [recipient.status for recipient in result.recipients] == ["accepted", "accepted"]
    assert ctx.percents == [0, 50, 100]


def test_many_go_over_several_connections(
    tmp_path: Path, mailbox: Mailbox, server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_module, "_PER_CONNECTION", 2)
    send(FakeContext(tmp_path, resources={SmtpServer: server}))
    assert to(mailbox) == PEOPLE


def test_who_is_refused_for_now_is_tried_again_and_the_others_are_not(
    tmp_path: Path, mailbox: Mailbox, server: SmtpServer
) -> None:
    mailbox.answers |= {PEOPLE[1]: "450 Busy", PEOPLE[2]: "550 Nobody", PEOPLE[3]: "421 Closing"}
    ctx = FakeContext(tmp_path, resources={SmtpServer: server})
    with pytest.raises(Retry, match=r"2 of 5 recipients are to be tried again; p1@example\.com: 450 Busy"):
        send(ctx)
    assert to(mailbox) == [PEOPLE[0], PEOPLE[4]]
    del mailbox.answers[PEOPLE[1]]
    with pytest.raises(Retry, match="1 of 5"):
        send(attempt(ctx, 2))
    assert to(mailbox) == [PEOPLE[0], PEOPLE[4], PEOPLE[1]]
    result = send(attempt(ctx, 5))
    assert [(each.status, each.code) for each in result.recipients] == [
        ("accepted", None),
        ("accepted", None),
        ("refused", 550),
        ("refused_temporarily", 421),
        ("accepted", None),
    ]
    assert len(mailbox.received) == 3


@pytest.mark.parametrize("looks", range(6))
def test_an_attempt_that_ends_anywhere_is_continued(
    tmp_path: Path, mailbox: Mailbox, server: SmtpServer, looks: int
) -> None:
    ctx = FakeContext(tmp_path, resources={SmtpServer: server}, cancel_after=looks)
    with pytest.raises(Cancelled):
        send(ctx)
    assert to(mailbox) == PEOPLE[:looks]
    send(attempt(ctx, 2))
    assert to(mailbox) == PEOPLE


def test_half_a_line_in_the_journal_is_left_aside(tmp_path: Path, mailbox: Mailbox, server: SmtpServer) -> None:
    ctx = FakeContext(tmp_path, resources={SmtpServer: server}, cancel_after=3)
    with pytest.raises(Cancelled):
        send(ctx)
    journal = tmp_path / "outbox" / f"{ctx.task_id}.ndjson"
    assert journal.stat().st_mode & 0o777 == 0o600
    journal.write_bytes(journal.read_bytes()[:-5])
    send(attempt(ctx, 2))
    assert to(mailbox) == [*PEOPLE[:3], *PEOPLE[2:]]
    assert [json.loads(line)["address"] for line in journal.read_text().splitlines()] == PEOPLE


def test_a_server_that_is_gone_is_tried_again(tmp_path: Path, mailbox: Mailbox, server: SmtpServer) -> None:
    gone = SmtpServer(host=HOST, port=free_port())
    ctx = FakeContext(tmp_path, resources={SmtpServer: gone})
    with pytest.raises(Retry, match="cannot be reached"):
        send(ctx)
    mailbox.hang_up_on_data = True
    with pytest.raises(Retry, match="hung up"):
        send(FakeContext(tmp_path, resources={SmtpServer: server}))


def test_nobody_reached_is_a_failure(tmp_path: Path, mailbox: Mailbox, server: SmtpServer) -> None:
    mailbox.answers["DATA"] = "554 Spam"
    with pytest.raises(Fail, match=r"All 5 recipients were refused; p0@example\.com: 554 Spam"):
        send(FakeContext(tmp_path, resources={SmtpServer: server}))


def test_messages_are_kept_apart_in_time(tmp_path: Path, mailbox: Mailbox, server: SmtpServer) -> None:
    started = time.monotonic()
    send(FakeContext(tmp_path, resources={SmtpServer: server}), rate_per_s=10)
    assert time.monotonic() - started >= 0.4
    ctx = FakeContext(tmp_path, resources={SmtpServer: server}, cancel_after=3)
    with pytest.raises(Cancelled):
        send(ctx, rate_per_s=0.01)


def test_without_a_server_each_message_is_a_file(tmp_path: Path) -> None:
    ctx = FakeContext(tmp_path)
    result = send(ctx, subject="Dear {{ recipient.address }}", variables={})
    assert result.delivery == "outbox"
    for number, recipient in enumerate(result.recipients, 1):
        assert (recipient.status, recipient.file) == ("written", f"outbox/{ctx.task_id}.{number}.eml")
        content = (tmp_path / str(recipient.file)).read_bytes()
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert message["Subject"] == f"Dear {PEOPLE[number - 1]}"


# --- templates


def test_templates_are_filled_in(tmp_path: Path, mailbox: Mailbox, server: SmtpServer) -> None:
    send(
        FakeContext(tmp_path, resources={SmtpServer: server}),
        to=["Ann Lee <ann@example.com>", "bob@example.com"],
        subject="Order {{ order }}",
        text="Dear {{ recipient.name or 'you' }},\n{% for i in items %}{{ i.n * 2 }} {{ i.what|upper }}\n{% endfor %}",
        html="<b>{{ note }}</b>",
        variables={"order": 7, "items": [{"n": 1, "what": "tea"}, {"n": 2, "what": "milk"}], "note": "<i>"},
        variables_for={"bob@example.com": {"note": "for Bob"}},
    )
    ann, bob = messages(mailbox)
    assert (ann["Subject"], bob["Subject"]) == ("Order 7", "Order 7")
    parts = [["\n".join(part.get_content().splitlines()) for part in message.iter_parts()] for message in (ann, bob)]
    assert parts[0] == ["Dear Ann Lee,\n2 TEA\n4 MILK", "<b>&lt;i&gt;</b>"]
    assert parts[1] == ["Dear you,\n2 TEA\n4 MILK", "<b>for Bob</b>"]


def test_one_message_may_be_a_template_too(tmp_path: Path) -> None:
    ctx = FakeContext(tmp_path)
    email_sending(ctx, EmailParameters(to="a@example.com", subject="{{ a }}", variables={"a": "K\u00f6ln"}))
    content = (tmp_path / "outbox" / f"{ctx.task_id}.eml").read_bytes()
    assert email.message_from_bytes(content, policy=email.policy.default)["Subject"] == "K\u00f6ln"


def test_without_variables_braces_are_braces(tmp_path: Path) -> None:
    ctx = FakeContext(tmp_path)
    email_sending(ctx, EmailParameters(to="a@example.com", subject="{{ a }} {%", text="{{"))
    content = (tmp_path / "outbox" / f"{ctx.task_id}.eml").read_bytes()
    assert email.message_from_bytes(content, policy=email.policy.default)["Subject"] == "{{ a }} {%"


@pytest.mark.parametrize(
    "template",
    [
        "{{",
        "{% for %}",
        "{% if a %}",
        "{% set a = 1 %}",
        "{{ range(10) }}",
        "{{ ''.join(a) }}",
        "{{ a ~ b }}",
        "{{ 9 ** 9 }}",
        "{{ '%s' % a }}",
        "{{ a|center(1000000000) }}",
        "{{ a|replace('a', 'b') }}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% macro m() %}{% endmacro %}",
        "{% filter upper %}x{% endfilter %}",
        "{% autoescape false %}{{ a }}{% endautoescape %}",
        "{{ " + "(" * 3000 + ")" * 3000 + " }}",
    ],
)
@pytest.mark.parametrize("part", ["subject", "text", "html"])
def test_templates_that_are_refused(template: str, part: str) -> None:
    if part == "subject" and len(template) > 500:
        template = "{{ nothing("
    with pytest.raises(ValidationError, match=f"`{part}` "):
        EmailParameters(to="a@example.com", variables={}, **{part: template})


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ missing }}", "'missing' is undefined"),
        ("{{ a.b.c }}", "has no attribute"),
        ("{{ a.__class__ }}{{ a.__class__.__mro__ }}", "unsafe|undefined|has no attribute"),
        ("{{ a * 1000000000 }}", r"`\*` is for numbers"),
        ("{{ a + a }}", r"`\+` is for numbers"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{% for a in big %}{% for b in big %}0123456789{% endfor %}{% endfor %}", "more than 1,000,000 characters"),
        ("{% for x in 5 %}{% endfor %}", "not iterable"),
    ],
)
def test_templates_that_cannot_be_filled_in_send_nothing(
    tmp_path: Path, mailbox: Mailbox, server: SmtpServer, template: str, reason: str
) -> None:
    with pytest.raises(Fail, match=reason):
        send(
            FakeContext(tmp_path, resources={SmtpServer: server}),
            text=template,
            variables={"a": "x", "big": list(range(1000))},
        )
    assert mailbox.received == []


def test_a_variable_that_only_the_last_one_lacks_sends_nothing(
    tmp_path: Path, mailbox: Mailbox, server: SmtpServer
) -> None:
    with pytest.raises(Fail, match="'a' is undefined"):
        send(
            FakeContext(tmp_path, resources={SmtpServer: server}),
            text="{{ a }}",
            variables={},
            variables_for={address: {"a": 1} for address in PEOPLE[:-1]},
        )
    assert mailbox.received == []


def test_a_variable_makes_no_header(tmp_path: Path) -> None:
    with pytest.raises(Fail, match="The subject, filled in, must be one line"):
        send(FakeContext(tmp_path), subject="{{ a }}", variables={"a": "x\nBcc: eve@example.com"})


# --- attachments


def test_attachments(ctx: FakeContext, files: Path) -> None:
    (files / "sub").mkdir()
    (files / "sub" / "K\u00f6ln.csv").write_bytes(b"a,b\r\n\xff")
    (files / "x.tar.gz").write_bytes(b"\0\1")
    email_sending(ctx, EmailParameters(to="a@example.com", text="See.", attachments=["sub/K\u00f6ln.csv", "x.tar.gz"]))
    content = (ctx.data_dir / "outbox" / f"{ctx.task_id}.eml").read_bytes()
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in message.iter_attachments()
    ] == [("K\u00f6ln.csv", "text/csv", b"a,b\r\n\xff"), ("x.tar.gz", "application/octet-stream", b"\0\1")]


def test_attachments_that_cannot_be_sent(ctx: FakeContext, files: Path) -> None:
    with pytest.raises(Fail, match=r"`no\.csv` is not in the data folder"):
        send(ctx, attachments=["no.csv"])
    for name in ("a", "b"):
        with (files / name).open("wb") as file:
            file.truncate(11 * 1024 * 1024)
    with pytest.raises(Fail, match="more than 20,971,520 bytes together"):
        send(ctx, attachments=["a", "b"])
    assert not (ctx.data_dir / "outbox").exists()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"individually": True, "cc": "b@example.com"}, "leave out `cc` and `bcc`"),
        ({"rate_per_s": 1}, "`rate_per_s` is for messages that go `individually`"),
        ({"variables": {}, "variables_for": {"a@example.com": {}}}, "is for messages that go `individually`"),
        ({"individually": True, "variables_for": {"a@example.com": {}}}, "needs `variables`"),
        (
            {"individually": True, "variables": {}, "variables_for": {"b@example.com": {}}},
            "no recipient's",
        ),
        ({"individually": True, "rate_per_s": 0}, "greater than 0"),
        ({"attachments": ["../a"]}, "`..`"),
        ({"to": [f"a{n}@example.com" for n in range(5001)], "individually": True}, "at most 5000 items"),
    ],
)
def test_parameters_that_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        EmailParameters.model_validate({"to": "a@example.com", **parameters})
    assert message in str(error.value)
