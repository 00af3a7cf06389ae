"""A line in a dialog: which fields it asks follows from its transport."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import ui

from domain.errors import MonitorError
from web_interface.components import button, choice_field, el
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.admin_form import Form
from web_interface.pages.admin_line_fields import REMOVE, line_fields, names_of, transports, with_password

Save = Callable[[Mapping[str, object]], Awaitable[None]]


class LineDialog:
    """`await ask()` gives the id of the saved line, None when the user leaves. `line_id` None makes a new one.

    `save(fields)` takes a line that is not to be stored yet; it raises what is wrong with it.
    """

    def __init__(self, page: shell.Page, line_id: str | None = None, save: Save | None = None) -> None:
        self._page, self._id, self._keep = page, line_id, save
        services = page.services.plant
        self._stored: Mapping[str, object] = {} if line_id is None else services.entry("lines", line_id)
        self._values: dict[str, Any] = dict(self._stored)
        self._transport = str(self._stored.get("transport", "modbus-tcp"))
        self._sealed = False
        self._form: Form

    async def ask(self) -> str | None:
        """Show it and wait."""
        page = self._page
        self._sealed = self._id is not None and await page.services.plant.has_password(self._id)
        title = page.t("admin.line.new") if self._id is None else page.t("admin.line.edit", id=self._id)
        with ui.dialog() as self._dialog, el("div", "em-dialog em-dialog-wide", testid="line-dialog", role="dialog"):
            el("h2", "em-card-title", title)
            choice_field(
                page.t("admin.field.transport"), transports(page.lang), self._transport, testid="line-transport",
                on_change=self._switch,
            )  # fmt: skip
            self._box = el("div", "em-admin-form-box")
            with el("div", "em-dialog-actions"):
                button(page.t("action.cancel"), lambda: self._dialog.submit(None), testid="line-cancel")
                button(page.t("action.save"), self._save, kind="primary", testid="line-save")
        self._draw()
        answer = await self._dialog
        if not self._dialog.is_deleted:  # else the page is gone
            self._dialog.delete()
        return str(answer) if answer else None

    def _draw(self) -> None:
        self._box.clear()
        with self._box:
            fields = line_fields(self._transport, self._page.lang, new=self._id is None, stored=self._sealed)
            self._form = Form(fields, self._values, lang=self._page.lang, testid="line-form")

    def _switch(self, transport: str) -> None:
        if transport == self._transport:
            return
        self._values |= {name: value for name, value in self._form.values().items() if name not in {"password", REMOVE}}
        if "port" not in self._form.values():
            self._values.pop("port", None)
        self._transport = transport
        self._draw()

    async def _save(self) -> None:
        if not self._form.check():
            return
        page = self._page
        fields: dict[str, object] = {"transport": self._transport, **with_password(self._form.values())}
        if self._id is not None:
            fields["id"] = self._id
            shown = {*names_of(self._transport), "enabled", "id", "transport"}
            fields |= {
                name: value for name, value in self._stored.items()
                if name not in shown and self._stored.get("transport") == self._transport
            }  # fmt: skip
        line_id = str(fields["id"])
        keep = self._keep or self._store
        if await admin_frame.attempt(
            page, lambda: keep(fields), self._show_errors
        ):
            self._dialog.submit(line_id)

    async def _store(self, fields: Mapping[str, object]) -> None:
        known = None if self._id is None else self._stored
        await self._page.services.plant.save_line(fields, self._page.actor(), new=self._id is None, known=known)

    def _show_errors(self, exc: MonitorError) -> None:
        line_id = self._id or str(self._form["id"])
        self._form.show(admin_words.troubles(exc, self._page.lang, own=f"lines[{line_id}]"))
