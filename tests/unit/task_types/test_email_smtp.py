"""Handing over to a real SMTP server: aiosmtpd on a free port of the loopback interface, with real TLS."""

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from task_system import Cancelled, Fail, Retry
from task_system.task_types.email_sending import EmailParameters, EmailSent, SmtpServer, email_sending
from task_system.testing import FakeContext
from tests.unit.task_types.mail_server import HOST, Mailbox, free_port


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def start(mailbox: Mailbox) -> Iterator[Callable[..., int]]:
    """Start a server, as `start(**controller_options)`; returns its port."""
    with ExitStack() as running:

        def started(**options: Any) -> int:
            controller = Controller(mailbox, hostname=HOST, port=free_port(), **options)
            controller.start()
            running.callback(controller.stop)
            return controller.port

        yield started


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, "-out", certificate, "-keyout", key], check=True, capture_output=True, timeout=60)
    return certificate, key


@pytest.fixture
def tls(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The server's side of TLS; the client trusts the certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    return server_context(certificate)


def server_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def send(tmp_path: Path, port: int, *, to: Any = "ann@example.com", **server: Any) -> EmailSent:
    configured = SmtpServer(**{"host": HOST, "port": port, "sender": "tasks@example.org", "timeout_s": 5, **server})
    ctx = FakeContext(tmp_path, resources={SmtpServer: configured})
    return email_sending(ctx, EmailParameters(to=to, subject="Hello", text="It works."))


# --- what arrives


def test_a_message_arrives(tmp_path: Path, mailbox: Mailbox, start: Callable[..., int]) -> None:
    server = SmtpServer(host=HOST, port=start(), sender="Tasks <tasks@example.org>")
    ctx = FakeContext(tmp_path, resources={SmtpServer: server})
    parameters = EmailParameters(
        to=["Ann <ann@example.com>", "bob@example.com"],
        cc="carl@example.com",
        bcc="hidden@example.com",
        subject="Gr\u00fc\u00dfe",
        text="Zeile 1\n.\nZeile 3 \u20ac\n",
        html="<b>\u20ac</b>",
    )
    result = email_sending(ctx, parameters)
    assert result.delivery == "smtp"
    assert result.detail == "127.0.0.1 accepted the message for 4 of 4 recipients."
    assert {recipient.status for recipient in result.recipients} == {"accepted"}
    [envelope] = mailbox.received
    assert envelope.mail_from == "tasks@example.org"
    assert envelope.rcpt_tos == ["ann@example.com", "bob@example.com", "carl@example.com", "hidden@example.com"]
    message = mailbox.message()
    assert (message["From"], message["Subject"]) == ("Tasks <tasks@example.org>", "Gr\u00fc\u00dfe")
    assert message["Message-ID"] == result.message_id == f"<{ctx.task_id}@example.org>"
    plain, _ = message.iter_parts()
    assert plain.get_content().splitlines() == ["Zeile 1", ".", "Zeile 3 \u20ac"]
    assert isinstance(envelope.content, bytes)
    assert b"hidden" not in envelope.content
    assert not (tmp_path / "outbox").exists()


def test_a_repeated_attempt_sends_the_same_message_id(
    tmp_path: Path, mailbox: Mailbox, start: Callable[..., int]
) -> None:
    resources = {SmtpServer: SmtpServer(host=HOST, port=start())}
    ctx = FakeContext(tmp_path, resources=resources)
    again = FakeContext(tmp_path, task_id=ctx.task_id, attempt=2, resources=resources)
    first = email_sending(ctx, EmailParameters(to="ann@example.com"))
    assert email_sending(again, EmailParameters(to="ann@example.com")).message_id == first.message_id


def test_a_cancel_is_heard_before_sending_and_not_after(
    tmp_path: Path, mailbox: Mailbox, start: Callable[..., int]
) -> None:
    resources = {SmtpServer: SmtpServer(host=HOST, port=start())}
    with pytest.raises(Cancelled):
        email_sending(FakeContext(tmp_path, resources=resources, cancel_after=0), EmailParameters(to="ann@example.com"))
    assert mailbox.received == []
    email_sending(FakeContext(tmp_path, resources=resources, cancel_after=1), EmailParameters(to="ann@example.com"))
    assert len(mailbox.received) == 1


@pytest.mark.parametrize("farewell", ["221 Bye", "421 Too tired", "500 What?"])
def test_what_the_server_says_to_quit_does_not_matter(
    tmp_path: Path, mailbox: Mailbox, start: Callable[..., int], farewell: str
) -> None:
    mailbox.answers["QUIT"] = farewell
    assert send(tmp_path, start()).recipients[0].status == "accepted"


# --- encryption and login


def test_starttls_with_login(tmp_path: Path, mailbox: Mailbox, start: Callable[..., int], tls: ssl.SSLContext) -> None:
    port = start(tls_context=tls, require_starttls=True, auth_required=True, authenticator=mailbox.authenticate)
    send(tmp_path, port, host="localhost", security="starttls", username="ann", password="s3cret")
    assert mailbox.logins == ["ann"]
    assert mailbox.message()["Subject"] == "Hello"


def test_tls_from_the_first_byte_with_login(
    tmp_path: Path, mailbox: Mailbox, start: Callable[..., int], tls: ssl.SSLContext
) -> None:
    port = start(ssl_context=tls, auth_require_tls=False, authenticator=mailbox.authenticate)
    send(tmp_path, port, security="tls", username="ann", password="s3cret")
    assert mailbox.logins == ["ann"]
    assert len(mailbox.received) == 1


def test_a_wrong_password_fails_for_good_and_is_not_told(
    tmp_path: Path, mailbox: Mailbox, start: Callable[..., int], tls: ssl.SSLContext
) -> None:
    port = start(tls_context=tls, require_starttls=True, auth_required=True, authenticator=mailbox.authenticate)
    with pytest.raises(Fail, match=r"answered 535 .* to the login") as failure:
        send(tmp_path, port, security="starttls", username="ann", password="guessed")
    assert "guessed" not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__
    assert mailbox.received == []


def test_a_certificate_that_is_not_trusted_sends_nothing(
    tmp_path: Path, mailbox: Mailbox, start: Callable[..., int], certificate: tuple[Path, Path]
) -> None:
    port = start(tls_context=server_context(certificate), authenticator=mailbox.authenticate)
    with pytest.raises(Retry, match="certificate verify failed"):
        send(tmp_path, port, security="starttls", username="ann", password="s3cret")
    assert (mailbox.logins, mailbox.received) == ([], [])


def test_a_server_without_starttls_gets_neither_login_nor_message(
    tmp_path: Path, mailbox: Mailbox, start: Callable[..., int]
) -> None:
    port = start(auth_require_tls=False, authenticator=mailbox.authenticate)
    with pytest.raises(Fail, match="cannot be used as it is configured: STARTTLS extension not supported"):
        send(tmp_path, port, security="starttls", username="ann", password="s3cret")
    assert (mailbox.logins, mailbox.received) == ([], [])


def test_a_server_without_login_fails_for_good(tmp_path: Path, start: Callable[..., int]) -> None:
    with pytest.raises(Fail, match="cannot be used as it is configured: SMTP AUTH extension not supported"):
        send(tmp_path, start(), username="ann", password="s3cret")


# --- refusals


def test_some_accepted_and_some_refused_is_a_success_that_lists_both(
    tmp_path: Path, mailbox: Mailbox, start: Callable[..., int]
) -> None:
    mailbox.answers |= {"no@example.com": "550 5.1.1 No such user", "later@example.com": "450 4.2.1 Mailbox busy"}
    result = send(tmp_path, start(), to=["no@example.com", "ann@example.com", "later@example.com"])
    assert [(each.address, each.status, each.code, each.reason) for each in result.recipients] == [
        ("no@example.com", "refused", 550, "5.1.1 No such user"),
        ("ann@example.com", "accepted", None, None),
        ("later@example.com", "refused_temporarily", 450, "4.2.1 Mailbox busy"),
    ]
    assert result.detail == "127.0.0.1 accepted the message for 1 of 3 recipients."
    assert mailbox.received[0].rcpt_tos == ["ann@example.com"]


def test_all_refused_for_good_fails(tmp_path: Path, mailbox: Mailbox, start: Callable[..., int]) -> None:
    mailbox.answers |= {"a@example.com": "550 No such user", "b@example.com": "553 Not here"}
    with pytest.raises(Fail, match=r"refused every recipient: a@example.com: 550 No such user; b@example.com: 553"):
        send(tmp_path, start(), to=["a@example.com", "b@example.com"])


def test_all_refused_and_one_of_them_temporarily_is_tried_again(
    tmp_path: Path, mailbox: Mailbox, start: Callable[..., int]
) -> None:
    mailbox.answers |= {"a@example.com": "550 No such user", "b@example.com": "451 Greylisted"}
    with pytest.raises(Retry, match=r"b@example.com: 451 Greylisted"):
        send(tmp_path, start(), to=["a@example.com", "b@example.com"])
    assert mailbox.received == []


@pytest.mark.parametrize(
    ("command", "answer", "reason"),
    [
        ("MAIL", "451 Try later", r"answered 451 Try later to the sender tasks@example\.org"),
        ("MAIL", "553 Not you", "answered 553 Not you to the sender"),
        ("DATA", "452 Disk full", "answered 452 Disk full to the message"),
        ("DATA", "554 Spam", "answered 554 Spam to the message"),
        ("ann@example.com", "421 Closing", r"ann@example\.com: 421 Closing"),
    ],
)
def test_temporary_answers_are_tried_again_and_permanent_ones_are_not(
    mailbox: Mailbox, start: Callable[..., int], command: str, answer: str, reason: str
) -> None:
    mailbox.answers[command] = answer
    with pytest.raises(Retry if answer.startswith("4") else Fail, match=reason):
        send(Path("unused"), start())
    assert mailbox.received == []


# --- no connection


def test_no_server_there_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(Retry, match="cannot be reached"):
        send(tmp_path, free_port())


def test_a_server_that_hangs_up_is_tried_again(tmp_path: Path, mailbox: Mailbox, start: Callable[..., int]) -> None:
    mailbox.hang_up_on_data = True
    with pytest.raises(Retry, match="hung up"):
        send(tmp_path, start())


def test_a_server_that_says_nothing_is_given_up_in_time(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as silent, pytest.raises(Retry, match="timed out"):
        send(tmp_path, silent.getsockname()[1], timeout_s=0.2)
