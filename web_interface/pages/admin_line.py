"""One line: how much of its time is used, what goes wrong on it, and the frames that go over it while somebody looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from nicegui import ui
from nicegui.element import Element
from starlette.responses import Response

from domain.access import Role
from domain.errors import MonitorError, NotFound
from domain.health import DeviceStatus, LineStatus
from domain.line_frame import LineFrame
from domain.plant import Line
from web_interface.components import Card, DataTable, Hub, Part, Tick, button, el, icon
from web_interface.format import MISSING, Format
from web_interface.locale import has, t
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.admin_line_dialog import LineDialog
from web_interface.pages.device_patterns import technical_words
from web_interface.pages.status_vitals_view import kind_name
from web_interface.services import Services

LIST = "/admin/devices"
KEPT: Final = 300  # frames in the page
SHOWN_BYTES: Final = 64
Changes = list[tuple[Element, Mapping[str, Any]]]


class FrameList(Part, component="../components/frame_list.js"):
    """Frames as they come; only new ones travel."""

    def __init__(self, words: Mapping[str, str]) -> None:
        super().__init__({"frames": [], "most": KEPT, "words": dict(words)}, "frames")


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/lines/ID."""

    @ui.page("/admin/lines/{line_id}", title="")
    async def line_page(line_id: str) -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "devices", title=line_id[:80], parent=LIST) as page:
            line = next((line for line in services.plant.plant.lines if line.id == line_id), None)
            if line is None:
                el("p", "em-quiet", admin_words.said(NotFound("line", line_id[:80]), page.lang), "line-unknown")
            else:
                LinePage(page, line).build()
        return None


class LinePage:
    """One open page of a line."""

    def __init__(self, page: shell.Page, line: Line) -> None:
        self._page, self._line = page, line
        self._watching, self._last, self._missed = False, 0, 0

    def build(self) -> None:
        """Its figures, its devices with what went wrong, its frames."""
        page, t = self._page, self._page.t
        target = f"{t(f'transport.{self._line.transport}')} · {self._line.target}"
        with Card(t("line.head"), note=target, testid="line-card") as card:
            with card.tools:
                button(t("line.edit"), self._edit, icon_name="edit", testid="line-edit")
            with el("dl", "em-line-facts", testid="line-facts"):
                self._facts: dict[str, Any] = {}
                for key in ("state", "load", "cycle", "timeouts", "errors", "latency"):
                    with el("div"):
                        el("dt", text=t(f"line.fact.{key}"))
                        self._facts[key] = el("dd", text=MISSING, testid=f"line-{key}")
            self._advice = el("p", "em-line-advice", testid="line-advice", role="status")
        with Card(t("line.errors"), note=t("line.errors.note"), testid="line-errors-card"):
            self._errors = DataTable(columns(page.lang), self._rows(), testid="line-errors", empty=t("line.none"))
        self._build_frames()
        self._show_facts()
        page.every(self.live)

    def _build_frames(self) -> None:
        page, t = self._page, self._page.t
        with Card(t("line.frames"), note=t("line.frames.note"), testid="frames-card") as card:
            with card.tools:
                self._said = el("span", "em-quiet", testid="frames-said", role="status")
                button(t("line.clear"), self._clear, kind="quiet", small=True, testid="frames-clear")
                self._switch = button(
                    t("line.watch"), self._toggle, kind="primary", icon_name="play_arrow", testid="frames-watch"
                )
            keys = ("tx", "rx", "sum_good", "sum_bad", "empty", "region", "time", "device", "frame", "meaning", "way")
            self._frames = FrameList({key: page.t(f"line.frame.{key}") for key in keys})

    def live(self, tick: Tick) -> Changes:
        """Figures each second, frames as they come."""
        changes: Changes = []
        if tick.number % 4 == 0:
            self._show_facts()
            changes.append((self._errors, self._errors.row_changes(self._rows())))
        if self._watching and (added := self._fetched()):
            changes.append((self._frames, {"added": added}))
        return changes

    # ---- frames ------------------------------------------------------------------------------------------------------
    def _fetched(self) -> list[dict[str, Any]]:
        page = self._page
        try:
            found = page.services.line_watch.frames(self._line.id, self._last, page.actor())
        except MonitorError as exc:  # the line, the right to see it, or its collector has gone
            self._watch(on=False)
            self._said.text = admin_words.said(exc, page.lang)
            return []
        if not found.visible:
            self._said.text = page.t("line.invisible")
        self._missed += found.missed if self._last else 0
        self._last = found.last
        if self._missed:
            self._said.text = page.t("line.missed", n=self._missed)
        return [frame_row(frame, page.viewer.fmt) for frame in found.frames]

    def _toggle(self) -> None:
        self._watch(on=not self._watching)

    def _watch(self, *, on: bool) -> None:
        """Listening begins where it is now: what went by during a pause is not asked for."""
        page = self._page
        self._watching = on
        self._said.text = page.t("line.listening") if on else page.t("line.paused") if self._last else ""
        if on:
            self._missed = 0
            added = self._fetched()
            self._frames.run_method("patch", {"added": added})
        self._switch.clear()
        with self._switch:
            icon("pause" if self._watching else "play_arrow")
            el("span", text=page.t("line.pause" if self._watching else "line.watch"))

    def _clear(self) -> None:
        self._frames.run_method("patch", {"frames": []})

    # ---- figures -----------------------------------------------------------------------------------------------------
    def _status(self) -> LineStatus | None:
        return next((s for s in self._page.services.status.lines() if s.line_id == self._line.id), None)

    def _devices(self) -> list[DeviceStatus]:
        return [status for status in self._page.services.status.devices() if status.line_id == self._line.id]

    def _show_facts(self) -> None:
        status, fmt = self._status(), self._page.viewer.fmt
        for key, words in facts(status, self._devices(), fmt).items():
            if self._facts[key].text != words:
                self._facts[key].text = words
        advice = advice_words(status, self._page.lang)
        if self._advice.text != advice:
            self._advice.text = advice

    def _rows(self) -> list[dict[str, Any]]:
        return [row(status, self._page.viewer.fmt) for status in self._devices()]

    async def _edit(self) -> None:
        if await LineDialog(self._page, self._line.id).ask() is not None:
            ui.navigate.to(f"/admin/lines/{self._line.id}")


def facts(status: LineStatus | None, devices: Sequence[DeviceStatus], fmt: Format) -> dict[str, str]:
    """The figures of a line in words, by key."""
    if status is None:
        return {"state": t("status.state.waiting", fmt.lang)}
    measured = MISSING if status.load is None else fmt.percent(status.load, 0)
    calculated = MISSING if status.load_calculated is None else fmt.percent(status.load_calculated, 0)
    timeouts, polls = sum(d.timeouts for d in devices), sum(d.polls for d in devices)
    asked = MISSING if status.cycle_asked_s is None else _seconds(status.cycle_asked_s, fmt)
    took = MISSING if status.cycle_measured_s is None else _seconds(status.cycle_measured_s, fmt)
    reckoned = MISSING if status.cycle_calculated_s is None else _seconds(status.cycle_calculated_s, fmt)
    return {
        "state": f"{t(f'status.state.{status.state}', fmt.lang)}, {status.devices_online}/{status.devices}",
        "load": t("line.load", fmt.lang, measured=measured, calculated=calculated),
        "cycle": t("line.cycle", fmt.lang, took=took, reckoned=reckoned, asked=asked),
        "timeouts": f"{fmt.number(timeouts, 0)} ({fmt.percent(timeouts / polls if polls else 0.0, 1)})",
        "errors": fmt.number(status.errors_last_hour, 0),
        "latency": MISSING if status.latency_ms is None else f"{fmt.number(status.latency_ms, 0)}\u00a0{fmt.unit('ms')}",
    }


def advice_words(status: LineStatus | None, lang: str) -> str:
    """What to do about a line that is asked for more than it can."""
    if status is None or status.warning is None:
        return ""
    return t(f"line.advice.{status.warning.partition('.')[2]}", lang)


def _seconds(value: float, fmt: Format) -> str:
    if value < 1:
        return f"{fmt.number(1000 * value, 0)}\u00a0{fmt.unit('ms')}"
    return f"{fmt.number(value, 2 if value < 10 else 0)}\u00a0{fmt.unit('s')}"


def columns(lang: str) -> list[dict[str, Any]]:
    """Heads of the table of errors."""
    return [
        {"key": "device", "name": t("status.col.device", lang), "align": "left"},
        {"key": "polls", "name": t("line.col.polls", lang), "align": "right"},
        {"key": "timeouts", "name": t("line.fact.timeouts", lang), "align": "right"},
        {"key": "latency", "name": t("line.fact.latency", lang), "align": "right"},
        {"key": "kinds", "name": t("line.col.kinds", lang), "align": "left", "grow": True, "sort": False},
    ]


def row(status: DeviceStatus, fmt: Format) -> dict[str, Any]:
    """One device: how often it was asked and what went wrong, by kind."""
    kinds = [f"{kind_words(kind, fmt.lang)}: {fmt.number(count, 0)}" for kind, count in sorted(status.errors.items()) if count]
    latency = MISSING if status.latency_ms is None else f"{fmt.number(status.latency_ms, 0)}\u00a0{fmt.unit('ms')}"
    cells: dict[str, Any] = {
        "device": {"text": status.device_id, "bold": True},
        "polls": {"text": fmt.number(status.polls, 0), "sort": status.polls},
        "timeouts": {"text": fmt.number(status.timeouts, 0), "sort": status.timeouts},
        "latency": {"text": latency, "sort": status.latency_ms or 0},
        "kinds": {"text": ", ".join(kinds) or "—", "sub": technical_words(status.last_error or "", fmt.lang)},
    }
    return {"id": status.device_id, "href": f"{LIST}/{status.device_id}/edit", "cells": cells}


def kind_words(kind: str, lang: str) -> str:
    """A kind of error as people call it; one without words as it is."""
    key = f"line.kind.{kind}"
    return t(key, lang) if has(key, lang) else kind_name(kind, lang)


def frame_row(frame: LineFrame, fmt: Format) -> dict[str, Any]:
    """A frame for the list: bytes in hex, what it seems to say, whether its check sum fits."""
    more = f" … +{frame.size - SHOWN_BYTES}" if frame.size > SHOWN_BYTES else ""
    sum_fits = frame.meaning.sum_fits
    return {
        "n": frame.number, "at": f"{fmt.clock(frame.time_us, seconds=True)}.{frame.time_us // 1000 % 1000:03}",
        "tx": frame.direction == "tx", "device": frame.device, "hex": frame.data[:SHOWN_BYTES].hex(" ").upper() + more,
        "words": meaning_words(frame, fmt.lang), "sum": "" if sum_fits is None else "good" if sum_fits else "bad",
        "error": frame.error,
    }  # fmt: skip


def meaning_words(frame: LineFrame, lang: str) -> str:
    """What the frame seems to say; empty where nobody can tell."""
    if not frame.meaning.kind:
        return ""
    values = dict(frame.meaning.values)
    if "function" in values:
        key = f"line.function.{values['function']}"
        values["name"] = t(key, lang) if has(key, lang) else ""
    if frame.meaning.kind == "mercury.request" and has(f"line.mercury.{values.get('name')}", lang):
        values["name"] = t(f"line.mercury.{values['name']}", lang)
    return t(f"line.meaning.{frame.meaning.kind}", lang, **values)
