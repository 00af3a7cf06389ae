"""Borders of a machine's states: histogram of its power, the learned proposal, dragging, the rehearsal, saving."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments
from starlette.responses import Response

from domain.access import Role
from domain.errors import MonitorError, NotFound
from domain.plant import Machine
from domain.state import MachineState, StateThresholds
from domain.state_rule import LearnedBorders, RecomputeStatus
from web_interface.components import Card, Hub, NumberField, Tick, banner, button, el, empty, loading, notify, number_field
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.admin_states_view import STEPS, Scale, bars, confidence_key, rehearsal_rows, shares
from web_interface.services import Services

LIST = "/admin/machines"
BORDERS = ("idle_above_kw", "production_above_kw")
STATES = (MachineState.OFF, MachineState.IDLE, MachineState.PRODUCTION)
_VALUE = "(event) => emit(event.target.value)"


def path_of(machine_id: str) -> str:
    return f"{LIST}/{quote(machine_id, safe='')}/states"


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/machines/{id}/states."""

    @ui.page(LIST + "/{machine_id}/states", title="")
    async def states_page(machine_id: str) -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
            return answer
        machine = next((m for m in services.plant.plant.machines if m.id == machine_id), None)
        name = machine.name if machine is not None else machine_id
        title = f"{name} · {admin_frame.text_for(services, 'borders.title')}"
        with admin_frame.section_page(services, hub, "machines", title=title, parent=LIST) as page:
            if machine is None:
                empty("search_off", page.t("borders.unknown"), machine_id, page.t("admin.machines"), LIST)
                return None
            view = BordersPage(page, machine)
            view.build()
        await ui.context.client.connected()
        await view.load()
        return None


class BordersPage:
    """One open page of one machine."""

    def __init__(self, page: shell.Page, machine: Machine) -> None:
        self._page, self._machine = page, machine
        self._learned: LearnedBorders | None = None
        self._scale = Scale(0.01, 100.0)
        self._chosen = machine.states or StateThresholds(0.3, 3.0)
        entry = page.services.plant.entry("machines", machine.id)
        self._stored: dict[str, object] = {"states": entry["states"]} if "states" in entry else {}
        self._bands: dict[MachineState, Element] = {}
        self._shares: dict[MachineState, TextElement] = {}
        self._sliders: dict[str, Element] = {}
        self._fields: dict[str, NumberField] = {}
        self._setting = False

    def build(self) -> None:
        """What does not wait for the history."""
        page = self._page
        self._job = el("div", "em-borders-job", testid="borders-job")
        self._show_job()
        with Card(page.t("borders.histogram"), note=page.t("borders.histogram.note"), testid="borders-card"):
            self._body = el("div", "em-borders")
            with self._body:
                loading(4)
        page.every(self._live)

    async def load(self) -> None:
        """Ask for the histogram and draw it."""
        page = self._page
        try:
            self._learned = await page.services.states.learned(self._machine.id)
        except MonitorError as exc:
            self._body.clear()
            with self._body:
                empty("error_outline", page.t("borders.failed"), admin_words.said(exc, page.lang))
            return
        learned = self._learned
        if self._machine.states is None and learned.thresholds is not None:
            self._chosen = learned.thresholds
        self._scale = Scale.of(learned.bins, self._chosen)
        self._body.clear()
        with self._body:
            if learned.bins:
                self._draw(learned)
            else:
                empty("bar_chart", page.t("borders.no_power"), page.t("borders.no_power.words"))
            self._proposal(learned)
            self._form()
            self._result = el("div", "em-borders-result", testid="borders-result")
        self._show()

    # ---- parts -------------------------------------------------------------------------------------------------------
    def _draw(self, learned: LearnedBorders) -> None:
        page = self._page
        with el("div", "em-hist", testid="borders-histogram"):
            for state in STATES:
                self._bands[state] = el("div", f"em-hist-band em-hist-{state.value}", aria_hidden="true")
            with el("div", "em-hist-bars", aria_hidden="true"):
                for height in bars(learned.bins, self._scale):
                    el("i", "em-hist-bar").style(f"height:{100 * height:.1f}%")
            for name in BORDERS:
                place = round(STEPS * self._scale.place(getattr(self._chosen, name)))
                slider = el(
                    "input", f"em-hist-line em-hist-line-{name.partition('_')[0]}", testid=f"borders-{name}", type="range", min=0,
                    max=STEPS, value=place, aria_label=page.t(f"admin.field.{name}"),
                )  # fmt: skip
                slider.on("input", lambda event, name=name: self._dragged(name, event), js_handler=_VALUE, throttle=0.05)
                slider.on("change", lambda event, name=name: self._dragged(name, event), js_handler=_VALUE)  # where it ends
                self._sliders[name] = slider
        with el("div", "em-hist-axis", aria_hidden="true"):
            for share, kw in self._scale.ticks():
                digits = max(0, -math.floor(math.log10(kw)))
                el("span", text=page.viewer.fmt.number(kw, digits)).style(f"left:{100 * share:.2f}%")
            el("b", text=page.t("unit.kW"))
        with el("div", "em-hist-legend"):
            for state in STATES:
                with el("span", "em-hist-key"):
                    el("i", f"em-hist-dot em-hist-{state.value}")
                    el("span", text=page.t(f"state.{state.value}"))
                    self._shares[state] = el("b", testid=f"borders-share-{state.value}")

    def _proposal(self, learned: LearnedBorders) -> None:
        page, fmt = self._page, self._page.viewer.fmt
        with el("div", "em-borders-proposal", testid="borders-proposal"):
            if learned.thresholds is None:
                el("b", text=page.t("borders.none"))
            else:
                words = page.t(
                    "borders.proposal", idle=fmt.significant(learned.thresholds.idle_above_kw, 3, 3),
                    production=fmt.significant(learned.thresholds.production_above_kw, 3, 3),
                )  # fmt: skip
                el("b", text=words)
                key = confidence_key(learned.confidence)
                sure = page.t(f"borders.confidence.{key}", share=fmt.percent(learned.confidence, 0))
                el("span", f"em-borders-sure em-borders-{key}", sure, "borders-confidence")
                button(page.t("borders.take"), self._take, icon_name="check", testid="borders-take", small=True)
            for reason in learned.reasons:
                el("span", "em-quiet", page.t(f"borders.reason.{reason}"))
            el("span", "em-quiet", page.t("borders.covered", time=fmt.duration(learned.covered_s, coarse=True)))

    def _form(self) -> None:
        page = self._page
        kw = page.t("unit.kW")
        with el("div", "em-borders-form"):
            for name in BORDERS:
                self._fields[name] = number_field(
                    page.t(f"admin.field.{name}"), getattr(self._chosen, name), testid=f"borders-field-{name}", unit=kw,
                    lang=page.lang, above=0,
                )
                self._fields[name].on_value_change(lambda event, name=name: self._typed(name, event.value))
            self._fields["min_dwell_s"] = number_field(
                page.t("admin.field.min_dwell_s"), self._chosen.min_dwell_s, testid="borders-field-dwell", unit=page.t("unit.s"),
                lang=page.lang, low=0, high=3600,
            )  # fmt: skip
            self._fields["min_dwell_s"].on_value_change(lambda event: self._typed("min_dwell_s", event.value))
        with el("div", "em-borders-actions"):
            button(page.t("borders.try"), self._try, icon_name="replay", testid="borders-try")
            button(page.t("action.save"), self._save, kind="primary", testid="borders-save")

    # ---- changing ----------------------------------------------------------------------------------------------------
    def _dragged(self, name: str, event: GenericEventArguments) -> None:
        try:
            place = float(event.args) / STEPS
        except (TypeError, ValueError):
            return
        self._choose(name, self._scale.kw(place), slider=False)

    def _typed(self, name: str, value: Any) -> None:
        if not self._setting and isinstance(value, int | float) and value >= 0:
            self._choose(name, float(value), field=False)

    def _take(self) -> None:
        if self._learned is not None and self._learned.thresholds is not None:
            proposed = self._learned.thresholds
            for name in (*BORDERS, "min_dwell_s"):
                self._choose(name, getattr(proposed, name))

    def _choose(self, name: str, value: float, *, slider: bool = True, field: bool = True) -> None:
        self._chosen = replace(self._chosen, **{name: value})
        if slider and name in self._sliders:
            self._sliders[name]._props["value"] = round(STEPS * self._scale.place(value))
            self._sliders[name].update()
        if field and name in self._fields:
            self._setting = True
            self._fields[name].value = value
            self._setting = False
        self._show()

    def _show(self) -> None:
        """Bands and shares of the chosen borders."""
        if not self._bands or self._learned is None:
            return
        idle, production = (100 * self._scale.place(getattr(self._chosen, name)) for name in BORDERS)
        edges = (0.0, idle, max(idle, production), 100.0)
        for state, begin, end in zip(STATES, edges, edges[1:], strict=False):
            self._bands[state].style(f"left:{begin:.2f}%;width:{max(0.0, end - begin):.2f}%")
        for state, share in shares(self._learned.bins, self._chosen).items():
            self._shares[state].text = self._page.viewer.fmt.percent(share, 0)

    def _mistyped(self) -> bool:
        """Does a field hold what is no border? It says so itself."""
        wrong = any(field.trouble() or field.value is None for field in self._fields.values())
        if wrong:
            notify(self._page.t("detector.wrong"), good=False)
        return wrong

    async def _try(self) -> None:
        """The rehearsal."""
        page = self._page
        if self._mistyped():
            return
        self._result.clear()
        with self._result:
            el("p", "em-quiet", page.t("borders.trying"))
            loading(2)

        async def rehearse() -> None:
            found = await page.services.states.rehearse(self._machine.id, self._chosen)
            self._result.clear()
            with self._result:
                changed = page.viewer.fmt.duration(found.changed_s, coarse=True)
                el("b", text=page.t("borders.changed", time=changed) if found.changed_s else page.t("borders.unchanged"))
                self._table(rehearsal_rows(found, page.viewer.fmt))

        def failed(exc: MonitorError) -> None:
            self._result.clear()
            with self._result:
                banner(admin_words.said(exc, page.lang), testid="borders-wrong")

        await admin_frame.attempt(page, rehearse, failed)

    def _table(self, rows: list[list[str]]) -> None:
        page = self._page
        heads = ("state", "now", "then", "minutes", "now_kwh", "then_kwh", "kwh")
        with el("div", "em-table-box"), el("table", "em-table em-borders-table", testid="borders-table"):
            with el("thead"), el("tr"):
                for n, key in enumerate(heads):
                    el("th", "" if n == 0 else "em-right", page.t(f"borders.col.{key}"), scope="col")
            with el("tbody"):
                for row in rows:
                    with el("tr"):
                        for n, cell in enumerate(row):
                            el("td", "" if n == 0 else "em-right em-num", cell)

    async def _save(self) -> None:
        page = self._page
        plant = page.services.plant
        if self._mistyped():
            return

        async def save() -> None:
            entry = plant.entry("machines", self._machine.id)  # its other fields are edited elsewhere
            known = {key: value for key, value in entry.items() if key != "states"} | self._stored
            await plant.save_machine({**entry, "states": _fields_of(self._chosen)}, page.actor(), new=False, known=known)
            self._stored = {"states": plant.entry("machines", self._machine.id).get("states")}

        def failed(exc: MonitorError) -> None:
            self._result.clear()
            with self._result:
                banner(admin_words.said(exc, page.lang), testid="borders-wrong")

        if await admin_frame.attempt(page, save, failed):
            notify(page.t("borders.saved"))

    # ---- the past being judged anew ------------------------------------------------------------------------------------
    def _live(self, tick: Tick) -> list[Any]:
        if tick.number % 4 == 0:
            self._show_job()
        return []

    def _show_job(self) -> None:
        page = self._page
        job = next((j for j in page.services.states.recomputes() if j.machine_id == self._machine.id), None)
        running = job is not None and job.status is RecomputeStatus.RUNNING
        words = page.t("borders.job", share=page.viewer.fmt.percent(job.progress, 0)) if job is not None and running else ""
        if getattr(self, "_told", None) == words:
            return
        self._told = words
        self._job.clear()
        if words:
            with self._job, el("div", "em-banner"):
                el("span", text=words)
                button(page.t("borders.cancel"), self._cancel, testid="borders-cancel", small=True)

    async def _cancel(self) -> None:
        page = self._page

        async def cancel() -> None:
            try:
                await page.services.states.cancel(self._machine.id, page.actor())
            except NotFound:  # it was done meanwhile
                return

        await admin_frame.attempt(page, cancel)
        self._show_job()


def _fields_of(chosen: StateThresholds) -> dict[str, object]:
    fields: dict[str, object] = {name: getattr(chosen, name) for name in (*BORDERS, "min_dwell_s")}
    return fields if chosen.hysteresis_kw is None else {**fields, "hysteresis_kw": chosen.hysteresis_kw}
