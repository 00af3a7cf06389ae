"""Where scheduled reports go besides the archive: a folder of the server, mailboxes through a mail channel."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from database import Database
from domain.alert import Priority
from domain.errors import ConfigError
from domain.notification import Attachment, Channel, ChannelKind, Message, Sender
from domain.plant import Plant
from domain.report import ReportSchedule
from domain.stores import StoredReport
from notifications.senders.mail import check_mailbox
from notifications.service import secret_name
from web_interface.locale import t

KINDS = {"pdf": "application/pdf", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
LARGEST_ATTACHED = 10_000_000  # bytes; more than that few mail servers take


class ReportPlaces:
    """Implements reports.scheduler.Places. `inside`: where a relative folder lies."""

    def __init__(
        self, database: Database, senders: Mapping[ChannelKind, Sender], plant: Callable[[], Plant], inside: Path, base_url: str
    ) -> None:
        self._database, self._senders, self._plant = database, senders, plant
        self._inside, self._base_url = inside, base_url

    async def check(self, schedule: ReportSchedule) -> None:
        """Raises ConfigError that names the field."""
        if schedule.folder:
            await asyncio.to_thread(self._folder, schedule.folder)
        for at, address in enumerate(schedule.mail_to):
            check_mailbox(address, f"mail_to[{at}]")
        if schedule.channel_id is not None:
            await self._channel(schedule.channel_id)

    async def to_folder(self, folder: str, name: str, content: bytes) -> None:
        """Whole or not at all, in place of a file of that name."""
        await asyncio.to_thread(self._write, folder, name, content)

    async def to_mailbox(self, channel_id: int, address: str, report: StoredReport, content: bytes, message_id: str) -> None:
        """Raises DeliveryFailed, ConfigError (the channel is gone)."""
        channel = await self._channel(channel_id)
        lang = report.inputs.language if report.inputs is not None else self._plant().site.language
        lang = "ru" if lang == "ru" else "en"
        site = self._plant().site.name
        link = f"{self._base_url}/api/reports/{report.id}/file" if self._base_url else ""
        subject = " ".join(t("report.mail.subject", lang, name=report.file_name, site=site).split())
        text = t("report.mail.text", lang, name=report.file_name, site=site) + (f"\n{link}" if link else "")
        attached = (Attachment(report.file_name, KINDS[report.format], content),) if len(content) <= LARGEST_ATTACHED else ()
        message = Message(message_id, address, subject, text, "", Priority.LOW, attachments=attached)
        await self._senders[ChannelKind.EMAIL].send(channel, await self._database.plants.secret(secret_name(channel_id)), message)

    async def _channel(self, channel_id: int) -> Channel:
        for channel in await self._database.notifications.channels():
            if channel.id == channel_id and channel.kind is ChannelKind.EMAIL:
                return channel
        raise ConfigError(f"channel_id: there is no mail channel {channel_id}")

    def _folder(self, folder: str) -> Path:
        """An existing folder by its whole path; a relative one is made, and lies inside the data folder."""
        path = Path(folder)
        if not path.is_absolute():
            path = (self._inside / path).resolve()
            if not path.is_relative_to(self._inside.resolve()):
                raise ConfigError(f"folder: {folder[:80]!r} leaves the data folder; expected a whole path or one without ..")
            path.mkdir(parents=True, exist_ok=True)
        if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
            raise ConfigError(f"folder: {folder[:80]!r} cannot be written; expected a folder of the server that is there")
        return path

    def _write(self, folder: str, name: str, content: bytes) -> None:
        place = self._folder(folder)
        handle, draft = tempfile.mkstemp(dir=place, prefix=".report-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).chmod(0o640)
            Path(draft).replace(place / name)
        except OSError:
            Path(draft).unlink(missing_ok=True)
            raise
