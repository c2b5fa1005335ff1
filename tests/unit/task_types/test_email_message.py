import email
import email.policy
import re
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from task_system import Cancelled, Retry
from task_system.registry import default_registry
from task_system.task_types.email_sending import EmailParameters, SmtpServer, email_sending
from task_system.task_types.email_sending.addresses import parse_address
from task_system.task_types.email_sending.message import build_message
from task_system.testing import FakeContext

TASK_ID = UUID("01902f5e-8a00-7000-8000-000000000001")


def built(**parameters: Any) -> EmailMessage:
    """The message as a reader parses it."""
    message = build_message(EmailParameters(**parameters), parse_address("Tasks <tasks@example.org>"), TASK_ID)
    parsed = email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def addresses(message: EmailMessage, header: str) -> list[tuple[str, str]]:
    return [(address.display_name, address.addr_spec) for address in message[header].addresses]


def test_the_type_is_registered_with_examples_that_validate() -> None:
    assert default_registry.get("email_sending").lane == "email_sending"
    for example in EmailParameters.model_json_schema()["examples"]:
        EmailParameters.model_validate(example)


# --- addresses


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("user@example.com", ("", "user@example.com")),
        ("ann@example.test", ("", "ann@example.test")),
        ("root@localhost", ("", "root@localhost")),
        ("Root <root@LOCALHOST>", ("Root", "root@localhost")),
        ("ann@printer.local", ("", "ann@printer.local")),
        ("ann@db.localhost", ("", "ann@db.localhost")),
        ("ann@mail.internal", ("", "ann@mail.internal")),
        ("Ann Lee <ann@example.com>", ("Ann Lee", "ann@example.com")),
        ('"Lee, J\u00f6rg" <joerg@example.com>', ("Lee, J\u00f6rg", "joerg@example.com")),
        ("J\u00f6rg <joerg@example.com>", ("J\u00f6rg", "joerg@example.com")),
        ("ann@b\u00fccher.example.com", ("", "ann@xn--bcher-kva.example.com")),
        ("ann+tag@example.com", ("", "ann+tag@example.com")),
    ],
)
def test_addresses_that_are_taken(text: str, address: tuple[str, str]) -> None:
    parsed = parse_address(text)
    assert (parsed.display_name, parsed.addr_spec) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@localhost@example.com",
        "ann@example.com, bob@example.com",
        "ann@example.com\r\nBcc: bob@example.com",
        '"Ann\r\nBcc: bob@example.com" <ann@example.com>',
        "Ann\n <ann@example.com>",
        "ann@example..com",
        "j\u00f6rg@example.com",
        "ann@[127.0.0.1]",
        "Ann <ann@local> <bob@example.com>",
    ],
)
def test_addresses_that_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no e-mail address|must be one line|only ASCII letters"):
        parse_address(text)


# --- parameters


def test_one_address_or_many() -> None:
    assert EmailParameters(to="a@example.com").to == ["a@example.com"]
    assert EmailParameters(to=["a@example.com", "B <b@example.com>"], cc="c@example.com").recipients == [
        "a@example.com",
        "b@example.com",
        "c@example.com",
    ]


def test_nobody_gets_it_twice() -> None:
    parameters = EmailParameters(to=["a@example.com", "A <a@EXAMPLE.com>"], cc="a@example.com", bcc="b@example.com")
    assert parameters.recipients == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "Field required"),
        ({"to": []}, "at least 1 item"),
        ({"to": "nobody"}, "'nobody' is no e-mail address"),
        ({"to": ["a@example.com", "b"]}, "to.1"),
        ({"to": "a@example.com", "subject": "Hi\r\nBcc: b@example.com"}, "must be one line: remove line breaks"),
        ({"to": "a@example.com", "subject": "Hi\0"}, "must be one line"),
        ({"to": "a@example.com", "subject": "Hi\u2028"}, "must be one line"),
        ({"to": "a@example.com\n", "subject": "Hi"}, "must be one line"),
        ({"to": "a@example.com", "reply_to": "b@example.com\r\nX: y"}, "must be one line"),
        ({"to": "a@example.com", "subject": "x" * 501}, "at most 500 characters"),
        ({"to": [f"a{n}@example.com" for n in range(101)]}, "at most 100 recipients, not 101"),
        ({"to": ["a@example.com"] * 60, "bcc": ["b@example.com"] * 41}, "at most 100 recipients, not 101"),
        ({"to": "a@example.com", "text": "x" * 1_000_001}, "at most 1000000 characters"),
        ({"to": "a@example.com", "from": "b@example.com"}, "Extra inputs"),
    ],
)
def test_parameters_that_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        EmailParameters.model_validate(parameters)
    assert message in str(error.value)


# --- the message


def test_only_to_is_needed() -> None:
    message = built(to="user@example.com")
    assert addresses(message, "From") == [("Tasks", "tasks@example.org")]
    assert addresses(message, "To") == [("", "user@example.com")]
    assert message["Subject"] == "(no subject)"
    assert message["Message-ID"] == f"<{TASK_ID}@example.org>"
    assert message["Date"].datetime.tzinfo is not None
    assert message.get_content_type() == "text/plain"
    assert message.get_content().strip() == ""


def test_bcc_is_in_no_header_and_nowhere_else() -> None:
    message = built(to="a@example.com", cc=["C <c@example.com>"], bcc="hidden@example.com", reply_to="r@example.com")
    assert addresses(message, "Cc") == [("C", "c@example.com")]
    assert addresses(message, "Reply-To") == [("", "r@example.com")]
    assert "hidden" not in message.as_string()


def test_text_and_html_are_alternatives() -> None:
    message = built(to="a@example.com", text="Gr\u00fc\u00dfe", html="<b>Gr\u00fc\u00dfe</b>")
    assert message.get_content_type() == "multipart/alternative"
    plain, html = message.iter_parts()
    assert (plain.get_content_type(), plain.get_content().strip()) == ("text/plain", "Gr\u00fc\u00dfe")
    assert (html.get_content_type(), html.get_content().strip()) == ("text/html", "<b>Gr\u00fc\u00dfe</b>")


def test_html_alone() -> None:
    message = built(to="a@example.com", html="<p>x</p>")
    assert (message.get_content_type(), message.get_content().strip()) == ("text/html", "<p>x</p>")


one_line = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=500)


@given(subject=one_line, name=one_line, text=st.text(st.characters(exclude_categories=["Cs"])))
def test_nothing_that_a_caller_sends_becomes_a_header_or_a_line_too_long(subject: str, name: str, text: str) -> None:
    parameters = EmailParameters(to="a@example.com", subject=subject, text=text)
    content = build_message(parameters, Address(name, addr_spec="tasks@example.org"), TASK_ID).as_bytes()
    head, _, _ = content.partition(b"\r\n\r\n")
    assert set(re.findall(rb"(?m)^([^\s:]+):", head)) == {
        *(b"From", b"To", b"Subject", b"Date", b"Message-ID"),
        *(b"MIME-Version", b"Content-Type", b"Content-Transfer-Encoding"),
    }
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")


@given(st.text("abc \u00e4\u20ac\U0001f600,;:<>\"'()=?_-", min_size=1, max_size=200))
def test_subjects_arrive_as_they_were_sent(subject: str) -> None:
    assert built(to="a@example.com", subject=subject)["Subject"].split() == subject.split()


# --- the outbox


def test_without_a_mail_server_the_message_becomes_a_file(tmp_path: Path) -> None:
    ctx = FakeContext(tmp_path / "data")
    parameters = EmailParameters(to="user@example.com", bcc="hidden@example.com", subject="Hello", text="It works.")
    result = email_sending(ctx, parameters)
    assert result.delivery == "outbox"
    assert "No mail server is configured: nothing was sent" in result.detail
    assert [(recipient.address, recipient.status) for recipient in result.recipients] == [
        ("user@example.com", "written"),
        ("hidden@example.com", "written"),
    ]
    assert result.file == f"outbox/{ctx.task_id}.eml"
    written = ctx.data_dir / result.file
    assert written.stat().st_mode & 0o077 == 0
    message = email.message_from_bytes(written.read_bytes(), policy=email.policy.default)
    assert (message["Subject"], message["Message-ID"]) == ("Hello", result.message_id)
    assert "hidden" not in written.read_text()


def test_a_repeated_attempt_writes_the_same_file(tmp_path: Path) -> None:
    ctx = FakeContext(tmp_path)
    first = email_sending(ctx, EmailParameters(to="user@example.com"))
    again = FakeContext(tmp_path, task_id=ctx.task_id, attempt=2)
    assert email_sending(again, EmailParameters(to="user@example.com")) == first
    assert len(list((tmp_path / "outbox").iterdir())) == 1


def test_a_cancelled_message_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        email_sending(FakeContext(tmp_path, cancel_after=0), EmailParameters(to="user@example.com"))
    assert not (tmp_path / "outbox").exists()


def test_an_outbox_that_cannot_be_written_is_tried_again_and_names_no_path(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file where the folder should be")
    with pytest.raises(Retry, match="cannot be written to the folder `outbox`: File exists") as retry:
        email_sending(FakeContext(tmp_path), EmailParameters(to="user@example.com"))
    assert str(tmp_path) not in str(retry.value)


# --- the server's configuration


def test_the_password_is_not_shown() -> None:
    server = SmtpServer(host="mail.example.com", security="tls", username="ann", password="s3cret")
    assert "s3cret" not in repr(server)
    assert "s3cret" not in str(server)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"host": ""}, "needs a host"),
        ({"port": 0}, "port from 1 to 65535"),
        ({"security": "ssl"}, "none, starttls or tls"),
        ({"timeout_s": 0}, "timeout_s must be more than 0"),
        ({"username": "ann"}, "a username and a password, or neither"),
        ({"username": "ann", "password": "x"}, "not sent in clear"),
        ({"username": "ann", "password": "\u00e4", "security": "tls"}, "must be ASCII"),
        ({"sender": "tasks"}, "is no e-mail address"),
        ({"sender": "tasks@example.com\r\nX: y"}, "must be one line"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SmtpServer(**{"host": "mail.example.com", **fields})
