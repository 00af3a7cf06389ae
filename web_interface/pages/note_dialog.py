"""The dialog in which people write a note: on an instant of a machine, on a stretch of idling."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from web_interface.components import button, el, notify
from web_interface.pages import admin_frame, shell

Act = Callable[[], Awaitable[object]]


def note_dialog(
    page: shell.Page, title: str, fields: Callable[[], Callable[[], Act | None]], *, saved: str, testid: str, words: str = ""
) -> None:
    """Open it. `fields` draws them and gives the reader of what they hold: what is to be done to save it, or None where the
    reader told what is wrong. It closes once that went through; `saved` says so."""
    with page.client.layout, ui.dialog(value=True) as dialog, el("div", "em-dialog", testid=f"{testid}-dialog"):
        el("h2", "em-card-title", title)
        if words:
            el("p", "em-dialog-text", words)
        read = fields()

        async def save() -> None:
            act = read()
            if act is not None and await admin_frame.attempt(page, act):
                notify(saved)
                dialog.close()

        with el("div", "em-dialog-actions"):
            button(page.t("action.cancel"), dialog.close, testid=f"{testid}-cancel")
            button(page.t("action.save"), save, kind="primary", testid=f"{testid}-save")
