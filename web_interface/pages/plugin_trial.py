"""A plug-in tried in a dialog: its own example or a pasted message, and what it makes of it."""

from __future__ import annotations

import json
from typing import Any

from nicegui import ui

from domain.errors import MonitorError
from domain.plugin import PluginStatus, PluginTrial
from web_interface.components import DataTable, button, el, icon, text_field
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import admin_words, shell
from web_interface.texts import point_name

Rows = list[dict[str, Any]]


class PluginTrialDialog:
    """`await show()` reads the example at once; what is typed then is read by a press."""

    def __init__(self, page: shell.Page, plugin: PluginStatus) -> None:
        self._page, self._plugin = page, plugin

    async def show(self) -> None:
        """Until the user leaves."""
        page, lang = self._page, self._page.lang
        title = page.t("plugin.trial.title", name=self._plugin.file)
        with (
            page.client.layout, ui.dialog(value=True) as self._dialog,
            el("div", "em-dialog em-dialog-wide", testid="plugin-trial", role="dialog", aria_label=title),
        ):  # fmt: skip
            el("h2", "em-card-title", title)
            el("p", "em-dialog-text", page.t("plugin.trial.words"))
            self._message = text_field(
                page.t("plugin.trial.message"), testid="plugin-message", mono=True, area=True, hint=page.t("plugin.trial.hint")
            )
            self._said = el("div", "em-plugin-said", testid="plugin-said", role="status")
            self._values = DataTable(columns(lang), [], testid="plugin-values", dense=True, empty=page.t("plugin.trial.nothing"))
            with el("div", "em-dialog-actions"):
                button(page.t("action.close"), self._dialog.close, testid="plugin-close")
                button(page.t("plugin.trial.read"), self._read, kind="primary", testid="plugin-read")
        self._dialog.on("hide", self._dialog.delete)
        await self._read()

    async def _read(self) -> None:
        page, typed = self._page, str(self._message.value or "")
        self._tell(page.t("plugin.trial.waiting"))
        try:
            found = await page.services.plugins.trial(self._plugin.collector, self._plugin.name, typed, page.actor())
        except MonitorError as exc:
            if not self._dialog.is_deleted:
                self._values.show({"rows": []})
                self._tell(admin_words.said(exc, page.lang), bad=True)
            return
        if self._dialog.is_deleted:
            return
        if not typed.strip() and found.message:
            self._message.value = json.dumps(found.message, ensure_ascii=False, indent=1)
        self._values.show({"rows": rows(found, page.viewer.fmt)})
        self._tell("" if found.error is None else error_words(found.error, page.lang), bad=True)

    def _tell(self, words: str, *, bad: bool = False) -> None:
        self._said.clear()
        with self._said:
            if words and bad:
                icon("error", "em-alarm")
            if words:
                el("span", text=words)


def columns(lang: str) -> Rows:
    """Heads of what was read."""
    return [
        {"key": "point", "name": t("inspection.col.field", lang), "align": "left"},
        {"key": "value", "name": t("inspection.col.value", lang), "align": "left", "grow": True},
    ]


def rows(found: PluginTrial, fmt: Format) -> Rows:
    """One value each; a point may come several times."""
    return [
        {"id": str(n), "cells": {"point": {"text": point_name(tag, fmt.lang), "sub": [[tag, "em-quiet"]]}, "value": words}}
        for n, (tag, words) in enumerate((tag, shown(value, fmt)) for tag, value in found.values)
    ]


def shown(value: object, fmt: Format) -> str:
    """A value as the plug-in gave it; nothing is rounded away."""
    if value is None:
        return t("plugin.trial.none", fmt.lang)
    if isinstance(value, bool):
        return t(f"plugin.trial.{str(value).lower()}", fmt.lang)
    return str(value)


def error_words(error: str, lang: str) -> str:
    """What went wrong; the plug-in's own words stay as they are."""
    if error == "it has no example":
        return t("plugin.trial.no_example", lang)
    if error.startswith("does not load: "):
        return t("plugin.trial.no_load", lang, why=error.removeprefix("does not load: "))
    return t("plugin.trial.failed", lang, why=error)
