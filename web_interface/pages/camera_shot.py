"""A picture taken now, in a dialog: what the camera sees, which part of it counts, or why there is none and what to do."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import ui

from domain.camera import NoPicture, Shot
from domain.errors import MonitorError
from web_interface.components import button, el, icon
from web_interface.format import Format
from web_interface.locale import has, t
from web_interface.pages import shell

Take = Callable[[], Awaitable[Shot]]


class ShotDialog:
    """`show(take)` takes a picture and shows it until the user leaves. `area`: shares of the picture that count."""

    def __init__(self, page: shell.Page, device_id: str, area: Any = None) -> None:
        self._page, self._device, self._area = page, device_id, area

    async def show(self, take: Take, on_error: Callable[[MonitorError], object]) -> None:
        """What is wrong with the draft goes to `on_error`, and the dialog is gone."""
        page = self._page
        with (
            page.client.layout, ui.dialog(value=True) as dialog,
            el("div", "em-dialog em-dialog-wide", testid="camera-shot", role="dialog", aria_label=page.t("camera.shot")),
        ):  # fmt: skip
            el("h2", "em-card-title", page.t("camera.shot.title", device=self._device))
            self._box = el("div", "em-camera-shot", testid="camera-shot-box", role="status")
            with el("div", "em-dialog-actions"):
                button(page.t("camera.shot.again"), lambda: self._take(take, dialog, on_error), testid="camera-shot-again")
                button(page.t("action.close"), dialog.close, kind="primary", testid="camera-shot-close")
        dialog.on("hide", dialog.delete)
        await self._take(take, dialog, on_error)

    async def _take(self, take: Take, dialog: ui.dialog, on_error: Callable[[MonitorError], object]) -> None:
        with self._fresh():
            el("p", "em-quiet", self._page.t("camera.shot.waiting"))
        try:
            shot = await take()
        except NoPicture as exc:
            if not dialog.is_deleted:
                self._missing(exc)
        except MonitorError as exc:
            if not dialog.is_deleted:
                dialog.close()
            on_error(exc)
        else:
            if not dialog.is_deleted:
                self._taken(shot)

    def _fresh(self) -> Any:
        self._box.clear()
        return self._box

    def _taken(self, shot: Shot) -> None:
        page, picture = self._page, shot.picture
        with self._fresh():
            shape = f"aspect-ratio: {picture.width} / {picture.height}; --ratio: {picture.width / picture.height:.4f}"
            with el("span", "em-shot-picture").style(shape):
                source = "data:image/jpeg;base64," + base64.b64encode(picture.jpeg).decode()
                el("img", testid="camera-shot-picture", src=source, alt=page.t("camera.shot.title", device=self._device))
                place = area_style(self._area)
                if place:
                    el("span", "em-shot-area", testid="camera-shot-area", aria_hidden="true").style(place)
            el("p", "em-dialog-text", shot_words(shot, page.viewer.fmt, page.hub.shop().now_us), "camera-shot-words")
            if place:
                el("p", "em-quiet", page.t("camera.shot.area"))

    def _missing(self, exc: NoPicture) -> None:
        with self._fresh():
            with el("p", "em-form-trouble", testid="camera-shot-missing"):
                icon("error", "em-alarm")
                el("span", text=missing_words(exc, self._page.lang))
            if exc.detail:
                el("p", "em-quiet em-mono", exc.detail, "camera-shot-detail")


def missing_words(exc: NoPicture, lang: str) -> str:
    """Why there is no picture, and what to do about it."""
    key = f"camera.missing.{exc.reason}"
    return t(key if has(key, lang) else "camera.missing.other", lang)


def shot_words(shot: Shot, fmt: Format, now_us: int) -> str:
    """Size, time taken, and of a file its name and age."""
    said = t(
        "camera.shot.words", fmt.lang, width=shot.picture.width, height=shot.picture.height,
        kb=fmt.number(max(1.0, shot.size_bytes / 1000), 0), ms=fmt.number(1000 * shot.took_s, 0),
    )  # fmt: skip
    if not shot.name:
        return said
    return t("camera.shot.file", fmt.lang, name=shot.name, moment=fmt.moment(shot.taken_us, now_us)) + " " + said


def area_style(area: Any) -> str:
    """The part that counts as a style, in percent of the picture; empty for the whole."""
    if not isinstance(area, list | tuple) or len(area) != 4 or list(area) == [0, 0, 1, 1]:
        return ""
    left, top, right, bottom = (float(share) for share in area)
    return f"left: {left:.2%}; top: {top:.2%}; width: {right - left:.2%}; height: {bottom - top:.2%}"


def area_of(entry: Mapping[str, Any]) -> Any:
    """Of an entry of the section inspections."""
    return dict(entry.get("camera") or {}).get("area")
