"""The figures of a machine's shift in one strip, each of which opens, and its energy by program."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from nicegui import background_tasks
from nicegui.element import Element

from domain.efficiency import GroupEfficiency
from domain.errors import MonitorError
from domain.explain import Explanation
from domain.kpi import SpecificEnergy
from domain.plant import Machine
from domain.quantity import Quantity
from web_interface.components import Card, DataTable, el
from web_interface.format import MISSING, Format
from web_interface.locale import t
from web_interface.pages import shell
from web_interface.pages.explain import Window, explainable
from web_interface.pages.explain_view import figure_words

log = logging.getLogger(__name__)

REFRESH_US = 60_000_000  # the figures of a shift move slowly
COMPLETE = 0.95
SHARES = frozenset({"idle_share", "production_time_share", "oee", "oee.availability"})


def figures_of(machine: Machine, quantities: frozenset[Quantity]) -> Sequence[str]:
    """Which figures a machine can have: parts only where they are counted, tg φ only with a reactive counter."""
    found = ["energy", "average_power", "load_factor", "idle_share"]
    if Quantity.REACTIVE_ENERGY_IMPORT in quantities:
        found.append("tg_phi")
    if machine.control is not None and machine.control.part_count is not None:
        return [*found, "specific_energy", "oee.availability", "oee"]
    return [*found, "production_time_share"]


def words_of(found: Explanation, fmt: Format) -> tuple[str, str]:
    """Value and unit on a tile; shares as per cent."""
    if found.figure in SHARES and found.value is not None:
        return fmt.percent(found.value), ""
    if found.unit == "1" and found.value is not None:
        return fmt.number(found.value, 2), ""
    return figure_words(found.value, found.unit, fmt)


class MachineFigures:
    """Asks once a minute, and at once when the window changes."""

    def __init__(self, *, page: shell.Page, machine: Machine, window: Callable[[], Window]) -> None:
        self._page, self._machine, self._window = page, machine, window
        self._asked_us, self._begin_us = 0, 0
        self.hours: Sequence[GroupEfficiency] = ()  # the machine's card by hour of the window
        self.programs: Sequence[SpecificEnergy] = ()  # of the window, most energy first
        self._values: dict[str, tuple[Any, Any, Any, Element]] = {}
        self._table: DataTable | None = None
        quantities = frozenset(tag.quantity for tag in page.services.live.tags() if tag.device_id == machine.meter)
        with Card(page.t("machine.figures"), testid="figures-card", classes="em-figures-card"):
            with el("div", "em-figures", testid="figures"):
                for figure in figures_of(machine, quantities):
                    self._build_figure(figure)
            self._programs = el("div", "em-programs", testid="programs")
        self.live()

    def _build_figure(self, figure: str) -> None:
        with el("section", "em-figure-tile", testid=f"figure-{figure.replace('.', '-')}") as tile:
            el("span", "em-figure-name", self._page.t(f"machine.figure.{figure}"))
            with el("span", "em-figure-value"):
                value, unit = el("b", text=MISSING), el("span", "em-unit")
            note = el("span", "em-figure-note em-quiet")
        self._values[figure] = (value, unit, note, explainable(self._page, tile, figure, self._machine.id, self._window))

    def live(self) -> None:
        """Called at each tick; asks when it is time."""
        now_us, begin_us = self._page.hub.shop().now_us, self._window()[0]
        if begin_us != self._begin_us or now_us - self._asked_us >= REFRESH_US:
            self._begin_us, self._asked_us = begin_us, now_us
            background_tasks.create(self._ask(), name="machine:figures")

    async def _ask(self) -> None:
        window, services = self._window(), self._page.services
        try:
            for figure in self._values:
                found = await services.explain.explain(figure, self._machine.id, *window)
                if self._programs.is_deleted:
                    return  # the page was left meanwhile
                self._show(figure, found)
            self.programs = await services.per_part.by_program(self._machine.id, *window)
            self.hours = await services.efficiency.grouped("machine", "hour", *window, None, self._machine.id)
        except (MonitorError, OSError) as exc:  # the database is away: what is shown stays
            log.warning("no figures of %s: %s", self._machine.id, exc)
            return
        if not self._programs.is_deleted:
            self._show_programs(self.programs)

    def _show(self, figure: str, found: Explanation) -> None:
        value, unit, note, tile = self._values[figure]
        words, of = words_of(found, self._page.viewer.fmt)
        hatched = found.completeness < COMPLETE or found.value is None
        for label, text in ((value, words), (unit, of), (note, self._note(found))):
            if label.text != text:
                label.set_text(text)
        tile.classes(add="em-hatched" if hatched else "", remove="" if hatched else "em-hatched")

    def _note(self, found: Explanation) -> str:
        """Against the norm where there is one, else what is missing."""
        fmt = self._page.viewer.fmt
        terms = {term.symbol: term.value for term in found.terms}
        norm, parts = terms.get("w_norm"), terms.get("N")
        if found.value is None:
            return self._page.t(found.notes[0]) if found.notes else ""
        if norm is not None:
            better = self._page.t("machine.better" if found.value <= norm else "machine.worse")
            return f"{fmt.signed(found.value - norm, 2)}: {better}"
        if found.figure == "specific_energy" and parts is not None:
            return self._page.t("machine.figures.parts", n=round(parts))
        return ""

    def _show_programs(self, programs: Sequence[SpecificEnergy]) -> None:
        if not programs:
            self._programs.clear()
            self._table = None
            return
        fmt = self._page.viewer.fmt
        rows = [program_row(n, item, fmt) for n, item in enumerate(programs)]
        if self._table is not None:
            self._table.show({"rows": rows})
            return
        with self._programs:
            self._table = DataTable(program_columns(fmt.lang), rows, testid="programs-table", dense=True)


def program_columns(lang: str) -> list[dict[str, Any]]:
    """Program, time, energy, parts, energy per part."""
    names = ("program", "time", "energy", "parts", "per_part")
    return [
        {"key": name, "name": t(f"machine.programs.{name}", lang), "align": "left" if name == "program" else "right"}
        for name in names
    ]  # fmt: skip


def program_row(number: int, item: SpecificEnergy, fmt: Format) -> dict[str, Any]:
    """One program; figures sort as numbers."""
    program = item.program or t("machine.programs.unknown", fmt.lang)
    cells = {
        "program": {"text": program, "mono": item.program is not None, "bold": True},
        "time": {"text": fmt.duration(item.seconds), "sort": item.seconds},
        "energy": {"text": fmt.number(item.energy_kwh, 1), "sort": item.energy_kwh or 0.0},
        "parts": {"text": MISSING if item.parts is None else fmt.number(item.parts, 0), "sort": item.parts or 0},
        "per_part": {"text": fmt.number(item.kwh_per_part, 2), "sort": item.kwh_per_part or 0.0},
    }
    return {"id": number, "cells": cells}
