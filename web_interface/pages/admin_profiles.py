"""Device profiles: those that ship and the installation's own, who is read by them, and the way to a copy."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from starlette.responses import Response

from domain.access import Role
from domain.profile_file import ProfileEntry
from web_interface.components import Card, Confirm, DataTable, Hub, button, link_button, notify
from web_interface.locale import has
from web_interface.pages import admin_frame, shell
from web_interface.pages.admin_dialog import FormDialog
from web_interface.pages.admin_form import Field
from web_interface.services import Services

LIST = "/admin/profiles"


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/profiles."""

    @ui.page("/admin/profiles", title="")
    async def profiles_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "profiles") as page:
            ProfilesPage(page).build()
        return None


class ProfilesPage:
    """One open list of profiles."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page

    def build(self) -> None:
        """Own ones first: they are why somebody comes here."""
        page, t = self._page, self._page.t
        with Card(t("admin.profiles"), note=t("profile.note"), testid="profiles-card") as card:
            with card.tools:
                link_button(t("admin.devices"), "/admin/devices", testid="profiles-devices")
                button(t("profile.new"), self._new, kind="primary", icon_name="add", testid="profile-new")
            self._table = DataTable(
                self._columns(), self._rows(), testid="profiles-table", two_lines=True, on_action=self._action
            )
        page.every(lambda tick: [(self._table, self._table.row_changes(self._rows()))] if "plant" in tick.kinds else [])

    def _columns(self) -> list[dict[str, Any]]:
        t = self._page.t
        return [
            {"key": "profile", "name": t("status.col.profile"), "align": "left"},
            {"key": "vendor", "name": t("admin.field.vendor"), "align": "left"},
            {"key": "protocol", "name": t("admin.field.protocol"), "align": "left"},
            {"key": "points", "name": t("admin.field.points"), "align": "right"},
            {"key": "sure", "name": t("admin.field.confidence"), "align": "left"},
            {"key": "from", "name": t("profile.from"), "align": "left"},
            {"key": "devices", "name": t("admin.devices"), "align": "left", "grow": True},
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]

    def _rows(self) -> list[dict[str, Any]]:
        return [self._row(entry) for entry in sorted(self._page.services.profiles.entries(), key=lambda e: (not e.own, e.name))]

    def _protocol(self, protocol: str) -> str:
        """As people write it."""
        key = f"profile.protocol.{protocol}"
        return self._page.t(key) if has(key, self._page.lang) else protocol

    def _row(self, entry: ProfileEntry) -> dict[str, Any]:
        page, profile = self._page, entry.profile
        where = page.t("profile.own") if entry.own else page.t("profile.shipped")
        copied = {"name": "profile-copy", "icon": "content_copy", "label": page.t("profile.copy")}
        remove = {
            "name": "profile-delete", "icon": "delete_outline", "label": page.t("profile.delete"), "kind": "quiet",
            "disabled": bool(entry.devices),
        }  # fmt: skip
        cells: dict[str, Any] = {
            "profile": {"text": (profile.title.get(page.lang) if profile else "") or entry.name, "sub": entry.name, "bold": True},
            "vendor": profile.vendor if profile else "—",
            "protocol": self._protocol(profile.protocol) if profile else "—",
            "points": {"text": str(len(profile.points)), "sort": len(profile.points)} if profile else "—",
            "sure": page.t(f"profile.sure.{profile.confidence}") if profile else "—",
            "from": {"text": where, "bold": entry.own, "sub": page.t("profile.replaces") if entry.replaces else ""},
            "devices": shortened(entry.devices, page.lang, page.t) or "—",
            "do": {"text": "", "actions": ([copied] if profile else []) + ([remove] if entry.own else [])},
        }
        if profile is None:
            cells["from"] |= {"text": page.t("profile.broken"), "icon": "error", "tone": "alarm"}
        return {"id": entry.name, "href": f"{LIST}/{entry.name}", "cells": cells}

    async def _new(self) -> None:
        entries = [entry for entry in self._page.services.profiles.entries() if entry.profile is not None]
        await copy_dialog(self._page, entries, entries[0].name if entries else "")

    async def _action(self, row: Any, action: str) -> None:
        page, name = self._page, str(row)
        if action == "profile-copy":
            await copy_dialog(page, [entry for entry in page.services.profiles.entries() if entry.profile is not None], name)
        elif await delete(page, name):
            self._table.show({"rows": self._rows()})
            notify(page.t("profile.deleted", name=name))


def shortened(devices: Any, _lang: str, t: Any, most: int = 8) -> str:
    """Names in one line; of many the first, and how many more."""
    words = ", ".join(devices[:most])
    return words if len(devices) <= most else t("profile.more", words=words, n=len(devices) - most)


async def copy_dialog(page: shell.Page, entries: list[ProfileEntry], source: str) -> None:
    """Ask for a name; the copy opens."""
    titles = {e.name: f"{e.profile.title.get(page.lang) or e.name} ({e.name})" for e in entries if e.profile is not None}
    fields = [
        Field("source", "choice", page.t("profile.copy.of"), options=titles, required=True, search=True),
        Field("name", "text", page.t("profile.name"), required=True, mono=True, hint=page.t("profile.name.hint")),
        Field("title", "text", page.t("admin.field.title"), hint=page.t("profile.title.hint")),
    ]
    made: list[str] = []

    async def save(values: dict[str, object]) -> None:
        found = await page.services.profiles.copy(
            str(values["source"]), str(values["name"]), str(values.get("title", "")), page.actor()
        )
        made.append(found.name)

    dialog = FormDialog(
        page, page.t("profile.new"), fields, {"source": source, "name": free_name(page, source)}, testid="profile-copy",
        words=page.t("profile.copy.words"),
    )  # fmt: skip
    if await dialog.ask(save, yes=page.t("profile.copy.yes")) and made:
        ui.navigate.to(f"{LIST}/{made[0]}")


def free_name(page: shell.Page, source: str) -> str:
    """The first of NAME-own, NAME-own-2 ... that nobody has."""
    taken = {entry.name for entry in page.services.profiles.entries()}
    tries = (f"{source[:50]}-own" + (f"-{n}" if n > 1 else "") for n in range(1, len(taken) + 2))
    return next(name for name in tries if name not in taken)


async def delete(page: shell.Page, name: str) -> bool:
    """After a question; True when it is gone."""
    words = page.t("profile.delete.words", name=name)
    confirm = Confirm(page.lang, page.t("profile.delete"), words, page.t("action.delete"), testid="delete")
    return bool(await confirm.ask()) and await admin_frame.attempt(
        page, lambda: page.services.profiles.delete(name, page.actor())
    )
