"""Who answers on a line: the part of the wizard that asks address after address, with its progress, until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from nicegui import background_tasks

from domain.commissioning import Answer, ScanStep
from web_interface.components import DataTable, button, el
from web_interface.pages import admin_frame, shell
from web_interface.pages import wizard_view as view
from web_interface.pages.admin_form import Field, Form
from web_interface.pages.admin_words import Trouble

Choose = Callable[[Answer], object]


class ScanPanel:
    """`line`: its id, or the fields of a drafted one. `found`: who answered, kept by the wizard while one goes back and forth."""

    def __init__(
        self, page: shell.Page, line: str | Mapping[str, object], found: dict[int, Answer], choose: Choose
    ) -> None:
        self._page, self._line, self._found, self._choose = page, line, found, choose
        self._profiles = {profile.name: profile for profile in page.services.plant.profiles()}
        self._task: asyncio.Task[None] | None = None
        t = page.t
        fields = [
            Field(name, "whole", t(f"wizard.scan.{name}"), required=True, default=default)
            for name, default in (("first", 1), ("last", view.MOST))
        ]
        with el("div", "em-scan", testid="scan") as self._box:
            with el("div", "em-scan-ask"):
                self._form = Form(fields, {}, lang=page.lang, testid="scan-form")
                self._start = button(t("wizard.scan"), self.start, icon_name="search", testid="scan-start")
                self._stop = button(t("wizard.stop"), self.stop, icon_name="close", testid="scan-stop")
            with el("div", "em-scan-now", role="status"):
                self._bar = el("progress", "em-scan-bar", testid="scan-bar", max="1", value="0", aria_label=t("wizard.scan"))
                self._words = el("span", "em-quiet", testid="scan-words")
            self._table = DataTable(
                view.answer_columns(page.lang), self._rows(), testid="scan-table", empty=t("wizard.nobody"),
                on_row=self._take, on_action=lambda address, _name: self._take(address),
            )  # fmt: skip
        self._stop.set_visibility(False)
        self._bar.set_visibility(False)
        self._table.set_visibility(bool(found))

    def start(self) -> None:
        """Ask from the first to the last address."""
        if self._task is not None and not self._task.done():
            return
        if not self._form.check():
            return
        first, last = int(self._form["first"]), int(self._form["last"])
        if not 1 <= first <= last <= view.MOST:
            self._form.show([Trouble("last", self._page.t("wizard.range", most=view.MOST))])
            return
        self._found.clear()
        self._running(True)
        self._task = background_tasks.create(self._ask(range(first, last + 1)), name="wizard:scan")

    def stop(self) -> None:
        """At once: what has answered stays in the table."""
        if self._task is not None:
            self._task.cancel()

    def _running(self, running: bool) -> None:
        for part, shown in ((self._start, not running), (self._stop, running), (self._bar, running), (self._table, True)):
            part.set_visibility(shown)

    async def _ask(self, addresses: range) -> None:
        page = self._page

        async def act() -> None:
            async for step in page.services.plant.scan(self._line, addresses, page.actor()):
                if self._box.is_deleted:
                    return
                self._show(step)

        over = False
        try:
            with self._box:
                over = await admin_frame.attempt(page, act)
        finally:
            if not self._box.is_deleted:
                self._running(False)
                self._words.set_text(page.t("wizard.found" if over else "wizard.stopped", n=len(self._found)))
                self._table.show({"rows": self._rows()})

    def _show(self, step: ScanStep) -> None:
        self._bar.props["max"], self._bar.props["value"] = str(step.of), str(step.asked)
        self._bar.update()
        self._words.set_text(self._page.t("wizard.asking", n=step.asked, of=step.of, address=step.address))
        if step.answer is not None:
            self._found[step.answer.address] = step.answer
            self._table.show({"rows": self._rows()})

    def _rows(self) -> list[dict[str, object]]:
        return [view.answer_row(answer, self._profiles, self._page.viewer.fmt) for answer in self._found.values()]

    def _take(self, address: object) -> object:
        answer = self._found.get(int(str(address)))
        if answer is None or answer.device is not None:
            return None
        self.stop()
        return self._choose(answer)
