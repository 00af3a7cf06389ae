"""Read now: the panel that reads a device, saved or drafted, once, and lets the electrician judge the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from domain.commissioning import ReadNow
from domain.errors import MonitorError
from domain.profile import Profile
from web_interface.components import Card, DataTable, Part, button, el, error, icon, loading, text_field
from web_interface.pages import admin_frame, shell
from web_interface.pages import admin_read_view as view


class WordOrderCards(Part, component="../components/word_order.js"):
    """Four readings of the same bytes; one is chosen."""

    def __init__(self, label: str, cards: Sequence[Mapping[str, Any]], on_choose: Callable[[str], Any], testid: str) -> None:
        super().__init__({"label": label, "cards": list(cards)}, testid)
        self.on("choose", lambda e: on_choose(str(e.args)))


class CopyButton(Part, component="../components/copy_button.js"):
    """Puts a text on the clipboard, also without HTTPS."""

    def __init__(self, text: str, label: str, done: str, testid: str) -> None:
        super().__init__({"text": text, "label": label, "done": done}, testid)


Asked = tuple[Mapping[str, object], Profile | None]


class ReadPanel:
    """`fields()`: what to read, None when it cannot be read yet; `order()` and `set_order()`: the word order of the form.

    `line()`: the fields of a line that is only drafted, None for one of the plant.
    """

    def __init__(
        self,
        page: shell.Page,
        fields: Callable[[], Asked | None],
        on_error: Callable[[MonitorError], object],
        set_order: Callable[[str], object],
        order: Callable[[], str],
        line: Callable[[], Mapping[str, object] | None] = lambda: None,
    ) -> None:
        self._line = line
        self._page, self._fields, self._on_error = page, fields, on_error
        self._set_order, self._order = set_order, order
        self._busy = False
        self._box = el("div", "em-read", testid="read-panel")
        self._copy: CopyButton | None = None

    def build_copy(self) -> None:
        """The button for support, in the present slot; it shows once there is something to copy."""
        page = self._page
        self._copy = CopyButton("", page.t("admin.read.copy"), page.t("admin.copied"), "read-copy")
        self._copy.set_visibility(False)

    async def read(self) -> None:
        """Read once; where only another word order makes sense, take it and read again."""
        asked = None if self._busy else self._fields()
        if asked is None:
            return
        self._busy = True
        try:
            await self._read(asked, choose=True)
        finally:
            self._busy = False

    async def _choose(self, order: str) -> None:
        if self._busy:
            return
        self._set_order(order)
        asked = self._fields()
        if asked is None:
            return
        self._busy = True
        try:
            await self._read(asked, choose=False)
        finally:
            self._busy = False

    async def _read(self, asked: Asked, *, choose: bool) -> None:
        self._box.clear()
        with self._box, Card(self._page.t("admin.read.title"), testid="read-loading"):
            loading(6)
        found = await self._once(asked[0])
        changed = False
        best = view.sole_order(found) if found is not None and choose else None
        if found is not None and best is not None and best != self._order():
            self._set_order(best)
            again = self._fields()
            second = await self._once(again[0]) if again is not None else None
            if again is not None and second is not None and second.error is None:
                asked, found, changed = again, second, True
        if self._box.is_deleted:
            return
        self._box.clear()
        if found is not None:
            with self._box:
                self._draw(found, asked, changed=changed)
            self._box.run_method("scrollIntoView", {"behavior": "smooth", "block": "nearest"})

    async def _once(self, fields: Mapping[str, object]) -> ReadNow | None:
        page, answers = self._page, list[ReadNow]()

        async def act() -> None:
            answers.append(await page.services.plant.read_now(fields, page.actor(), self._line()))

        await admin_frame.attempt(page, act, self._on_error)
        return answers[0] if answers else None

    # ---- drawing -----------------------------------------------------------------------------------------------------
    def _draw(self, read: ReadNow, asked: Asked, *, changed: bool) -> None:
        page, fmt = self._page, self._page.viewer.fmt
        fields, profile = asked
        if self._copy is not None:
            self._copy.show({"text": view.support_text(fields, read)})
            self._copy.set_visibility(True)
        if read.error is not None:
            words = view.advice(read.error, page.lang)
            error(page.lang, page.t("admin.read.failed"), words, read.technical, testid="read-error")
            return
        place = page.t("admin.read.place", line=fields.get("line", ""), address=fields.get("address", "—"))
        with Card(page.t("admin.read.title"), note=place, testid="read-card", classes="em-read-card") as card:
            with card.tools:
                with el("span", "em-read-time em-good", testid="read-time"):
                    icon("check_circle")
                    el("b", text=page.t("admin.read.took", ms=fmt.number(read.seconds * 1000, 0)))
                button(page.t("admin.read.again"), self.read, icon_name="refresh", testid="read-again")
            rows = view.rows(read, profile, fmt)
            DataTable(view.columns(read, page.lang), rows, testid="read-table", empty=page.t("admin.read.empty"))
            self._draw_sum(read)
            if read.technical:
                with el("details", "em-error-more em-read-more"):
                    el("summary", text=page.t("admin.read.frames"))
                    el("code", "em-mono", read.technical, "read-frames")
        if read.orders:
            self._draw_orders(read, changed=changed)

    def _draw_sum(self, read: ReadNow) -> None:
        verdict = view.adds_up(read, self._page.viewer.fmt)
        if verdict is None:
            return
        good, words = verdict
        with el("div", "em-read-sum", testid="read-sum"):
            icon("verified" if good else "error", "em-good" if good else "em-alarm")
            el("b", text=self._page.t("admin.read.agrees" if good else "admin.read.disagrees"))
            el("span", text=words)

    def _draw_orders(self, read: ReadNow, *, changed: bool) -> None:
        page, order = self._page, self._order()
        title, note = page.t("admin.order.title"), page.t("admin.order.note")
        with Card(title, note=note, testid="order-card", classes="em-order-card"):
            WordOrderCards(title, view.order_cards(read, order, page.viewer.fmt), self._choose, "word-order")
            with el("div", "em-admin-note", testid="order-words"):
                icon("help_outline")
                el("p", text=view.order_words(read, order, changed, page.lang))
            self._draw_check(read)

    def _draw_check(self, read: ReadNow) -> None:
        """One number against the device's own display: the only proof that the bytes are read right."""
        page, fmt = self._page, self._page.viewer.fmt
        row = view.check_row(read)
        if row is None:
            return
        name = next(iter(view.rows(ReadNow(0, [row]), None, fmt)))["cells"]["what"]["text"]
        with el("div", "em-order-check"):
            field = text_field(page.t("admin.check.label", what=name), testid="order-check")
            with el("span", "em-order-verdict", testid="order-verdict") as verdict:
                mark = icon("check_circle")
                words = el("b")
        verdict.set_visibility(False)

        def judge() -> None:
            same = view.same_value(str(field.value or ""), row)
            verdict.set_visibility(same is not None)
            verdict.classes(add="em-good" if same else "em-alarm", remove="em-alarm" if same else "em-good")
            mark.set_text("check_circle" if same else "error")  # type: ignore[attr-defined]
            words.set_text(page.t("admin.check.same" if same else "admin.check.other"))

        field.on_value_change(judge)
