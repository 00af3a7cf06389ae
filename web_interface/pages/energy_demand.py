"""Tab "Demand and cos φ": windows against the contract, peaks and who made them, reactive power against its limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui.element import Element

from domain.figures import Demand, PowerFactor, RunningDemand
from web_interface.components import Card, DataTable, KpiTile, LiveChart, Tick, el, empty
from web_interface.format import NBSP
from web_interface.pages import energy_view as view
from web_interface.pages.energy_tab import EnergyView, Tab
from web_interface.pages.explain import explainable
from web_interface.pages.trend import axis

Data = dict[str, Any]
TOP_MACHINES = 3


async def build(at: EnergyView) -> None:
    """The whole tab."""
    await DemandTab(at).build()


class DemandTab:
    """One open tab; its first tile follows the running window."""

    def __init__(self, at: EnergyView) -> None:
        self._at, self._page, self._fmt = at, at.page, at.page.viewer.fmt
        self._names = {machine.id: machine.name for machine in at.page.services.plant.plant.machines}
        self._running: KpiTile | None = None

    async def build(self) -> None:
        """Tiles, windows, peaks, tg φ."""
        page, period = self._page, self._at.period
        money, window = page.services.money, (period.from_us, period.to_us)
        demand, factor = await money.demand(*window), await money.power_factor("site", *window)
        with el("div", "em-money-tiles"):
            self._running = KpiTile(self._now_tile(money.running_demand()), "tile-demand-now")
            explainable(page, KpiTile(self._peak_tile(demand), "tile-peak"), "demand", "site", window)
            explainable(page, KpiTile(self._tangent_tile(factor), "tile-tg"), "tg_phi", "site", window)
            explainable(page, KpiTile(self._kvar_tile(factor), "tile-kvar"), "required_kvar", "site", window)
        with Card(page.t("energy.demand"), note=page.t("energy.demand.note", n=demand.window_min), testid="demand-card"):
            self._chart(
                _demand_series(demand, page.t("energy.demand")),
                demand.contract_kw,
                "kW",
                "demand-chart",
                page.t("energy.demand.contract"),
            )
        with el("div", "em-money-halves"):
            with Card(page.t("energy.tangent"), note=page.t(f"energy.source.{factor.source}"), testid="tangent-card"):
                if factor.source == "none":
                    empty("bolt", page.t("energy.no_reactive"), page.t("energy.no_reactive.words"), testid="tangent-none")
                else:
                    points = [[at // 1000, None if v is None else round(v, 3)] for at, v in factor.windows]
                    if points:
                        points.append([(factor.windows[-1][0] + demand.window_min * 60_000_000) // 1000, points[-1][1]])
                    series = _line(page.t("energy.tangent"), points, "var(--s2)")
                    self._chart(series, factor.tg_limit, "", "tangent-chart", page.t("energy.tangent.limit"))
            with Card(page.t("energy.peaks"), testid="peaks", classes="em-table-card"):
                DataTable(
                    self._peak_columns(),
                    self._peak_rows(demand),
                    testid="peaks-table",
                    empty=page.t("energy.no_data"),
                    two_lines=True,
                )
        page.every(self.live)

    def live(self, _tick: Tick) -> list[tuple[Element, Mapping[str, Any]]]:
        """The running window moves."""
        if self._running is None:
            return []
        return [(self._running, self._running.change(self._now_tile(self._page.services.money.running_demand())))]

    # -- tiles -----------------------------------------------------------------------------------------------------

    def _now_tile(self, running: RunningDemand | None) -> Data:
        page, fmt = self._page, self._fmt
        tile: Data = {"name": page.t("energy.tile.now"), "unit": fmt.unit("kW"), "aside": [], "stale": None, "bar": None}
        if running is None or running.projection_kw is None:
            return {**tile, "value": "—", "note": [[page.t("energy.no_data"), "em-quiet"]]}
        over = running.contract_kw is not None and running.projection_kw > running.contract_kw
        tile["value"] = fmt.power(running.projection_kw)
        if running.contract_kw is None:
            return {**tile, "note": [[page.t("tile.power.no_contract"), "em-quiet"]]}
        scale = max(running.contract_kw * 1.125, running.projection_kw)
        tile["bar"] = {
            "fill": round(min(100.0, 100 * running.projection_kw / scale), 1),
            "target": round(100 * running.contract_kw / scale, 1),
            "from": 0,
            "to": 0,
            "tone": "over" if over else "normal",
        }
        words = page.t("energy.over_contract" if over else "energy.under_contract")
        amount = fmt.value(abs(running.contract_kw - running.projection_kw), "kW", 0)
        until = page.t("energy.until", time=fmt.clock(running.to_us))
        return {
            **tile,
            "note": [[f"{words} ", "em-alarm" if over else ""], [amount, "em-b em-alarm" if over else "em-b"], [f" {until}", ""]],
        }

    def _peak_tile(self, demand: Demand) -> Data:
        page, fmt = self._page, self._fmt
        peak = demand.peaks[0].window if demand.peaks else None
        note = [[page.t("energy.peak.none"), "em-quiet"]]
        if peak is not None:
            when = f"{fmt.day(peak.from_us)} {fmt.clock(peak.from_us)}–{fmt.clock(peak.to_us)}"
            over = page.t("energy.peak.over", n=demand.over_contract)
            note = [[when, ""]] if not demand.over_contract else [[over, "em-b em-alarm"]]
        return _tile(page.t("energy.tile.peak"), fmt.power(peak.demand_kw if peak else None), fmt.unit("kW"), note)

    def _tangent_tile(self, factor: PowerFactor) -> Data:
        page, fmt = self._page, self._fmt
        note = [[f"cos φ{NBSP}", ""], [fmt.number(factor.cos_phi, 3), "em-b"]]
        return _tile(page.t("energy.tile.tangent"), fmt.number(factor.tg_phi, 3), "", note)

    def _kvar_tile(self, factor: PowerFactor) -> Data:
        page, fmt = self._page, self._fmt
        if factor.tg_limit is None:
            return _tile(page.t("energy.tile.kvar"), "—", fmt.unit("kvar"), [[page.t("energy.no_limit"), "em-quiet"]])
        words = page.t("energy.high_load", value=fmt.number(factor.high_tg_phi, 3), limit=fmt.number(factor.tg_limit, 2))
        kept = factor.high_tg_phi is not None and factor.high_tg_phi <= factor.tg_limit
        value = fmt.number(factor.required_kvar, 1)
        return _tile(page.t("energy.tile.kvar"), value, fmt.unit("kvar"), [[words, "" if kept else "em-b em-alarm"]])

    # -- charts and rows -------------------------------------------------------------------------------------------

    def _chart(self, series: Data, limit: float | None, unit: str, testid: str, limit_words: str) -> None:
        page, period = self._page, self._at.period
        values = [value for _, value in series["data"]]
        if limit is not None:
            label = {
                "position": "insideStartTop",
                "formatter": f"{limit_words} {self._fmt.value(limit, unit, 0 if limit == round(limit) else 2)}",
                "color": "var(--text)",
                "fontSize": 12,
                "fontWeight": 600,
                "fontFamily": "Inter",
                "backgroundColor": "var(--surface)",  # a curve may run through it
                "padding": [1, 4],
                "distance": [6, 6],
            }
            series["markLine"] = {
                "silent": True,
                "symbol": "none",
                "lineStyle": {"color": "var(--text)", "width": 1.5, "type": "solid"},
                "label": label,
                "data": [{"yAxis": limit}],
            }
        shown = {
            "ticks": view.day_ticks(period.from_us, period.to_us, self._fmt),
            "range": [period.from_us // 1000, period.to_us // 1000],
            "compact": None,
            "unit": self._fmt.unit(unit) if unit else "",
            "digits": 1 if unit else 2,
            "lang": page.lang,
            "zone": page.services.plant.plant.site.timezone,
            "label": series["name"],
        }
        options = {
            "grid": {"left": 52, "right": 14, "top": 14, "bottom": 24},
            "xAxis": {},
            "yAxis": axis(values, zero=True, marks=(limit,)),
            "series": [series],
        }
        with el("div", "em-money-chart"):
            LiveChart(options, shown, testid=testid)

    def _peak_columns(self) -> list[Data]:
        t = self._page.t
        return [
            {"key": "when", "name": t("energy.col.when"), "align": "left"},
            {"key": "demand", "name": t("energy.col.demand"), "align": "right"},
            {"key": "who", "name": t("energy.col.who"), "align": "left", "grow": True, "sort": False},
        ]

    def _peak_rows(self, demand: Demand) -> list[Data]:
        fmt, rows = self._fmt, []
        for peak in demand.peaks:
            window, kw = peak.window, peak.window.demand_kw
            over = demand.contract_kw is not None and kw is not None and kw > demand.contract_kw
            parts = [f"{self._names.get(m, m)} {fmt.number(p, 1)}" for m, p in peak.machines[:TOP_MACHINES]]
            who = ", ".join(part.replace(" ", NBSP) for part in parts)  # a line breaks between machines
            rows.append(
                {
                    "id": window.from_us,
                    "cells": {
                        "when": {
                            "text": f"{fmt.clock(window.from_us)}–{fmt.clock(window.to_us)}",
                            "sub": [[fmt.day(window.from_us), ""]],
                            "sort": window.from_us,
                        },
                        "demand": {"text": fmt.number(kw, 1), "sort": kw or 0.0, "bold": True, "tone": "alarm" if over else ""},
                        "who": who,
                    },
                }
            )
        return rows


def _tile(name: str, value: str, unit: str, note: list[list[str]]) -> Data:
    return {"name": name, "value": value, "unit": unit, "note": note, "bar": None, "aside": [], "stale": None}


def _line(name: str, points: list[list[float | None]], colour: str) -> Data:
    return {
        "name": name,
        "type": "line",
        "step": "end",
        "data": points,
        "symbol": "none",
        "connectNulls": False,
        "z": 3,
        "lineStyle": {"color": colour, "width": 1.8},
        "itemStyle": {"color": colour},
        "areaStyle": {"color": colour, "opacity": 0.14},
    }


def _demand_series(demand: Demand, name: str) -> Data:
    points: list[list[float | None]] = []
    for window in demand.windows:
        value = None if window.demand_kw is None else round(window.demand_kw, 2)
        points.append([window.from_us // 1000, value])
    if demand.windows:
        last = demand.windows[-1]
        points.append([last.to_us // 1000, None if last.demand_kw is None else round(last.demand_kw, 2)])
    return _line(name, points, "var(--s1)")


TAB = Tab("demand", build)
