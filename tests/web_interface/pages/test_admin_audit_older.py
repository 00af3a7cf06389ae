"""Older entries of the audit, asked for twice at once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from domain.access import AuditEntry, AuditQuery
from web_interface.format import Format
from web_interface.pages.admin_audit import AuditPage


def entry(number: int) -> AuditEntry:
    return AuditEntry(number, 1_000_000 * number, "admin", "127.0.0.1", "login", "admin", None, None, "ok")


async def test_a_double_click_on_older_adds_each_entry_once() -> None:
    both_asked = asyncio.Barrier(2)

    async def audit(limit: int, before: int | None = None, query: AuditQuery | None = None) -> list[AuditEntry]:
        await both_asked.wait()  # neither is answered before both have asked
        return [entry(number) for number in range((before or 0) - 1, 0, -1)]

    shown: list[Any] = []
    page = SimpleNamespace(
        services=SimpleNamespace(access=SimpleNamespace(audit=audit)), lang="en",
        viewer=SimpleNamespace(fmt=Format("en", ZoneInfo("UTC"))), hub=None,
    )  # fmt: skip
    opened: Any = AuditPage(page)  # type: ignore[arg-type]  # the parts of a page that it asks
    opened._entries = [entry(number) for number in (6, 5, 4)]
    opened._table = SimpleNamespace(show=lambda data: shown.append([row["id"] for row in data["rows"]]))
    opened._more = SimpleNamespace(set_visibility=lambda _visible: None)
    await asyncio.gather(opened._older(), opened._older())
    assert shown == [[6, 5, 4, 3, 2, 1]]
