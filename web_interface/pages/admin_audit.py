"""The audit: who did what, when and from where, and what it changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui
from starlette.responses import Response

from domain.access import AuditEntry, Role
from web_interface.components import Card, DataTable, Hub, button, el
from web_interface.format import Format
from web_interface.locale import has, t
from web_interface.pages import admin_frame, shell
from web_interface.pages.later import Later
from web_interface.services import Services

PAGE = 200
_LONGEST = 90


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/audit."""

    @ui.page("/admin/audit", title="")
    async def audit_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "audit") as page:
            body = Later(page)
        await body.fill(AuditPage(page).build)
        return None


class AuditPage:
    """One open page of the audit."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._entries: list[AuditEntry] = []

    async def build(self) -> None:
        """The newest first; older ones on demand."""
        page = self._page
        self._entries = list(await page.services.access.audit(PAGE))
        with Card(page.t("admin.audit"), note=page.t("admin.audit.note"), testid="audit-card"):
            self._table = DataTable(
                columns(page.lang), self._rows(), testid="audit-table", dense=True, empty=page.t("admin.audit.none")
            )
            with el("div", "em-audit-more") as self._more:
                button(page.t("admin.audit.more"), self._older, testid="audit-more")
        self._more.set_visibility(len(self._entries) == PAGE)

    async def _older(self) -> None:
        more = await self._page.services.access.audit(PAGE, self._entries[-1].number)
        self._entries += more
        self._table.show({"rows": self._rows()})
        self._more.set_visibility(len(more) == PAGE)

    def _rows(self) -> list[dict[str, Any]]:
        return rows(self._entries, self._page.viewer.fmt)


def columns(lang: str) -> list[dict[str, Any]]:
    """Heads of the table."""
    return [
        {"key": "number", "name": t("admin.col.number", lang), "align": "right"},
        {"key": "time", "name": t("admin.col.time", lang), "align": "left"},
        {"key": "actor", "name": t("admin.col.actor", lang), "align": "left"},
        {"key": "source", "name": t("admin.col.source", lang), "align": "left"},
        {"key": "action", "name": t("admin.col.action", lang), "align": "left"},
        {"key": "subject", "name": t("admin.col.subject", lang), "align": "left"},
        {"key": "change", "name": t("admin.col.change", lang), "align": "left", "grow": True, "sort": False},
    ]


def rows(entries: Sequence[AuditEntry], fmt: Format) -> list[dict[str, Any]]:
    """One row an entry; only what failed has colour."""
    return [_row(entry, fmt) for entry in entries]


def _row(entry: AuditEntry, fmt: Format) -> dict[str, Any]:
    failed = entry.result != "ok"
    key = f"audit.{entry.action}"
    action: dict[str, Any] = {"text": t(key, fmt.lang) if has(key, fmt.lang) else entry.action}
    if failed:
        action |= {"icon": "error", "tone": "alarm"}
    cells: dict[str, Any] = {
        "number": {"text": str(entry.number), "sort": entry.number},
        "time": {"text": f"{fmt.day(entry.time_us)} {fmt.clock(entry.time_us, seconds=True)}", "sort": entry.time_us},
        "actor": entry.actor or "—",
        "source": {"text": entry.source or "—", "tone": "quiet"},
        "action": action,
        "subject": {"text": shortened(entry.subject), "bold": True},
        "change": {"parts": change_parts(entry.old, entry.new)},
    }
    return {"id": entry.number, "cells": cells}


def change_parts(old: str | None, new: str | None) -> list[list[str]]:
    """What differs between two JSON texts: "scan_s: 1 → 5"."""
    before, after = _flat(old), _flat(new)
    if not before and not after:
        return []
    parts: list[list[str]] = []
    for name in {**before, **after}:
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        lead = (", " if parts else "") + (f"{name}: " if name else "")
        if lead:
            parts.append([lead, "em-quiet"])
        parts.append([shortened(" → ".join("—" if value is None else value for value in ([was] if before else []) + [now])), ""])
    return parts


def shortened(text: str) -> str:
    """At most one line of a table."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _flat(text: str | None) -> dict[str, str | None]:
    """Fields of a JSON object by dotted names; a bare value has the empty name."""
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {"": text}
    flat: dict[str, str | None] = {}
    _collect("", found, flat)
    return flat


def _collect(name: str, value: object, into: dict[str, str | None]) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _collect(f"{name}.{key}" if name else str(key), item, into)
    else:
        into[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
