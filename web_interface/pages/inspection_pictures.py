"""Pictures of inspected parts: the newest in a row, the place that deviates framed, each opened large."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nicegui import ui

from domain.camera import CameraStatus, ItemPicture
from domain.inspection import InspectedItem, Outcome
from web_interface.components import Card, button, el
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import shell
from web_interface.pages.camera_rows import reason_name

SHOWN = 12
SMALLEST_SHARE = 0.04  # of the width, so that a small place is seen in a small picture
Words = Callable[[InspectedItem], str]


class Pictures:
    """The card; out of sight while there is neither camera nor picture. `why` words the reasons of an item's verdict."""

    def __init__(self, page: shell.Page, why: Words) -> None:
        self._page, self._why = page, why
        with Card(page.t("inspection.pictures"), note=page.t("inspection.pictures.note"), testid="inspection-pictures") as card:
            self._status = el("div", "em-shot-status", testid="camera-status")
            self._strip = el("div", "em-shots", testid="inspection-shots")
        self._card = card.root

    def show(self, items: Sequence[InspectedItem], cameras: Sequence[CameraStatus]) -> None:
        """The newest of `items` that have a picture, and how the device's camera fares."""
        pictured = [item for item in items if item.picture is not None][:SHOWN]
        self._card.set_visibility(bool(pictured or cameras))
        self._status.clear()
        with self._status:
            for camera in cameras:
                el("p", "em-quiet", camera_words(camera, self._page.viewer.fmt))
                if not camera.compares:
                    el("p", "em-quiet", self._page.t("inspection.pictures.only_kept"))
        self._strip.clear()
        with self._strip:
            for item in pictured:
                self._small(item)

    def _small(self, item: InspectedItem) -> None:
        shot = el("button", "em-shot", testid=f"shot-{item.number}", type="button")
        shot.on("click", lambda: self.open(item))
        with shot:
            picture(item, self._page.viewer.fmt)
            el("span", "em-shot-words", title_of(item, self._page.lang))

    def open(self, item: InspectedItem) -> None:
        """The picture large, with what is known of the item."""
        page = self._page
        fmt = page.viewer.fmt
        with (
            page.client.layout, ui.dialog(value=True) as dialog,
            el("div", "em-dialog em-dialog-wide", testid="shot-dialog", role="dialog", aria_label=title_of(item, page.lang)),
        ):  # fmt: skip
            el("h2", "em-card-title", title_of(item, page.lang))
            picture(item, fmt)
            moment = f"{fmt.day(item.closed_us)} {fmt.clock(item.closed_us, seconds=True)}"
            el("p", "em-dialog-text", " · ".join(part for part in (moment, item.verdict.model, self._why(item)) if part))
            with el("div", "em-dialog-actions"):
                button(page.t("action.close"), dialog.close, testid="shot-close")
        dialog.on("hide", dialog.delete)


def picture(item: InspectedItem, fmt: Format) -> None:
    """The picture of an item with a frame around the place that deviates most."""
    found = item.picture
    if found is None:
        return
    shape = f"aspect-ratio: {found.width} / {found.height}; --ratio: {found.width / found.height:.4f}"
    with el("span", "em-shot-picture").style(shape):
        source = f"/api/inspection/items/{item.device_id}/{item.number}/picture"
        el("img", src=source, alt=title_of(item, fmt.lang), loading="lazy", draggable="false")
        place = frame_of(found)
        if place:
            el("span", "em-shot-mark", testid="shot-mark", aria_hidden="true").style(place)


def frame_of(found: ItemPicture) -> str:
    """The region as a style, in percent of the picture; a small one is framed with some room around."""
    region = found.region
    if region is None:
        return ""
    width = max(region.width / found.width, SMALLEST_SHARE)
    height = max(region.height / found.height, SMALLEST_SHARE)
    x, y = region.centre
    left = min(max(x / found.width - width / 2, 0.0), 1.0 - width)
    top = min(max(y / found.height - height / 2, 0.0), 1.0 - height)
    return f"left: {left:.2%}; top: {top:.2%}; width: {width:.2%}; height: {height:.2%}"


def title_of(item: InspectedItem, lang: str) -> str:
    """Number and verdict, or what a person said of it."""
    outcome = item.label if item.label is not Outcome.NONE else item.verdict.outcome
    return t("inspection.picture.title", lang, number=item.number, outcome=t(f"inspection.outcome.{outcome.value}", lang))


def camera_words(camera: CameraStatus, fmt: Format) -> str:
    """How a camera fares, in one line."""
    lang = fmt.lang
    told = t("inspection.camera", lang, source=camera.source, n=fmt.number(camera.taken, 0))
    missing = ", ".join(f"{reason_name(name, lang)} {fmt.number(n, 0)}" for name, n in sorted(camera.missing.items()))
    return told + (t("inspection.camera.missing", lang, reasons=missing) if missing else "")

