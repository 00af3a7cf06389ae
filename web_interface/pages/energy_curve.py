"""Tab "Load curve": coefficients of machines, sections and the site; for engineers the tables of hourly prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import events, ui

from domain.access import Role
from domain.errors import Forbidden, MonitorError
from domain.figures import LoadCurve
from domain.tariff import PricePreview
from web_interface.components import Card, DataTable, Segmented, button, choice_field, el, facts, notify, text_field
from web_interface.pages import admin_words
from web_interface.pages.energy_tab import EnergyView, Tab

BY = ("machine", "section", "site")
LARGEST = 4_000_000
RATIOS = ("use", "load", "demand", "maximum", "form", "load_factor", "utilisation")


async def build(at: EnergyView) -> None:
    """The whole tab."""
    await CurveTab(at).build()


class CurveTab:
    """One open tab."""

    def __init__(self, at: EnergyView) -> None:
        self._at, self._page, self._fmt = at, at.page, at.page.viewer.fmt
        by = at.options.get("by", "machine")
        self._by = by if by in BY else "machine"
        self._names = {machine.id: machine.name for machine in at.page.services.plant.plant.machines}
        self._unit, self._file = "kWh", ("", b"")

    async def build(self) -> None:
        """The table, then the prices."""
        page, period = self._page, self._at.period
        curves = await page.services.money.load_curves(self._by, period.from_us, period.to_us)
        with Card(page.t("energy.curve"), testid="load-curve", classes="em-table-card") as card:
            with card.tools:
                Segmented({by: page.t(f"energy.by.{by}") for by in BY}, self._by, self._choose, testid="curve-by")
            DataTable(self._columns(), self._rows(curves), testid="load-curve-table", empty=page.t("energy.no_data"))
            el("p", "em-quiet em-zones-note", page.t("energy.curve.legend"))
        if page.viewer.may(Role.ENGINEER):
            await self._build_prices()

    def _choose(self, by: str) -> None:
        self._page.client.open(self._at.href(by=by))

    def _columns(self) -> list[dict[str, Any]]:
        t = self._page.t
        keys = ("mean_kw", "max_kw", *RATIOS[:6], "t_max_h", "utilisation")
        return [
            {"key": "subject", "name": t(f"energy.by.{self._by}"), "align": "left", "grow": True},
            *({"key": key, "name": t(f"energy.curve.{key}"), "align": "right"} for key in keys),
        ]

    def _rows(self, curves: Sequence[LoadCurve]) -> list[dict[str, Any]]:
        fmt, rows = self._fmt, []
        for curve in curves:
            cells: dict[str, Any] = {"subject": self._subject(curve.subject)}
            for key in ("mean_kw", "max_kw", "t_max_h"):
                value = getattr(curve, key)
                cells[key] = {"text": fmt.number(value, 1), "sort": -1.0 if value is None else value}
            for key in RATIOS:
                value = getattr(curve, key)
                text = fmt.percent(value) if key == "utilisation" else fmt.number(value, 2)
                cells[key] = {"text": text, "sort": -1.0 if value is None else value}
            rows.append({"id": curve.subject, "cells": cells})
        return rows

    def _subject(self, subject: str) -> str:
        if subject == "site":
            return self._page.services.plant.plant.site.name
        return self._names.get(subject, subject.removeprefix("section:"))

    # -- hourly prices ---------------------------------------------------------------------------------------------

    async def _build_prices(self) -> None:
        page = self._page
        needed = sorted({tariff.table for tariff in page.services.plant.plant.money.tariffs if tariff.table})
        with Card(page.t("energy.prices"), note=page.t("energy.prices.note"), testid="prices"):
            for name, first, last, count in await page.services.money.price_tables():
                span = f"{self._fmt.day(first)} – {self._fmt.day(last)}"
                facts([(name, page.t("energy.prices.hours", span=span, n=count))], testid=f"prices-{name}")
            with el("div", "em-prices-form"):
                self._table = text_field(
                    page.t("energy.prices.table"),
                    needed[0] if needed else "",
                    testid="prices-name",
                    hint=page.t("energy.prices.table.hint"),
                )
                units = {unit: page.t(f"energy.prices.per.{unit}") for unit in ("kWh", "MWh")}
                choice_field(page.t("energy.prices.unit"), units, self._unit, testid="prices-unit", on_change=self._set_unit)
                self._upload = ui.upload(
                    on_upload=self._uploaded, on_rejected=self._rejected, auto_upload=True, max_files=1, max_file_size=LARGEST
                )
                self._upload.props("accept='.csv,.xlsx' flat").classes("em-upload")
                self._upload.props["data-testid"] = "prices-upload"
                pick = self._upload
                button(
                    page.t("energy.prices.choose"),
                    lambda: pick.run_method("pickFiles"),
                    icon_name="upload_file",
                    testid="prices-pick",
                )
            self._result = el("div", "em-prices-result", testid="prices-result", role="status")

    def _set_unit(self, unit: Any) -> None:
        self._unit = str(unit)

    def _rejected(self) -> None:
        notify(self._page.t("energy.prices.rejected"), good=False)

    async def _uploaded(self, event: events.UploadEventArguments) -> None:
        """Look first; keeping is a second step."""
        self._file = (event.file.name, await event.file.read())
        self._upload.reset()
        await self._import(keep=False)

    async def _import(self, *, keep: bool) -> None:
        page, (name, content) = self._page, self._file
        self._result.clear()
        try:
            found = await page.services.money.import_prices(
                str(self._table.value or ""), name, content, self._unit, page.actor(), keep=keep
            )
        except Forbidden:
            notify(page.t("error.forbidden"), good=False)
            return
        except MonitorError as exc:
            notify(admin_words.said(exc, page.lang), good=False)
            return
        if found.kept:
            notify(page.t("energy.prices.kept", n=len(found.prices)))
            return
        with self._result:
            self._preview(found)

    def _preview(self, found: PricePreview) -> None:
        page, fmt = self._page, self._fmt
        if found.problems:
            for problem in found.problems:
                el("p", "em-alarm", admin_words.sentence(problem, page.lang))
            return
        prices = [p.price_per_kwh for p in found.prices]
        span = f"{fmt.day(found.prices[0].time_us)} – {fmt.day(found.prices[-1].time_us)}"
        low, high = fmt.number(min(prices), 3), fmt.number(max(prices), 3)
        facts(
            [
                (page.t("energy.prices.found"), page.t("energy.prices.hours", span=span, n=len(prices))),
                (page.t("energy.prices.range"), f"{low} – {high} {fmt.currency}/{fmt.unit('kWh')}"),
                (page.t("energy.prices.missing"), str(found.missing_hours)),
            ],
            testid="prices-preview",
        )

        async def keep() -> None:
            await self._import(keep=True)

        button(page.t("energy.prices.keep"), keep, kind="primary", testid="prices-keep")


TAB = Tab("curve", build)
