"""API keys: other systems' way in. A key is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui
from starlette.responses import Response

from domain.access import ApiKey, Role
from web_interface.components import Card, Confirm, DataTable, Hub, button, el, icon, notify
from web_interface.pages import admin_frame, shell
from web_interface.pages.admin_dialog import FormDialog
from web_interface.pages.admin_form import Field
from web_interface.pages.admin_read import CopyButton
from web_interface.pages.admin_users import role_options
from web_interface.pages.later import Later
from web_interface.services import Services

_DAY_US = 86_400_000_000
_LIFETIMES = (30, 90, 365)
_ICON = {"valid": "check_circle"}


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/keys."""

    @ui.page("/admin/keys", title="")
    async def keys_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "keys") as page:
            body = Later(page)
        await body.fill(KeysPage(page).build)
        return None


class KeysPage:
    """One open page of keys."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._keys: Sequence[ApiKey] = ()

    async def build(self) -> None:
        """The fresh key on top, once; then the table."""
        page = self._page
        self._keys = await page.services.access.keys()
        self._fresh = el("div", "em-fresh-key-box")
        with Card(page.t("admin.keys"), note=page.t("admin.keys.note"), testid="keys-card") as card:
            with card.tools:
                button(page.t("admin.key.new"), self._new, kind="primary", icon_name="add", testid="key-new")
            self._table = DataTable(
                self._columns(), self._rows(), testid="keys-table", empty=page.t("admin.keys.none"), on_action=self._action
            )

    def _columns(self) -> list[dict[str, Any]]:
        t = self._page.t
        return [
            {"key": "name", "name": t("admin.field.name"), "align": "left", "grow": True},
            {"key": "role", "name": t("admin.field.role"), "align": "left"},
            {"key": "prefix", "name": t("admin.col.prefix"), "align": "left", "sort": False},
            {"key": "created", "name": t("admin.col.created"), "align": "left"},
            {"key": "used", "name": t("admin.col.used"), "align": "left"},
            {"key": "expires", "name": t("admin.col.expires"), "align": "left"},
            {"key": "state", "name": t("status.col.state"), "align": "left"},
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]

    def _rows(self) -> list[dict[str, Any]]:
        return [self._row(key) for key in sorted(self._keys, key=lambda key: (key.revoked, -key.created_us))]

    def _row(self, key: ApiKey) -> dict[str, Any]:
        page, now_us = self._page, self._page.hub.shop().now_us
        expired = key.expires_us is not None and key.expires_us <= now_us
        state = "revoked" if key.revoked else "expired" if expired else "valid"
        cells: dict[str, Any] = {
            "name": {"text": key.name, "bold": True},
            "role": {"text": page.t(f"role.{key.role.value}"), "sort": key.role.rank},
            "prefix": {"text": f"{key.prefix}…", "mono": True},
            "created": self._when(key.created_us, ""),
            "used": self._when(key.last_used_us, page.t("admin.user.never")),
            "expires": self._when(key.expires_us, page.t("admin.key.never")),
            "state": {"text": page.t(f"admin.key.{state}"), "icon": _ICON.get(state, "pause_circle"), "tone": "quiet"},
            "do": {"text": "", "actions": [] if key.revoked else [{"name": "revoke", "text": page.t("admin.key.revoke")}]},
        }
        return {"id": key.id, "muted": state != "valid", "cells": cells}

    def _when(self, time_us: int | None, none: str) -> dict[str, Any]:
        words = none if time_us is None else self._page.viewer.fmt.moment(time_us, self._page.hub.shop().now_us)
        return {"text": words, "sort": time_us or 0}

    async def _new(self) -> None:
        page, t = self._page, self._page.t
        lifetimes: dict[Any, str] = {days: t("admin.key.days", n=days) for days in _LIFETIMES} | {0: t("admin.key.forever")}
        fields = [
            Field("name", "text", t("admin.field.name"), required=True, hint=t("admin.hint.key_name")),
            Field("role", "choice", t("admin.field.role"), options=role_options(page), required=True),
            Field("days", "choice", t("admin.field.lifetime"), options=lifetimes, required=True),
        ]
        dialog = FormDialog(page, t("admin.key.new"), fields, {"role": Role.VIEWER.value, "days": 365}, testid="key-dialog")
        made: list[tuple[ApiKey, str]] = []

        async def save(found: dict[str, object]) -> None:
            days = int(str(found["days"]))
            expires = page.hub.shop().now_us + days * _DAY_US if days else None
            made.append(await page.services.access.create_key(str(found["name"]), Role(found["role"]), page.actor(), expires))

        if await dialog.ask(save, yes=t("admin.key.create")):
            self._show_fresh(*made[0])
            await self._refresh()

    def _show_fresh(self, key: ApiKey, secret: str) -> None:
        page = self._page
        self._fresh.clear()
        with self._fresh, el("section", "em-card em-fresh-key", testid="fresh-key"):
            icon("vpn_key", "em-accent")
            with el("div", "em-fresh-key-text"):
                el("b", text=page.t("admin.key.fresh", name=key.name))
                el("code", "em-mono em-fresh-key-value", secret, "fresh-key-value")
                el("span", "em-quiet", page.t("admin.key.once"))
            CopyButton(secret, page.t("admin.copy"), page.t("admin.copied"), "fresh-key-copy")
            button(icon_name="close", on_click=self._fresh.clear, label=page.t("action.close"), testid="fresh-key-close")

    async def _action(self, key_id: Any, _name: str) -> None:
        page = self._page
        key = next((key for key in self._keys if key.id == key_id), None)
        if key is None:
            return
        wanted, words = key.id, page.t("admin.key.revoke.words", name=key.name)
        confirm = Confirm(page.lang, page.t("admin.key.revoke.title"), words, page.t("admin.key.revoke"), testid="revoke")
        if await confirm.ask() and await admin_frame.attempt(page, lambda: page.services.access.revoke_key(wanted, page.actor())):
            await self._refresh()
            notify(page.t("admin.key.revoked.done"))

    async def _refresh(self) -> None:
        self._keys = await self._page.services.access.keys()
        self._table.show({"rows": self._rows()})
