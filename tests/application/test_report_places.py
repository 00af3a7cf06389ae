"""Where reports go besides the archive: a real folder, a mail server over a real socket."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from application.report_places import LARGEST_ATTACHED, ReportPlaces
from database import Database, open_database
from domain.errors import ConfigError
from domain.notification import Channel, ChannelKind, DeliveryFailed
from domain.plant import Plant, Site
from domain.report import ReportSchedule
from domain.stores import ReportInputs, StoredReport
from notifications.senders import senders
from tests.conftest import FakeClock
from tests.notifications.receivers import Mailbox, mail_server

REPORT = StoredReport(7, "day", "pdf", 0, 1, 2, "anna", "Сутки-2026-11-18.pdf", b"%PDF-1.4 x", 10, ReportInputs(1, "ru"))


@asynccontextmanager
async def places(tmp_path: Path) -> AsyncIterator[tuple[ReportPlaces, Database]]:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'p.db'}", tmp_path, FakeClock(0)) as database:
        plant = Plant(Site("Цех 5", language="ru"))
        yield ReportPlaces(database, senders(), lambda: plant, tmp_path / "reports", "https://shop.example"), database


async def mail_channel(database: Database, port: int) -> int:
    settings = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "shop@example.org", "allow": ["127.0.0.0/8"]}
    return (await database.notifications.save_channel(Channel(0, ChannelKind.EMAIL, "mail", settings=settings))).id


async def test_a_report_arrives_whole_in_the_folder_in_place_of_the_old_one(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    async with places(tmp_path) as (to, _):
        for folder, found in (("смены/май", tmp_path / "reports" / "смены" / "май"), (str(outside), outside)):
            await to.check(ReportSchedule(0, "day", folder=folder))
            await to.to_folder(folder, REPORT.file_name, b"first")
            await to.to_folder(folder, REPORT.file_name, b"second")
            assert [(file.name, file.read_bytes()) for file in found.iterdir()] == [(REPORT.file_name, b"second")]
            assert (found / REPORT.file_name).stat().st_mode & 0o007 == 0


async def test_a_folder_that_cannot_be_written_is_named_and_nothing_half_written_stays(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    async with places(tmp_path) as (to, _):
        wrong = ["../elsewhere", str(tmp_path / "missing")] + ([str(closed)] if os.geteuid() else [])
        for folder in wrong:
            with pytest.raises(ConfigError, match="folder: "):
                await to.check(ReportSchedule(0, "day", folder=folder))
            with pytest.raises(ConfigError, match="folder: "):
                await to.to_folder(folder, REPORT.file_name, b"x")
        target = tmp_path / "reports" / "a"
        (target / REPORT.file_name).mkdir(parents=True)  # a folder of that name stands in the way
        with pytest.raises(OSError, match=r".+"):
            await to.to_folder("a", REPORT.file_name, b"x")
        assert [file.name for file in target.iterdir()] == [REPORT.file_name]


@pytest.mark.parametrize(("language", "words"), [("ru", "готов"), ("en", "is ready")])
async def test_a_mail_carries_the_report_and_its_link(tmp_path: Path, language: str, words: str) -> None:
    async with mail_server(Mailbox()) as box, places(tmp_path) as (to, database):
        channel = await mail_channel(database, box.port)
        await to.check(ReportSchedule(0, "day", channel_id=channel, mail_to=("boss@example.org",)))
        report = replace(REPORT, inputs=ReportInputs(1, language))
        await to.to_mailbox(channel, "boss@example.org", report, report.content, "report-7")
    (mail,) = box.mails
    assert (mail["To"], mail["Subject"]) == ("boss@example.org", "Цех 5: Сутки-2026-11-18.pdf")
    (attached,) = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type(), attached.get_content()) == (REPORT.file_name, "application/pdf", b"%PDF-1.4 x")
    body = mail.get_body(("plain",))
    assert body is not None
    assert words in body.get_content()
    assert "https://shop.example/api/reports/7/file" in body.get_content()


async def test_a_report_too_large_for_a_mail_goes_as_a_link_only(tmp_path: Path) -> None:
    async with mail_server(Mailbox()) as box, places(tmp_path) as (to, database):
        channel = await mail_channel(database, box.port)
        await to.to_mailbox(channel, "boss@example.org", REPORT, b"x" * (LARGEST_ATTACHED + 1), "report-7")
    assert list(box.mails[0].iter_attachments()) == []
    assert "/api/reports/7/file" in box.mails[0].get_content()


async def test_wrong_mailboxes_channels_and_servers_are_told(tmp_path: Path) -> None:
    async with mail_server(Mailbox(refuse=frozenset({"boss@"}))) as box, places(tmp_path) as (to, database):
        channel = await mail_channel(database, box.port)
        for wrong, words in (
            (ReportSchedule(0, "day", mail_to=("boss@example.org\nBcc: x@y.z",), channel_id=channel), r"mail_to\[0\]"),
            (ReportSchedule(0, "day", mail_to=("a@b.cd",), channel_id=99), "channel_id: there is no mail channel 99"),
        ):
            with pytest.raises(ConfigError, match=words):
                await to.check(wrong)
        with pytest.raises(DeliveryFailed):
            await to.to_mailbox(channel, "boss@example.org", REPORT, b"x", "report-7")
        with pytest.raises(ConfigError, match="there is no mail channel 99"):
            await to.to_mailbox(99, "boss@example.org", REPORT, b"x", "report-7")
    assert box.mails == []
