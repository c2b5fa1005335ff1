"""`email_sending`: one message or one for each recipient, by SMTP, or as files where no mail server is configured.

`handler.py` is the task type, `work.py` what it does; `addresses.py`, `templates.py`, `attachments.py` and `message.py`
make the message; `smtp.py` (to the mail server of `server.py`) and `outbox.py` are the two ways out; `individually.py`
takes them for one recipient after the other, and `journal.py` remembers how far it came; `models.py` is what goes in
and what comes out.
"""

from task_system.task_types.email_sending.handler import email_sending
from task_system.task_types.email_sending.models import EmailParameters, EmailSent
from task_system.task_types.email_sending.server import Security, SmtpServer

__all__ = ["EmailParameters", "EmailSent", "Security", "SmtpServer", "email_sending"]
