"""What a changed plausible range or spike filter of a profile would have refused in the last month, before it is saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nicegui import ui

from domain.errors import MonitorError
from domain.plant import Device, Plant, Tag
from domain.plausible import LARGEST, plausible_range
from domain.profile import Profile
from domain.rehearsal import FilterRehearsal, JobState
from web_interface.components import DataTable, button, el
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import admin_words, shell
from web_interface.texts import point_name

DAYS = 30
MOST = 24  # tags of one change that are tried; more are named as left out
WAIT_S = 0.5


@dataclass(frozen=True, slots=True)
class Change:
    """A tag whose samples would be judged otherwise. `low`, `high` in the canonical unit, None: no border."""

    tag: Tag
    low: float | None
    high: float | None
    spike: bool


def changes(plant: Plant, tags: Sequence[Tag], devices: Sequence[str], draft: Profile) -> list[Change]:
    """Of the devices that are read by the profile, against what runs now; points that are new have no past."""
    by_name = {tag.name: tag for tag in tags}
    found = []
    for device in (device for device in plant.devices if device.id in devices):
        found += [change for change in _of_device(device, draft) if change[0] in by_name]
    return [Change(by_name[name], low, high, spike) for name, low, high, spike in found]


def _of_device(device: Device, draft: Profile) -> list[tuple[str, float | None, float | None, bool]]:
    before = {point.tag: point for point in device.profile.points}
    found = []
    for point in draft.points:
        old = before.get(point.tag)
        if old is None or old.quantity is not point.quantity:
            continue
        now = plausible_range(point, device.options)
        if now == plausible_range(old, device.options) and point.spike == old.spike:
            continue
        low, high = (None if abs(border) >= LARGEST else border for border in now)
        found.append((f"{device.id}.{point.tag}", low, high, point.spike))
    return found


def cells(found: FilterRehearsal, tag: Tag, fmt: Format) -> dict[str, object]:
    """A row: samples refused and taken again, state time, energy, the farthest value."""
    share = f" ({fmt.percent(found.changed / found.samples, 2)})" if found.samples and found.changed else ""
    farthest = fmt.value(found.examples[0][1], tag.unit) if found.examples else "—"
    kwh = None if found.changed_kwh is None else round(found.changed_kwh, 3) + 0.0
    return {
        "tag": {"text": point_name(tag.point, fmt.lang, tag.quantity), "sub": tag.name, "bold": True},
        "samples": {"text": fmt.number(found.samples, 0), "sort": found.samples},
        "changed": {"text": fmt.number(found.changed, 0) + share, "sort": found.changed},
        "restored": {"text": fmt.number(found.restored, 0), "sort": found.restored},
        "state": "—" if found.changed_state_s is None else fmt.duration(found.changed_state_s),
        "kwh": "—" if kwh is None else fmt.value(kwh, "kWh"),
        "farthest": farthest,
    }  # fmt: skip


def columns(lang: str) -> list[dict[str, object]]:
    """Of the table of results."""
    names = ("samples", "changed", "restored", "state", "kwh", "farthest")
    right = [{"key": name, "name": t(f"filter.col.{name}", lang), "align": "right", "sort": False} for name in names]
    return [{"key": "tag", "name": t("admin.field.tag", lang), "align": "left", "grow": True}, *right]


class FilterDialog:
    """`await ask()` is True when the user wants to save; the last 30 days are replayed meanwhile, tag by tag."""

    def __init__(self, page: shell.Page, found: Sequence[Change]) -> None:
        self._page, self._changes = page, list(found)[:MOST]
        self._left_out = len(found) - len(self._changes)
        self._rows: list[dict[str, object]] = []
        self._job = ""

    async def ask(self) -> bool:
        """Show it and wait."""
        page = self._page
        with ui.dialog().props("persistent") as dialog, el(
            "div", "em-dialog em-dialog-wide", testid="filter-dialog", role="dialog"
        ):
            el("h2", "em-card-title", page.t("filter.title", n=DAYS))
            el("p", "em-dialog-text", page.t("filter.words"))
            self._table = DataTable(columns(page.lang), [], testid="filter-table", empty="", two_lines=True)
            self._words = el("span", "em-quiet", "", "filter-progress", role="status")
            with el("div", "em-dialog-actions"):
                button(page.t("action.cancel"), lambda: dialog.submit(False), testid="filter-no")
                button(page.t("action.save"), lambda: dialog.submit(True), kind="primary", testid="filter-yes")
        self._open = True
        ui.timer(0.05, self._run, once=True)
        answer = await dialog
        self._open = False
        if self._job:
            page.services.rehearsals.cancel(self._job)
        if not dialog.is_deleted:
            dialog.delete()
        return bool(answer)

    async def _run(self) -> None:
        for number, change in enumerate(self._changes):
            await self._replay(change, number)
            if not self._open or self._words.is_deleted:
                return
        left = self._page.t("filter.left_out", n=self._left_out) if self._left_out else ""
        self._words.set_text(f"{self._page.t('filter.done')} {left}".strip())

    async def _replay(self, change: Change, number: int) -> None:
        page, rehearsals = self._page, self._page.services.rehearsals
        try:
            job = rehearsals.start_filter(change.tag, change.low, change.high, spike=change.spike, days=DAYS)
        except MonitorError as exc:
            self._say(change, admin_words.said(exc, page.lang))
            return
        self._job = job.id
        while job.state is JobState.RUNNING and self._open and not self._words.is_deleted:
            job = await rehearsals.wait(job.id, WAIT_S)
            done = {"n": number + 1, "all": len(self._changes), "percent": round(100 * job.progress)}
            self._words.set_text(page.t("filter.running", tag=change.tag.name, **done))
        self._job = ""
        if not self._open or self._words.is_deleted:
            return
        if isinstance(job.result, FilterRehearsal):
            self._add(cells(job.result, change.tag, page.viewer.fmt))
            if not job.result.fine:
                self._say(change, page.t("filter.coarse"))
        else:
            self._say(change, job.error or page.t("rehearsal.cancelled"))

    def _add(self, made: dict[str, object]) -> None:
        self._rows.append({"id": len(self._rows), "cells": made})
        self._table.show({"rows": list(self._rows)})  # another list: the same one is no change

    def _say(self, change: Change, words: str) -> None:
        with self._words.parent_slot.parent if self._words.parent_slot is not None else self._words:
            el("p", "em-quiet", f"{change.tag.name}: {words}")
