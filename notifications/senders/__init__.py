"""One module a kind of channel; SENDERS says which sends what."""

from __future__ import annotations

from collections.abc import Mapping

from domain.notification import ChannelKind, Sender
from notifications.senders.by_apprise import AppriseSender
from notifications.senders.mail import MailSender, MailServer
from notifications.senders.telegram import TelegramSender
from notifications.senders.webhook import WebhookSender

__all__ = ["MailServer", "senders"]


def senders(default_mail: MailServer | None = None) -> Mapping[ChannelKind, Sender]:
    """`default_mail`: the server of the settings, for mail channels that name none."""
    return {
        ChannelKind.EMAIL: MailSender(default_mail),
        ChannelKind.TELEGRAM: TelegramSender(),
        ChannelKind.WEBHOOK: WebhookSender(),
        ChannelKind.APPRISE: AppriseSender(),
    }
