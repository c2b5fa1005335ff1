"""A message for each recipient, of which every one is sent once, however many attempts it takes."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from email.headerregistry import Address
from email.message import EmailMessage

from task_system import Context, Fail, Retry
from task_system.task_types.email_sending.addresses import parse_address
from task_system.task_types.email_sending.attachments import read_attachments
from task_system.task_types.email_sending.journal import open_journal
from task_system.task_types.email_sending.message import build_message, fill_in, message_id
from task_system.task_types.email_sending.models import EmailParameters, EmailSent, Recipient
from task_system.task_types.email_sending.outbox import OUTBOX, write_to_outbox
from task_system.task_types.email_sending.server import DEFAULT_SENDER, SmtpServer
from task_system.task_types.email_sending.smtp import Deliveries

#: Between two looks for a cancel while waiting, in seconds.
_LOOK_EVERY_S = 0.25

#: Takes a message, its recipient's number and address; says what became of it.
Deliver = Callable[[EmailMessage, int, Address], Recipient]


def send_individually(ctx: Context, parameters: EmailParameters, server: SmtpServer | None) -> EmailSent:
    """Send to all who are not done. Raises Retry when some may be reached later, Fail when nobody ever will."""
    sender = parse_address(server.sender if server else DEFAULT_SENDER)
    attachments = read_attachments(ctx, parameters.attachments)
    people = list({address.addr_spec: address for address in map(parse_address, parameters.to)}.values())
    for person in people:
        # a template that one of them has no variable for fails before the first is sent
        fill_in(parameters, person)
    pace = _Pace(ctx, parameters.rate_per_s)
    later: list[Recipient] = []
    with open_journal(ctx) as journal, ExitStack() as opened:
        deliver = _to_outbox(ctx) if server is None else _by_smtp(opened.enter_context(Deliveries(server)))
        for number, person in enumerate(people, 1):
            done = len(journal.outcomes)
            # the last look for a cancel: once the server has the message, it is sent
            ctx.progress(100 * (number - 1) / len(people), f"sending to {len(people):,} recipients", done=done)
            if person.addr_spec in journal.outcomes:
                continue
            message = build_message(parameters, sender, ctx.task_id, attachments=attachments, only=(number, person))
            pace.wait()
            outcome = deliver(message, number, person)
            if outcome.status == "refused_temporarily":
                later.append(outcome)
            else:
                journal.add(outcome)
        outcomes = journal.outcomes | {outcome.address: outcome for outcome in later}
    if later and ctx.attempt < ctx.max_attempts:
        raise Retry(f"{len(later)} of {len(people)} recipients are to be tried again; {_said(later[0])}")
    recipients = [outcomes[person.addr_spec] for person in people]
    reached = sum(outcome.status in {"accepted", "written"} for outcome in recipients)
    if not reached:
        raise Fail(f"All {len(people)} recipients were refused; {_said(recipients[0])}")
    ctx.progress(100, "done", done=len(people))
    return EmailSent(
        delivery="smtp" if server else "outbox",
        detail=_detail(server, reached, len(people)),
        message_id=message_id(ctx.task_id, sender),
        recipients=recipients,
    )


class _Pace:
    """Keeps messages apart in time."""

    def __init__(self, ctx: Context, rate_per_s: float | None) -> None:
        self._ctx = ctx
        self._apart_s = 1 / rate_per_s if rate_per_s else 0.0
        self._next = time.monotonic()

    def wait(self) -> None:
        """Until the next message may be sent. Raises Cancelled when a cancel was requested."""
        while (left_s := self._next - time.monotonic()) > 0:
            time.sleep(min(left_s, _LOOK_EVERY_S))
            self._ctx.check_cancelled()
        self._next = max(self._next, time.monotonic()) + self._apart_s


def _by_smtp(deliveries: Deliveries) -> Deliver:
    return lambda message, _, person: deliveries.send(message, person.addr_spec)


def _to_outbox(ctx: Context) -> Deliver:
    def deliver(message: EmailMessage, number: int, person: Address) -> Recipient:
        file = write_to_outbox(ctx, message, number)
        return Recipient(address=person.addr_spec, status="written", file=file)

    return deliver


def _detail(server: SmtpServer | None, reached: int, total: int) -> str:
    if server is None:
        return (
            f"No mail server is configured: nothing was sent, {reached} messages are in the data folder's `{OUTBOX}`."
        )
    return f"{server.host} accepted messages for {reached} of {total} recipients."


def _said(outcome: Recipient) -> str:
    return f"{outcome.address}: {outcome.code} {outcome.reason}"
