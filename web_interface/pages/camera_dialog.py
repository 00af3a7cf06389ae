"""A camera in a dialog: which fields it asks follows from where its pictures come from; it can be tried before it is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from domain.errors import MonitorError
from web_interface.components import button, choice_field, el, notify
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.admin_form import Form
from web_interface.pages.camera_fields import camera_fields, entry_of, shown, sources
from web_interface.pages.camera_shot import ShotDialog, area_of


class CameraDialog:
    """`await ask()` is True once the camera is saved. `device_id` None makes a new one, of one of `devices`."""

    def __init__(self, page: shell.Page, device_id: str | None = None, devices: Sequence[str] = ()) -> None:
        self._page, self._id, self._devices = page, device_id, devices
        self._stored: Mapping[str, Any] = {} if device_id is None else page.services.plant.entry("inspections", device_id)
        self._values = shown(self._stored)
        if device_id is None:
            self._values["device"] = devices[0] if devices else None
        camera = self._values.get("camera") or {}
        self._source = "folder" if "folder" in camera else "url"
        self._sealed = False
        self._form: Form

    async def ask(self) -> bool:
        """Show it and wait."""
        page, t = self._page, self._page.t
        self._sealed = self._id is not None and await page.services.plant.has_password(self._id, "camera")
        title = t("camera.new") if self._id is None else t("camera.edit", device=self._id)
        named = {"role": "dialog", "aria_label": title}
        with ui.dialog() as self._dialog, el("div", "em-dialog em-dialog-wide", testid="camera-dialog", **named):
            el("h2", "em-card-title", title)
            choice_field(
                t("camera.source"), sources(page.lang), self._source, testid="camera-source", hint=t("camera.hint.source"),
                on_change=self._switch,
            )  # fmt: skip
            self._box = el("div", "em-admin-form-box")
            with el("div", "em-dialog-actions"):
                button(t("action.cancel"), lambda: self._dialog.submit(False), testid="camera-cancel")
                button(t("camera.try"), self._try, icon_name="photo_camera", testid="camera-try")
                button(t("action.save"), self._save, kind="primary", testid="camera-save")
        self._draw()
        answer = await self._dialog
        if not self._dialog.is_deleted:  # else the page is gone
            self._dialog.delete()
        return bool(answer)

    def _draw(self) -> None:
        self._box.clear()
        devices = self._devices if self._id is None else ()
        with self._box:
            fields = camera_fields(self._source, self._page.lang, devices=devices, stored=self._sealed)
            self._form = Form(fields, self._values, lang=self._page.lang, testid="camera-form")

    def _switch(self, source: str) -> None:
        """What both sources have stays as it was typed."""
        if source == self._source:
            return
        typed = self._form.values()
        self._values = {**self._values, **typed, "camera": {**self._values.get("camera", {}), **_of(typed)}}
        self._source = source
        self._draw()

    def _entry(self) -> dict[str, Any] | None:
        """As it would be saved; None after saying at the fields what is wrong."""
        if not self._form.check():
            return None
        values = self._form.values()
        return entry_of({"device": self._id or values.get("device"), "camera": _of(values)}, self._stored)

    async def _try(self) -> None:
        entry, page = self._entry(), self._page
        if entry is None:
            return
        dialog = ShotDialog(page, str(entry["device"]), area_of(entry))
        await dialog.show(
            lambda: page.services.plant.try_camera(entry, page.actor(), new=self._id is None), self._show_errors
        )

    async def _save(self) -> None:
        entry, page = self._entry(), self._page
        if entry is None:
            return
        new, known = self._id is None, None if self._id is None else self._stored
        if await admin_frame.attempt(
            page, lambda: page.services.plant.save_camera(entry, page.actor(), new=new, known=known), self._show_errors
        ):
            self._dialog.submit(True)
            notify(page.t("admin.saved"))

    def _show_errors(self, exc: MonitorError) -> None:
        device_id = self._id or self._form["device"]
        self._form.show(admin_words.troubles(exc, self._page.lang, own=f"inspections[{device_id}]"))


def _of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the camera among the form's."""
    return dict(values.get("camera") or {})
