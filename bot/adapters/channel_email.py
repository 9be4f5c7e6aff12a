"""A channel that sends e-mail."""

import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import ClassVar, Final
from urllib.parse import unquote, urlsplit

from bot.domain.errors import Refused, Unavailable
from bot.domain.notices import Message

_SECONDS: Final = 15.0
_PERMANENT: Final = 500
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII)
"""As browsers understand one (HTML, valid e-mail address): Python's own reader of them stumbles over some others."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    server: str = field(repr=False)
    """`smtps://user:password@host`, or `smtp://` for a server that offers STARTTLS or is on this machine."""
    sender: str
    recipients: Sequence[str]
    kind: ClassVar[str] = "mailto"

    def __post_init__(self) -> None:
        """Raises: Refused."""
        parts = urlsplit(self.server)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise Refused("SMTP_URL must be like smtps://user:password@mail.example.org")
        if not self.sender or not self.recipients:
            raise Refused("a channel mailto: needs SMTP_URL, MAIL_FROM and an address")
        if not all(map(_ADDRESS.fullmatch, self.recipients)):
            raise Refused("that is no mail address")

    def send(self, message: Message) -> None:
        mail = EmailMessage()
        mail["Subject"] = message.title
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.recipients)
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(message.key, "assay.invalid")
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(f"{message.text}\n\n{message.url}\n")
        try:
            with self._connected() as server:
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            raise Refused("the mail server refused every recipient") from error
        except smtplib.SMTPResponseException as error:
            kind = Refused if error.smtp_code >= _PERMANENT else Unavailable
            raise kind(f"the mail server answered {error.smtp_code}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(f"the mail server did not take it: {type(error).__name__}") from error

    def _connected(self) -> smtplib.SMTP:
        parts = urlsplit(self.server)
        host, trusted = parts.hostname or "", ssl.create_default_context()
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=_SECONDS, context=trusted)
        else:
            server = smtplib.SMTP(host, parts.port or 587, timeout=_SECONDS)
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=trusted)
        if parts.username:
            # Raises SMTPNotSupportedError where the server offers no TLS: no password goes over the wire in clear.
            if parts.scheme == "smtp" and not isinstance(server.sock, ssl.SSLSocket):
                server.close()
                raise smtplib.SMTPNotSupportedError("no password without TLS")
            server.login(unquote(parts.username), unquote(parts.password or ""))
        return server
