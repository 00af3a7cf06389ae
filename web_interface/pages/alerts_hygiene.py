"""Alarm hygiene: does the alarm system help its operators, or shout them down? ISA-18.2 and EEMUA 191."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui

from domain.alert import Alert
from domain.hygiene import Band, Hygiene, Noisy
from web_interface.components import Card, DataTable, Hub, el, facts
from web_interface.components.marks import priority_letter, priority_name
from web_interface.format import MISSING, Format
from web_interface.locale import t
from web_interface.pages import admin_frame, shell
from web_interface.pages.explain import explainable
from web_interface.pages.later import Later
from web_interface.services import Services
from web_interface.texts import alert_sentence, alert_subject

Data = dict[str, Any]
DAY_US = 86_400_000_000
PERIODS = {"1": 1, "7": 7, "30": 30}
GOOD_PER_HOUR = 6  # EEMUA 191: one in ten minutes
EXPLAINED = {"per_10_min": "alarm_rate", "top_share": "alarm_top_share"}


def register(services: Services, hub: Hub) -> None:
    """The page at /alerts/hygiene; `days` and `positions` of the address choose."""

    @ui.page("/alerts/hygiene", title="")
    async def hygiene_page(days: str = "7", positions: str = "1") -> None:
        with shell.page(services, hub, active="alerts", title_key="alerts.hygiene", crumbs=crumbs(services)) as page:
            people = min(100, max(1, int(positions))) if positions.isascii() and positions.isdecimal() else 1
            opened = HygienePage(page, days if days in PERIODS else "7", people)
            opened.build()
        await opened.fill()


def crumbs(services: Services) -> list[tuple[str, str | None]]:
    """The levels above a page of alerts."""
    return [(services.plant.plant.site.name, "/"), (admin_frame.text_for(services, "nav.alerts"), "/alerts")]


class HygienePage:
    """One open page of figures."""

    def __init__(self, page: shell.Page, days: str, positions: int) -> None:
        self._page, self._days, self._positions = page, days, positions

    def build(self) -> None:
        """The window's bar; the figures follow."""
        with el("div", "em-hygiene"):
            self._build_bar()
            self._body = Later(self._page)

    async def fill(self) -> None:
        """Figures, hours, lists."""
        await self._body.fill(self._build_body)

    async def _build_body(self) -> None:
        page = self._page
        now_us = page.hub.shop().now_us
        found = await page.services.alerts.hygiene(now_us - PERIODS[self._days] * DAY_US, now_us + 1, self._positions)
        self._build_figures(found)
        with Card(page.t("hygiene.by_hour"), note=page.t("hygiene.by_hour.note"), testid="hygiene-hours"):
            draw_bars([count for _, count in found.by_hour], limit=GOOD_PER_HOUR * self._positions)
            with el("div", "em-bars-axis em-quiet", testid="hygiene-axis"):
                for at in (found.from_us, (found.from_us + found.to_us) // 2, found.to_us):
                    el("span", text=page.viewer.fmt.clock(at) if self._days == "1" else page.viewer.fmt.day(at))
        self._build_lists(found, now_us)

    def _build_bar(self) -> None:
        page = self._page
        with el("div", "em-hygiene-bar"):
            for what, values, chosen in (
                ("days", list(PERIODS), self._days), ("positions", ["1", "2", "3", "4"], str(self._positions)),
            ):  # fmt: skip
                el("span", "em-quiet", page.t(f"hygiene.{what}"))
                with el("nav", "em-seg", testid=f"hygiene-{what}", aria_label=page.t(f"hygiene.{what}")):
                    for value in values:
                        asked = {"days": self._days, "positions": str(self._positions)} | {what: value}
                        href = f"/alerts/hygiene?days={asked['days']}&positions={asked['positions']}"
                        attrs = {"aria_current": "true"} if value == chosen else {}
                        words = page.t(f"hygiene.days.{value}") if what == "days" else value
                        el("a", "em-seg-item", words, f"hygiene-{what}-{value}", href=href, **attrs)

    def _build_figures(self, found: Hygiene) -> None:
        page, fmt = self._page, self._page.viewer.fmt
        strip = {"tabindex": "0", "role": "group", "aria_label": page.t("alerts.hygiene")}  # it scrolls on a phone
        with el("section", "em-card em-counts em-hygiene-figures", testid="hygiene-figures", **strip):
            for key, value, note, bad in figures(found, fmt):
                with el("div", "em-counts-item") as tile, el("div"):
                    el("b", "em-counts-number" + (" em-alarm" if bad else ""), value, f"hygiene-{key}")
                    el("span", "em-quiet", page.t(f"hygiene.{key}"))
                    el("span", "em-hygiene-note", note, f"hygiene-{key}-note")
                if key in EXPLAINED:
                    window, asked = (found.from_us, found.to_us), {"positions": str(self._positions)}
                    explainable(page, tile, EXPLAINED[key], "site", window, asked)

    def _build_lists(self, found: Hygiene, now_us: int) -> None:
        page, fmt = self._page, self._page.viewer.fmt
        plant = page.services.plant.plant
        with el("div", "em-hygiene-lists"):
            with Card(page.t("hygiene.top"), note=page.t("hygiene.top.note"), testid="hygiene-top"):
                rows = [_noisy_row(noisy, plant, fmt) for noisy in found.top]
                DataTable(
                    _columns(page.lang, "raises", "share"), rows, testid="top-table", empty=page.t("hygiene.none"), two_lines=True
                )
            with Card(page.t("hygiene.chattering"), note=page.t("hygiene.chattering.note"), testid="hygiene-chattering"):
                rows = [_noisy_row(noisy, plant, fmt) for noisy in found.chattering]
                DataTable(
                    _columns(page.lang, "raises", "share"),
                    rows,
                    testid="chattering-table",
                    empty=page.t("hygiene.none"),
                    two_lines=True,
                )
            with Card(page.t("hygiene.stale"), note=page.t("hygiene.stale.note"), testid="hygiene-stale"):
                rows = [_stale_row(alert, plant, now_us, fmt) for alert in found.stale]
                DataTable(
                    _columns(page.lang, "raised", "lasts"),
                    rows,
                    testid="stale-table",
                    empty=page.t("hygiene.none"),
                    two_lines=True,
                )
            with Card(page.t("hygiene.shares"), note=page.t("hygiene.shares.note"), testid="hygiene-shares"):
                facts([(priority_name(p, page.lang), fmt.percent(share)) for p, share in found.by_priority.items()])
            with Card(page.t("hygiene.floods"), note=page.t("hygiene.floods.note"), testid="hygiene-floods"):
                words = [(fmt.moment(f.from_us, now_us), page.t("hygiene.flood", n=f.raises)) for f in found.floods[-10:]]
                facts(words or [(page.t("hygiene.none"), "")])


def figures(found: Hygiene, fmt: Format) -> list[tuple[str, str, str, bool]]:
    """(key, figure, note, is it bad) of the row on top."""
    lang = fmt.lang
    band = MISSING if found.band is None else t(f"hygiene.band.{found.band.value}", lang)
    few = t("hygiene.top_share.few", lang)
    bad_band = found.band in {Band.OVER_DEMANDING, Band.UNACCEPTABLE}
    return [
        ("per_10_min", fmt.number(found.per_10_min, 2), band, bad_band),
        (
            "per_hour",
            fmt.number(found.per_hour, 1),
            t("hygiene.target", lang, n=GOOD_PER_HOUR),
            (found.per_hour or 0) > 2 * GOOD_PER_HOUR,
        ),
        ("per_day", fmt.number(found.per_day, 0), t("hygiene.target", lang, n=144), (found.per_day or 0) > 288),
        ("peak", str(found.peak_per_10_min), t("hygiene.target", lang, n=10), found.peak_per_10_min > 10),
        ("flood_share", fmt.percent(found.flood_share), t("hygiene.target_share", lang, n=1), found.flood_share > 0.01),
        (
            "top_share",
            fmt.percent(found.top_share),
            few if found.top_share is None else t("hygiene.target_share", lang, n=5),
            (found.top_share or 0.0) > 0.5,
        ),
    ]


def _columns(lang: str, *more: str) -> list[Data]:
    return [
        {"key": "mark", "name": "", "align": "left", "sort": False},
        {"key": "what", "name": t("alerts.col.what", lang), "align": "left", "grow": True},
        *({"key": key, "name": t(f"hygiene.col.{key}", lang), "align": "right"} for key in more),
    ]


def _what(alert: Alert, plant: Any, fmt: Format) -> Data:
    return {
        "mark": {"text": "", "alarm": [alert.priority.value, priority_letter(alert.priority, fmt.lang)]},
        "what": {
            "text": alert_subject(alert, plant, fmt.lang), "sub": [[alert_sentence(alert, fmt), "em-quiet"]],
            "href": f"/alerts?mode=history&id={alert.id}",
        },
    }  # fmt: skip


def _noisy_row(noisy: Noisy, plant: Any, fmt: Format) -> Data:
    cells = {
        "raises": {"text": str(noisy.raises), "sort": noisy.raises, "bold": True},
        "share": {"text": fmt.percent(noisy.share), "sort": noisy.share},
    }
    return {"id": noisy.alert.id, "cells": _what(noisy.alert, plant, fmt) | cells}


def _stale_row(alert: Alert, plant: Any, now_us: int, fmt: Format) -> Data:
    lasts_s = (now_us - alert.raised_us) / 1e6
    cells = {
        "raised": {"text": fmt.moment(alert.raised_us, now_us), "sort": alert.raised_us},
        "lasts": {"text": fmt.duration(lasts_s), "sort": lasts_s},
    }
    return {"id": alert.id, "cells": _what(alert, plant, fmt) | cells}


def draw_bars(counts: Sequence[int], *, limit: float | None = None) -> None:
    """One bar an hour or day; the dashed line at `limit` is what is good."""
    most = max([*counts, 1 if limit is None else limit * 1.25])
    with el("div", "em-bars", testid="bars"):
        if limit is not None:
            line = el("i", "em-bars-limit")
            line.style(f"bottom: {100 * limit / most:.1f}%")
        for count in counts:
            over = limit is not None and count > limit
            bar = el("i", "em-bar" + (" em-bar-over" if over else ""), title=str(count))
            bar.style(f"height: {max(2.0, 100 * count / most):.1f}%")


def draw_rate(page: shell.Page, found: Hygiene) -> None:
    """The small tile on the alerts page: raises per hour of the last hours."""
    with el("div", "em-rate"):
        with el("div", "em-rate-head"):
            el("span", "em-quiet", page.t("alerts.rate"))
            el("b", text=page.viewer.fmt.number(found.per_hour, 1), testid="alert-rate-value")
            el("span", "em-quiet", page.t("hygiene.target", n=GOOD_PER_HOUR))
        draw_bars([count for _, count in found.by_hour], limit=GOOD_PER_HOUR)
