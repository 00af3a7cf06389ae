"""The card that teaches a machine's electrical picture: the model in use, a good period to learn from, progress, the result."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from domain.errors import MonitorError
from domain.finding import AnomalyModel, AnomalyTraining, TrainingState
from domain.plant import Machine
from web_interface.components import Card, DataTable, banner, button, el, facts, notify
from web_interface.pages import admin_detectors_view as view_of
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.later import Later

DAYS = 14
WAIT_S = 0.5


class TrainingCard:
    """Part of the page of one machine's detectors."""

    def __init__(self, page: shell.Page, machine: Machine) -> None:
        self._page, self._machine = page, machine
        self._zone = ZoneInfo(page.services.plant.plant.site.timezone)

    def build(self) -> None:
        """The form; what the store knows follows with `load`."""
        page = self._page
        with Card(page.t("training.title"), note=page.t("training.note"), testid="training-card"):
            self._models = Later(page, "em-training-models", "training-models", rows=2)
            today = datetime.fromtimestamp(page.hub.shop().now_us // 1_000_000, UTC).astimezone(self._zone).date()
            with el("div", "em-form"):
                self._from = self._date(page.t("training.from"), today - timedelta(days=DAYS), "training-from")
                self._to = self._date(page.t("training.to"), today - timedelta(days=1), "training-to")
            with el("div", "em-borders-actions"):
                button(page.t("training.try"), lambda: self._start(keep=False), icon_name="replay", testid="training-try")
                button(page.t("training.do"), lambda: self._start(keep=True), icon_name="school", testid="training-do")
            self._result = el("div", "em-borders-result", testid="training-result")

    async def load(self) -> None:
        """Models of the store; a training that runs already is followed."""
        await self._models.fill(self._build_models)
        jobs = (job for job in self._page.services.findings.trainings.jobs() if job.machine_id == self._machine.id)
        running = next((job for job in jobs if job.state is TrainingState.RUNNING), None)
        if running is not None and not self._result.is_deleted:
            await self._follow(running)

    def _date(self, label: str, value: date, testid: str) -> ui.input:
        with el("label", "em-field"):
            el("span", "em-field-label", label)
            made = ui.input(value=value.isoformat()).props("outlined dense type=date")
            made.props["data-testid"], made.props["aria-label"] = testid, label
            return made.classes("em-input")

    # ---- models ------------------------------------------------------------------------------------------------------
    async def _build_models(self) -> None:
        self._list = el("div", "em-training-models")
        await self._draw_models()

    async def _draw_models(self) -> None:
        models = await self._page.services.findings.models(self._machine.id)
        if not self._list.is_deleted:
            self._list.clear()
            with self._list:
                self._show_models(models)

    def _show_models(self, models: Sequence[AnomalyModel]) -> None:
        page, fmt = self._page, self._page.viewer.fmt
        now_us = page.hub.shop().now_us
        if not models:
            el("p", "em-quiet", page.t("training.none"), "training-none")
            return
        el("b", text=page.t("training.in_use", n=models[0].version), testid="training-version")
        facts(view_of.model_facts(models[0], fmt, now_us), testid="training-facts")
        if len(models) > 1:
            with el("details", "em-more", testid="training-older"):
                el("summary", text=page.t("training.older", n=len(models) - 1))
                DataTable(self._columns(), [self._row(m, now_us) for m in models[1:]], testid="training-table", empty="")

    def _columns(self) -> list[dict[str, Any]]:
        t = self._page.t
        return [
            {"key": "version", "name": t("virtual.version"), "align": "right"},
            {"key": "period", "name": t("training.period"), "align": "left", "grow": True},
            {"key": "made", "name": t("training.made"), "align": "left"},
            {"key": "rows", "name": t("training.minutes"), "align": "right"},
        ]

    def _row(self, model: AnomalyModel, now_us: int) -> dict[str, Any]:
        fmt = self._page.viewer.fmt
        (_, period), (_, made), (_, rows), *_more = view_of.model_facts(model, fmt, now_us)
        cells = {
            "version": {"text": str(model.version), "sort": model.version}, "period": {"text": period, "sort": model.from_us},
            "made": {"text": made, "sort": model.trained_us}, "rows": {"text": rows, "sort": model.rows},
        }  # fmt: skip
        return {"id": model.version, "cells": cells}

    # ---- training ----------------------------------------------------------------------------------------------------
    async def _start(self, *, keep: bool) -> None:
        page = self._page
        window = self._window()
        if window is None:
            self._wrong(page.t("baseline.field.date_wrong"))
            return
        started: list[AnomalyTraining] = []

        async def start() -> None:
            started.append(await page.services.findings.start_training(self._machine.id, *window, page.actor(), keep=keep))

        def failed(exc: MonitorError) -> None:
            self._wrong(admin_words.said(exc, page.lang))

        if await admin_frame.attempt(page, start, failed) and started:
            await self._follow(started[0])

    def _window(self) -> tuple[int, int] | None:
        """From the first midnight to the last; no later than now. None when a date is missing."""
        try:
            first, last = date.fromisoformat(str(self._from.value)), date.fromisoformat(str(self._to.value))
        except ValueError:
            return None
        begin, end = self._midnight(first), self._midnight(last + timedelta(days=1))
        today = datetime.fromtimestamp(self._page.hub.shop().now_us // 1_000_000, UTC).astimezone(self._zone).date()
        return begin, min(end, self._page.hub.shop().now_us) if last == today else end

    def _midnight(self, day: date) -> int:
        return round(datetime.combine(day, time(), self._zone).timestamp()) * 1_000_000

    async def _follow(self, job: AnomalyTraining) -> None:
        """Show its progress until it is over. It goes on without the page."""
        page, box = self._page, self._result
        trainings = page.services.findings.trainings
        box.clear()
        with box, el("div", "em-report-progress"):
            bar = el("progress", "em-progress", max=100, value=0, testid="training-progress", aria_label=page.t("training.title"))
            words = el("span", "em-quiet", view_of.training_words(job, page.viewer.fmt), "training-stage")
            button(page.t("action.cancel"), lambda: self._cancel(job.id), small=True, testid="training-cancel")
        while job.state is TrainingState.RUNNING and not box.is_deleted:
            job = await trainings.wait(job.id, WAIT_S)
            bar.props["value"] = round(100 * job.progress)
            bar.update()
            words.set_text(view_of.training_words(job, page.viewer.fmt))
        if not box.is_deleted:
            await self._show(job)

    async def _cancel(self, job_id: str) -> None:
        page = self._page
        await admin_frame.attempt(page, lambda: page.services.findings.cancel_training(job_id, page.actor()))

    async def _show(self, job: AnomalyTraining) -> None:
        page, fmt = self._page, self._page.viewer.fmt
        if job.state is TrainingState.FAILED:
            self._wrong(admin_words.sentence(job.error, page.lang))
            return
        self._result.clear()
        with self._result:
            if job.model is None or job.rehearsal is None:
                el("span", "em-quiet", page.t("rehearsal.cancelled"), "training-cancelled")
                return
            key = "training.kept" if job.keep else "training.tried"
            el("b", text=page.t(key, n=job.model.version), testid="training-done")
            rows = view_of.model_facts(job.model, fmt, page.hub.shop().now_us)
            facts([*rows, (page.t("training.would"), view_of.told(job.rehearsal, fmt))], testid="training-figures")
        if job.keep:
            notify(page.t("training.kept", n=job.model.version))
            await self._draw_models()

    def _wrong(self, words: str) -> None:
        self._result.clear()
        with self._result:
            banner(words, testid="training-wrong")
