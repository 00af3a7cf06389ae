"""E-mail over SMTP (RFC 5321), with STARTTLS or TLS from the start; certificates are verified."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, parseaddr

from domain.errors import ConfigError
from domain.notification import Channel, DeliveryFailed, Message
from notifications.deadline import Deadline
from notifications.targets import TIMEOUT_S, Network, connect, networks_of

LIMIT_S = 30.0  # the whole conversation: a server that takes the connection and says nothing is a time-out
ANYWHERE = networks_of(["0.0.0.0/0", "::/0"])


@dataclass(frozen=True, slots=True)
class MailServer:
    """`security` starttls | tls | none. `allowed`: networks besides public addresses (all, for the one of the settings file)."""

    host: str
    port: int = 587
    security: str = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    sender: str = ""
    allowed: tuple[Network, ...] = ()


class _Smtp(smtplib.SMTP):
    """Connects to the judged address; TLS still checks the certificate against the name."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._deadline: Deadline | None = None
        super().__init__(timeout=TIMEOUT_S)

    @property
    def late(self) -> bool:
        """Was it cut off?"""
        return self._deadline is not None and self._deadline.passed

    def close(self) -> None:
        super().close()
        if self._deadline is not None:
            self._deadline.close()

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = connect(host, port, self._server.allowed, timeout)
        self._deadline = Deadline(sock, LIMIT_S)
        if self._server.security == "tls":
            return ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        return sock


class MailSender:
    """A channel without a host uses the server of the settings."""

    def __init__(self, default: MailServer | None = None) -> None:
        self._default = default

    async def send(self, channel: Channel, secret: str | None, message: Message) -> None:
        """Raises DeliveryFailed."""
        server = self._server(channel, secret)
        mail = letter(server.sender, message)
        try:
            async with asyncio.timeout(LIMIT_S):
                await asyncio.to_thread(_deliver, server, mail)
        except TimeoutError as exc:
            raise DeliveryFailed("timeout", server.host) from exc

    def _server(self, channel: Channel, secret: str | None) -> MailServer:
        settings = channel.settings
        host = str(settings.get("host") or "")
        if not host:
            if self._default is None:
                raise DeliveryFailed("other", "no mail server is set up: name a host in the channel or ENERGY_SMTP__HOST")
            return self._default
        return MailServer(
            host, int(str(settings.get("port") or 587)), str(settings.get("security") or "starttls"),
            str(settings["user"]) if settings.get("user") else None, secret, str(settings.get("sender") or ""),
            networks_of(settings.get("allow")),
        )


def check_mailbox(address: str, field: str = "address") -> str:
    """Raises ConfigError unless it is one plain mailbox."""
    name, mailbox = parseaddr(address)
    local, at, domain = mailbox.rpartition("@")
    plain = address.isprintable() and " " not in mailbox and "," not in address
    if name or not at or not local or "." not in domain.strip(".") or not plain or len(address) > 254:
        raise ConfigError(f"{field}: {address[:80]!r} is no mailbox; expected for example name@example.org")
    return mailbox


def letter(sender: str, message: Message) -> EmailMessage:
    """The e-mail: plain text and HTML, the message's id twice, so that what comes again is recognised."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = message.address
    mail["Subject"] = message.subject
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = f"<{message.id}@energy-monitoring>"
    mail["X-Energy-Message"] = message.id
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
    for attached in message.attachments:
        main, _, sub = attached.kind.partition("/")
        mail.add_attachment(attached.content, maintype=main, subtype=sub, filename=attached.name)
    return mail


def _deliver(server: MailServer, mail: EmailMessage) -> None:
    smtp = _Smtp(server)
    try:
        with smtp:
            smtp.connect(server.host, server.port)
            smtp._host = server.host  # type: ignore[attr-defined] # the name that STARTTLS checks the certificate against
            if server.security == "starttls":
                smtp.starttls(context=ssl.create_default_context())
            if server.user:
                smtp.login(server.user, server.password or "")
            smtp.send_message(mail)
    except smtplib.SMTPAuthenticationError as exc:
        raise DeliveryFailed("login", f"{server.host} answered {exc.smtp_code}") from exc
    except smtplib.SMTPRecipientsRefused as exc:
        code = next((refusal[0] for refusal in exc.recipients.values()), 550)
        raise DeliveryFailed("refused", f"the mailbox was refused ({code})", permanent=code >= 500) from exc
    except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as exc:
        raise DeliveryFailed("refused", f"{server.host} answered {exc.smtp_code}", permanent=exc.smtp_code >= 500) from exc
    except ssl.SSLError as exc:
        if smtp.late:
            raise DeliveryFailed("timeout", server.host) from exc
        raise DeliveryFailed("tls", str(exc.reason or exc)) from exc
    except smtplib.SMTPNotSupportedError as exc:
        raise DeliveryFailed("tls", f"{server.host} offers no STARTTLS or login") from exc
    except TimeoutError as exc:
        raise DeliveryFailed("timeout", server.host) from exc
    except (OSError, smtplib.SMTPException) as exc:
        if smtp.late or isinstance(exc.__context__, TimeoutError):  # smtplib tells a server that says nothing as one that hung up
            raise DeliveryFailed("timeout", server.host) from exc
        raise DeliveryFailed("connect", f"{server.host}: {type(exc).__name__}") from exc
    finally:
        smtp.close()
