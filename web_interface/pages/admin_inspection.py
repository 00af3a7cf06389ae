"""Inspection of parts: the items of a device with their verdicts, the models that judge them, cameras, and the frame tester."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui
from starlette.responses import Response

from domain.access import Role
from domain.errors import MonitorError
from domain.inspection import FrameField, InspectedItem, Outcome, QualityModel
from domain.inspection_reason import Reason
from web_interface.components import Card, DataTable, Hub, Segmented, button, el, notify, text_field
from web_interface.format import Format
from web_interface.locale import has, t
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.inspection_cameras import CamerasCard
from web_interface.pages.inspection_pictures import Pictures
from web_interface.pages.later import Later
from web_interface.services import Services
from web_interface.texts import point_name

KINDS = ("limits", "distance", "forest")
SHOWN = 100
PICTURE = "picture"
Rows = list[dict[str, Any]]


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/inspection."""

    @ui.page("/admin/inspection", title="")
    async def inspection_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "inspection") as page:
            body = Later(page)
        await body.fill(InspectionPage(page).build)
        return None


class InspectionPage:
    """One open page of inspection."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._device = ""
        self._shown: Mapping[int, InspectedItem] = {}

    async def build(self) -> None:
        """Items, models, cameras, tester."""
        page = self._page
        devices = await page.services.inspection.devices()
        self._device = devices[0] if devices else ""
        self._pictures = Pictures(page, lambda item: why(item, page.viewer.fmt))
        with Card(page.t("inspection.items"), note=page.t("inspection.items.note"), testid="inspection-items-card") as card:
            if len(devices) > 1:
                with card.tools:
                    names = {name: name for name in devices}
                    Segmented(names, self._device, self._choose, testid="inspection-device", label=page.t("inspection.device"))
            self._items = DataTable(
                item_columns(page.lang), [], testid="inspection-items", empty=page.t("inspection.none"), on_action=self._label
            )
        with Card(page.t("inspection.models"), note=page.t("inspection.models.note"), testid="inspection-models-card") as card:
            with card.tools:
                for kind in KINDS:
                    button(page.t(f"inspection.train.{kind}"), self._trainer(kind), testid=f"train-{kind}", small=True)
            self._models = DataTable(
                model_columns(page.lang), [], testid="inspection-models", empty=page.t("inspection.models.none"),
                on_action=self._model_action,
            )  # fmt: skip
        CamerasCard(page)
        self._tester()
        await self._refresh()

    def _tester(self) -> None:
        page = self._page
        with Card(page.t("inspection.tester"), note=page.t("inspection.tester.note"), testid="frame-tester-card"):
            devices = page.services.frames.devices()
            if not devices:
                el("p", "em-quiet", page.t("inspection.tester.none"))
                return
            self._tested = devices[0]
            if len(devices) > 1:
                with el("div", "em-frame-tools"):
                    Segmented({name: name for name in devices}, self._tested, self._choose_tested, testid="frame-device")
            self._pasted = text_field(page.t("inspection.tester.bytes"), testid="frame-bytes", mono=True, area=True)
            with el("div", "em-frame-tools"):
                button(page.t("inspection.tester.read"), self._read, testid="frame-read")
            self._fields = DataTable(field_columns(page.lang), [], testid="frame-fields", dense=True)

    def _choose_tested(self, device_id: str) -> None:
        self._tested = device_id

    def _read(self) -> None:
        page = self._page
        try:
            fields = page.services.frames.fields(self._tested, str(self._pasted.value or ""))
        except MonitorError as exc:
            notify(admin_words.said(exc, page.lang), good=False)
            return
        self._fields.show({"rows": [field_row(field, page.viewer.fmt) for field in fields]})

    async def _choose(self, device_id: str) -> None:
        self._device = device_id
        await self._refresh()

    async def _refresh(self) -> None:
        if not self._device:
            return
        page, service = self._page, self._page.services.inspection
        items, models = await service.items(self._device, SHOWN), await service.models(self._device)
        self._shown = {item.number: item for item in items}
        self._items.show({"rows": [item_row(item, page.viewer.fmt) for item in items]})
        self._pictures.show(items, [camera for camera in service.cameras() if camera.device_id == self._device])
        self._models.show({"rows": [model_row(model, page.viewer.fmt) for model in models]})

    async def _label(self, number: Any, what: str) -> None:
        page = self._page
        if what == PICTURE:
            self._pictures.open(self._shown[int(number)])
            return
        label = Outcome(what)
        await admin_frame.attempt(
            page, lambda: page.services.inspection.label(self._device, int(number), label, page.actor())
        )
        await self._refresh()

    def _trainer(self, kind: str) -> Any:
        async def train() -> None:
            page = self._page
            if not self._device:
                notify(page.t("inspection.none"), good=False)
                return
            service = page.services.inspection
            if await admin_frame.attempt(page, lambda: service.train(self._device, kind, page.actor())):
                notify(page.t("inspection.trained"))
            await self._refresh()

        return train

    async def _model_action(self, version: Any, what: str) -> None:
        page, service = self._page, self._page.services.inspection
        if what == "rehearse":
            found: dict[str, int] = {}

            async def rehearse() -> None:
                found.update(await service.rehearse(self._device, int(version)))

            if await admin_frame.attempt(page, rehearse):
                notify(rehearsed(found, page.lang))
            return
        wanted = int(version) if what == "activate" else None
        await admin_frame.attempt(page, lambda: service.activate(self._device, wanted, page.actor()))
        await self._refresh()


def rehearsed(counts: Mapping[str, int], lang: str) -> str:
    """What a rehearsal found, in one line; without labelled items there is nothing to say."""
    if not sum(counts.values()):
        return t("inspection.rehearsed.none", lang)
    return t("inspection.rehearsed", lang, **counts)


def _heads(lang: str, *keys: tuple[str, str]) -> Rows:
    names = {key: t(f"inspection.col.{key}", lang) if key != "actions" else "" for key, _ in keys}
    return [{"key": key, "name": names[key], "align": align} for key, align in keys]


def _moment(time_us: int, fmt: Format) -> str:
    return f"{fmt.day(time_us)} {fmt.clock(time_us, seconds=True)}"


def item_columns(lang: str) -> Rows:
    """Heads of the items."""
    return _heads(
        lang, ("number", "right"), ("time", "left"), ("outcome", "left"), ("label", "left"), ("score", "right"),
        ("reasons", "left"), ("model", "left"), ("actions", "right"),
    )  # fmt: skip


def model_columns(lang: str) -> Rows:
    """Heads of the models."""
    return _heads(
        lang, ("model", "left"), ("items", "right"), ("time", "left"), ("author", "left"), ("state", "left"), ("actions", "right")
    )


def field_columns(lang: str) -> Rows:
    """Heads of a frame's fields."""
    return _heads(lang, ("field", "left"), ("bytes", "left"), ("value", "left"), ("error", "left"))


def _outcome(outcome: Outcome, lang: str) -> dict[str, Any]:
    bad = outcome in {Outcome.REJECT, Outcome.UNSURE}
    return {"text": t(f"inspection.outcome.{outcome.value}", lang), **({"icon": "error", "tone": "alarm"} if bad else {})}


def item_row(item: InspectedItem, fmt: Format) -> dict[str, Any]:
    """One inspected item."""
    lang, verdict = fmt.lang, item.verdict
    judged = verdict.outcome is not Outcome.NONE
    reasons = why(item, fmt)
    actions = [{"name": o.value, "text": t(f"inspection.label.{o.value}", lang)} for o in (Outcome.GOOD, Outcome.REJECT)]
    if item.picture is not None:
        actions.insert(0, {"name": PICTURE, "text": t("inspection.picture", lang)})
    return {
        "id": str(item.number),
        "cells": {
            "number": {"text": str(item.number), "sort": item.number},
            "time": {"text": _moment(item.closed_us, fmt), "sort": item.closed_us},
            "outcome": _outcome(verdict.outcome, lang),
            "score": {"text": fmt.number(verdict.score, 2) if judged else "", "sort": verdict.score},
            "reasons": {"text": reasons, "tone": "quiet"},
            "model": {"text": verdict.model, "mono": True},
            "label": {"text": "" if item.label is Outcome.NONE else t(f"inspection.outcome.{item.label.value}", lang)},
            "actions": {"actions": actions},
        },
    }


def why(item: InspectedItem, fmt: Format) -> str:
    """All reasons of an item's verdict, and whether the controller had it."""
    reasons = "; ".join(reason_words(reason, fmt) for reason in item.verdict.reasons)
    return reasons + (f" ({t('inspection.late', fmt.lang)})" if item.written_back is False else "")


def reason_words(reason: Reason, fmt: Format) -> str:
    """Why, in the reader's language."""
    point, _, statistic = reason.feature.rpartition(".")
    key = f"inspection.statistic.{statistic}"
    feature = f"{point_name(point, fmt.lang)}, {t(key, fmt.lang)}" if point and has(key, fmt.lang) else reason.feature
    if has(f"inspection.feature.{feature}", fmt.lang):
        feature = t(f"inspection.feature.{feature}", fmt.lang)
    if reason.code == "picture":
        places = {"value": fmt.number(reason.value, 0), "border": fmt.number(reason.border, 0)}
        return t("inspection.reason.picture", fmt.lang, detail=reason.detail.replace("x", "×"), **places)
    if reason.code == "no_picture" and has(f"inspection.missing.{reason.detail}", fmt.lang):
        return t("inspection.reason.no_picture", fmt.lang, detail=t(f"inspection.missing.{reason.detail}", fmt.lang))
    value = fmt.number(reason.value, 1) if reason.code == "deviates" else fmt.significant(reason.value, 4, 4)
    border = fmt.significant(reason.border, 4, 4)
    return t(f"inspection.reason.{reason.code}", fmt.lang, feature=feature, value=value, border=border, detail=reason.detail)


def model_row(model: QualityModel, fmt: Format) -> dict[str, Any]:
    """One version of a model."""
    lang = fmt.lang
    names = ("rehearse", "stop" if model.active else "activate")
    return {
        "id": str(model.version),
        "cells": {
            "model": {"text": model.name, "mono": True, "sort": model.version},
            "items": {"text": str(model.items), "sort": model.items},
            "time": {"text": _moment(model.made_us, fmt), "sort": model.made_us},
            "author": {"text": model.author},
            "state": {"text": t("inspection.active" if model.active else "inspection.resting", lang)},
            "actions": {"actions": [{"name": name, "text": t(f"inspection.{name}", lang)} for name in names]},
        },
    }


def field_row(field: FrameField, fmt: Format) -> dict[str, Any]:
    """One field of a frame."""
    error: dict[str, Any] = {"text": ""}
    if field.error:
        key = f"inspection.field.{field.error}"
        words = t(key, fmt.lang) if has(key, fmt.lang) else field.error
        error = {"text": words, "icon": "error", "tone": "alarm"}
    return {
        "id": field.tag,
        "cells": {
            "field": {"text": field.tag, "mono": True}, "bytes": {"text": field.raw, "mono": True},
            "value": {"text": field.value}, "error": error,
        },
    }  # fmt: skip


