"""A form in a dialog that saves: errors stay at their fields until it is right or the user leaves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from nicegui import ui

from domain.errors import MonitorError
from web_interface.components import button, el
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.admin_form import Field, Form

Save = Callable[[dict[str, object]], Awaitable[object]]


class FormDialog:
    """`await ask(save)` is True once `save(values)` went through. `own`: how a file would name the entry ("machines[m1]")."""

    def __init__(
        self, page: shell.Page, title: str, fields: Sequence[Field], values: Mapping[str, object], *, testid: str, words: str = ""
    ) -> None:
        self._page, self._title, self._fields, self._values = page, title, fields, values
        self._testid, self._words = testid, words

    async def ask(self, save: Save, *, own: Callable[[dict[str, object]], str] = lambda _values: "", yes: str = "") -> bool:
        """Show it and wait; False when the user leaves."""
        page = self._page
        wide = " em-dialog-wide" if len(self._fields) > 4 else ""

        async def submit() -> None:
            if not form.check():
                return
            values = form.values()

            def show(exc: MonitorError) -> None:
                form.show(admin_words.troubles(exc, page.lang, own=own(values)))

            if await admin_frame.attempt(page, lambda: save(values), show):
                dialog.submit(True)

        with ui.dialog() as dialog, el("div", f"em-dialog{wide}", testid=self._testid, role="dialog"):
            el("h2", "em-card-title", self._title)
            if self._words:
                el("p", "em-dialog-text", self._words)
            form = Form(self._fields, self._values, lang=page.lang, testid=f"{self._testid}-form")
            with el("div", "em-dialog-actions"):
                button(page.t("action.cancel"), lambda: dialog.submit(False), testid=f"{self._testid}-cancel")
                button(yes or page.t("action.save"), submit, kind="primary", testid=f"{self._testid}-save")
        answer = await dialog
        if not dialog.is_deleted:  # else the page is gone, and the answer with it
            dialog.delete()
        return bool(answer)
