"""The editor of a virtual tag: while it is typed, the formula is checked, and its value and last hour are shown."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from starlette.responses import Response

from domain.access import Role
from domain.errors import MonitorError
from domain.formula import FUNCTIONS
from domain.quantity import Kind, Quantity, units_of
from domain.virtual import FormulaCheck, FormulaProblem, VirtualTag
from web_interface.components import Card, Hub, LiveChart, button, choice_field, el, icon, link_button, notify, text_field
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.admin_form import Field, Form
from web_interface.pages.admin_virtual import LIST, delete, is_bad, quality_words
from web_interface.pages.formula_words import problem_words
from web_interface.pages.trend import axis, time_ticks
from web_interface.services import Services
from web_interface.texts import point_name

DEBOUNCE_MS = 400
QUANTITIES = tuple(quantity for quantity in Quantity if quantity.kind is not Kind.TEXT)


def register(services: Services, hub: Hub) -> None:
    """The pages at /admin/virtual/new and /admin/virtual/{tag}/edit."""

    @ui.page(f"{LIST}/new", title="")
    async def new_page() -> Response | None:
        return await _show(services, hub, None)

    @ui.page(f"{LIST}/{{tag}}/edit", title="")
    async def edit_page(tag: str) -> Response | None:
        return await _show(services, hub, tag)


async def _show(services: Services, hub: Hub, name: str | None) -> Response | None:
    if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
        return answer
    title = name or admin_frame.text_for(services, "virtual.new")
    with admin_frame.section_page(services, hub, "virtual", title=title, parent=LIST) as page:
        stored = next((tag for tag in services.plant.plant.virtual_tags if tag.tag == name), None)
        if name is not None and stored is None:
            el("p", "em-quiet", page.t("virtual.unknown", tag=name), "virtual-unknown")
            return None
        editor = VirtualEditor(page, stored)
        editor.build()
    await page.client.connected()
    await editor.check()
    return None


class VirtualEditor:
    """One open editor. `stored`: the tag that is changed, None for a new one."""

    def __init__(self, page: shell.Page, stored: VirtualTag | None) -> None:
        self._page, self._stored = page, stored
        self._draft: dict[str, Any] = {"quantity": Quantity.ACTIVE_POWER.value, "unit": Quantity.ACTIVE_POWER.unit}
        if stored is not None:
            self._draft = {"tag": stored.tag, "quantity": stored.quantity.value, "unit": stored.unit}
        self._turn = 0
        self._form: Form
        self._formula: Any

    # ---- drawing -----------------------------------------------------------------------------------------------------
    def build(self) -> None:
        """Name and quantity, the formula, what it gives, the foot."""
        page = self._page
        with Card(page.t("virtual.what"), testid="virtual-form-card", classes="em-virtual-card"):
            self._form_box = el("div", "em-admin-form-box")
            self._draw_form()
            formula = self._stored.formula if self._stored is not None else ""
            self._formula = text_field(
                page.t("virtual.formula") + "\u00a0*", formula, testid="field-formula", hint=page.t("virtual.formula.hint"),
                mono=True, area=True,
            )  # fmt: skip
            self._formula.props(f"autogrow debounce={DEBOUNCE_MS} spellcheck=false")
            self._formula.on_value_change(self.check)
            with el("div", "em-form"):
                tags = {tag.name: f"{point_name(tag.point, page.lang, tag.quantity)} · {tag.name}" for tag in self._tags()}
                insert = choice_field(
                    page.t("virtual.insert"), tags, None, testid="virtual-insert", hint=page.t("virtual.insert.hint"), search=True
                )  # fmt: skip
                insert.on_value_change(lambda: self._insert(insert))
            self._help()
        with Card(page.t("virtual.result"), testid="virtual-result-card"):
            self._result = el("div", "em-virtual-result", testid="virtual-result", aria_live="polite")
        with el("footer", "em-card em-admin-foot", testid="virtual-foot"):
            link_button(page.t("action.cancel"), LIST, testid="virtual-cancel")
            if self._stored is not None:
                button(page.t("action.delete"), self._delete, kind="danger", testid="virtual-delete")
            el("span", "em-quiet em-admin-foot-words", page.t("virtual.recomputed"))
            with el("div", "em-admin-foot-right"):
                button(page.t("action.save"), self._save, kind="primary", icon_name="done", testid="virtual-save")

    def _draw_form(self) -> None:
        page, t = self._page, self._page.t
        quantity = Quantity(self._draft["quantity"])
        units = {unit: page.viewer.fmt.unit(unit) for unit in units_of(quantity)}
        names = {q.value: self._quantity_words(q) for q in QUANTITIES}
        fields = []
        if self._stored is None:
            fields.append(Field("tag", "text", t("virtual.tag"), required=True, mono=True, hint=t("virtual.tag.hint")))
        fields.append(Field("quantity", "choice", t("virtual.quantity"), options=names, required=True, search=True))
        kind = "choice" if units else "text"
        fields.append(Field("unit", kind, t("admin.read.unit"), options=units, required=bool(units)))
        self._form_box.clear()
        with self._form_box:
            self._form = Form(fields, self._draft, lang=page.lang, testid="virtual-form", on_change=self._changed)

    def _quantity_words(self, quantity: Quantity) -> str:
        words = self._page.t(f"point.{quantity.value}")
        return f"{words}, {self._page.viewer.fmt.unit(quantity.unit)}" if quantity.unit not in {"", "1"} else words

    def _help(self) -> None:
        with el("details", "em-more", testid="virtual-help"):
            el("summary", text=self._page.t("virtual.help"))
            with el("dl", "em-facts em-virtual-help"):
                for name in ("operators", "units", *FUNCTIONS):
                    el("dt", "em-mono", self._page.t(f"virtual.help.{name}.form"))
                    el("dd", text=self._page.t(f"virtual.help.{name}"))

    def _tags(self) -> list[Any]:
        own = self._stored.tag if self._stored is not None else ""
        devices = set(self._page.services.plant.plant.tag_devices)
        tags = self._page.services.live.tags()
        return [tag for tag in tags if tag.kind is not Kind.TEXT and tag.name != own and tag.device_id in devices]

    # ---- what is typed -----------------------------------------------------------------------------------------------
    async def _changed(self, name: str) -> None:
        """Another quantity has other units."""
        if name == "quantity" and self._form[name] and self._form[name] != self._draft["quantity"]:
            quantity = Quantity(self._form[name])
            self._draft |= {"quantity": quantity.value, "unit": quantity.unit}
            if "tag" in self._form:
                self._draft["tag"] = self._form["tag"]
            self._draw_form()
        await self.check()

    async def _insert(self, field: Any) -> None:
        name = field.value
        if not name:
            return
        text = str(self._formula.value or "")
        known = name if name[0].isalpha() or name[0] == "_" else "{" + name + "}"
        self._formula.set_value(f"{text} {known}".strip())
        field.set_value(None)

    def _fields(self) -> dict[str, object]:
        shown = self._form.values()
        fields: dict[str, object] = {"tag": self._stored.tag} if self._stored is not None else {}
        fields |= {name: shown[name] for name in ("tag", "quantity") if name in shown}
        fields["formula"] = str(self._formula.value or "").strip()
        if shown.get("unit"):
            fields["unit"] = shown["unit"]
        return fields

    # ---- what it gives -----------------------------------------------------------------------------------------------
    async def check(self) -> None:
        """Look at the draft; only the newest look is shown."""
        self._turn += 1
        turn, page, fields = self._turn, self._page, self._fields()
        if not fields["formula"]:
            self._result.clear()
            with self._result:
                el("p", "em-quiet", page.t("virtual.type"))
            return
        found: list[FormulaCheck] = []

        async def look() -> None:
            found.append(await page.services.virtual_tags.check(fields, page.actor()))

        if await admin_frame.attempt(page, look) and turn == self._turn and not self._result.is_deleted:
            self._show(found[0])

    def _show(self, found: FormulaCheck) -> None:
        self._form.clear()
        self._result.clear()
        with self._result:
            for problem in found.problems:
                self._show_problem(problem)
            if not found.problems:
                self._show_good(found)

    def _show_problem(self, problem: FormulaProblem) -> None:
        page = self._page
        words = problem_words(problem, page.lang)
        if not problem.code:
            words = admin_words.sentence(problem.sentence, page.lang)
        with el("div", "em-form-trouble", testid="virtual-problem"):
            icon("error", "em-alarm")
            with el("div", "em-virtual-problem"):
                el("span", text=words)
                if problem.caret:
                    el("pre", "em-mono em-virtual-caret", problem.caret, "virtual-caret")

    def _show_good(self, found: FormulaCheck) -> None:
        page, fmt = self._page, self._page.viewer.fmt
        unit = found.unit if found.unit is not None else found.formula_unit or ""
        with el("div", "em-virtual-good", testid="virtual-good"):
            icon("check_circle", "em-good")
            words = page.t("virtual.good", n=len(found.inputs), every=fmt.duration(found.interval_s or 0.0))
            el("span", text=words)
        if not found.preview:
            el("p", "em-quiet", page.t("virtual.no_history"))
            return
        last = found.preview[-1]
        with el("div", "em-virtual-now"):
            el("span", "em-quiet", page.t("virtual.now"))
            value = "—" if last.value is None else fmt.value(last.value, unit, fmt.decimals(last.value, 4, 3))
            el("b", "em-virtual-value", value, "virtual-value")
            if last.quality:
                el("span", "em-quiet", quality_words(last.quality, page), "virtual-quality")
        with el("div", "em-virtual-chart"):
            options, view = self._chart(found, unit)
            LiveChart(options, view, testid="virtual-chart")

    def _chart(self, found: FormulaCheck, unit: str) -> tuple[dict[str, Any], dict[str, Any]]:
        fmt, label = self._page.viewer.fmt, self._page.t("virtual.last_hour")
        points = [[p.time_us / 1000, None if is_bad(p.quality) else p.value] for p in found.preview]
        from_us, to_us = found.preview[0].time_us, found.preview[-1].time_us
        options: dict[str, Any] = {
            "grid": {"left": 56, "right": 10, "top": 10, "bottom": 24},
            "xAxis": {},
            "yAxis": axis([p[1] for p in points], zero=False),
            "series": [{
                "name": label, "type": "line", "data": points, "symbol": "none", "connectNulls": False,
                "lineStyle": {"color": "var(--s1)", "width": 2}, "itemStyle": {"color": "var(--s1)"},
            }],
        }  # fmt: skip
        view = {
            "ticks": time_ticks(from_us, to_us, fmt, 6), "range": [from_us // 1000, to_us // 1000],
            "unit": "" if unit == "1" else fmt.unit(unit), "digits": 2, "lang": fmt.lang, "zone": str(fmt.zone), "label": label,
        }  # fmt: skip
        return options, view

    # ---- saving ------------------------------------------------------------------------------------------------------
    async def _save(self) -> None:
        if not self._form.check():
            return
        page, fields = self._page, self._fields()
        known = None if self._stored is None else self._stored.version

        def show(exc: MonitorError) -> None:
            self._form.show(admin_words.troubles(exc, page.lang, own=f"virtual_tags[{fields.get('tag')}]"))
            notify(page.t("virtual.not_saved"), good=False)

        if await admin_frame.attempt(
            page, lambda: page.services.virtual_tags.save(fields, page.actor(), new=known is None, known=known), show
        ):
            ui.navigate.to(LIST)

    async def _delete(self) -> None:
        if self._stored is not None and await delete(self._page, self._stored.tag):
            ui.navigate.to(LIST)
