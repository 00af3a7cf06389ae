"""Trying a profile that is being edited: a device or an address of a line is read once, the answers go to the table of points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from domain.commissioning import ReadNow
from domain.errors import MonitorError
from web_interface.components import button, choice_field, el, icon, number_field
from web_interface.pages import admin_frame, admin_read_view, shell
from web_interface.pages import profile_table as table
from web_interface.pages.admin_line_fields import CARRIES

_DEVICE, _LINE = "device:", "line:"
_ADDRESSED = ("modbus", "mercury")


class TryBar:
    """Draws into the present slot. `document()`: what is tried; `on_answers`: what was read, by row of the table."""

    def __init__(
        self,
        page: shell.Page,
        name: str,
        document: Callable[[], Mapping[str, object]],
        protocol: Callable[[], str],
        on_answers: Callable[[Any], object],
        on_error: Callable[[MonitorError], object],
    ) -> None:
        self._page, self._name, self._document = page, name, document
        self._on_answers, self._on_error = on_answers, on_error
        self._protocol, self._busy = protocol, False
        targets = self._targets()
        with el("div", "em-try", testid="try-bar"):
            if not targets:
                icon("cable")
                el("span", "em-quiet", page.t("profile.try.nowhere", protocol=protocol() or "—"), "try-nowhere")
                return
            first = next(iter(targets))
            self._target = choice_field(
                page.t("profile.try.on"), targets, first, testid="try-target", on_change=self._chosen, search=len(targets) > 12
            )
            label = page.t("admin.field.address")
            self._address = number_field(label, 1, testid="try-address", lang=page.lang, whole=True, low=0)
            self._address_box = self._address.parent_slot.parent if self._address.parent_slot is not None else self._address
            button(page.t("admin.read.do"), self._read, icon_name="refresh", testid="try-read")
            self._said = el("span", "em-try-said", testid="try-said", role="status")
        self._chosen(first)

    def _targets(self) -> dict[str, str]:
        """Devices and lines that speak the protocol; those read by this profile first."""
        page, protocol = self._page, self._protocol()
        plant = page.services.plant.plant
        lines = {line.id: line for line in plant.lines if protocol in CARRIES[line.transport]}
        devices = [d for d in plant.devices if d.line in lines and d.profile.protocol == protocol]
        devices.sort(key=lambda device: device.profile.name != self._name)
        found = {f"{_DEVICE}{d.id}": page.t("profile.try.device", id=d.id, line=d.line) for d in devices}
        return found | {f"{_LINE}{line.id}": page.t("profile.try.line", line=line.id) for line in lines.values()}

    def _chosen(self, target: object) -> None:
        typed = str(target or "").startswith(_LINE) and self._protocol() in _ADDRESSED
        self._address_box.set_visibility(typed)

    def _asked(self) -> dict[str, object]:
        kind, _, wanted = str(self._target.value or "").partition(":")
        if f"{kind}:" == _DEVICE:
            return {"device": wanted}
        value = self._address.value
        if value is None or self._protocol() not in _ADDRESSED:
            return {"line": wanted}
        return {"line": wanted, "address": int(value) if value == int(value) else value}

    async def _read(self) -> None:
        if self._busy:
            return
        self._busy = True
        page, document = self._page, dict(self._document())
        self._said.text = page.t("profile.try.reading")
        self._said.classes(remove="em-alarm em-good")
        answers: list[ReadNow] = []

        async def act() -> None:
            answers.append(await page.services.profiles.read_now(self._name, document, self._asked(), page.actor()))

        try:
            done = await admin_frame.attempt(page, act, self._on_error)
        finally:
            self._busy = False
        if self._said.is_deleted:
            return
        if not done:
            self._said.text = ""
            return
        self._show(answers[0], document)

    def _show(self, read: ReadNow, document: Mapping[str, object]) -> None:
        page, fmt = self._page, self._page.viewer.fmt
        if read.error is not None:
            self._said.text = f"{page.t('admin.read.failed')} {admin_read_view.advice(read.error, page.lang)}"
            self._said.classes(add="em-alarm")
            return
        draft = page.services.profiles.check(self._name, document)
        if draft.readable is not None:
            self._on_answers(table.answers(read, draft.readable, document, fmt))
        self._said.text = page.t("profile.try.took", n=len(read.rows), ms=fmt.number(read.seconds * 1000, 0))
        self._said.classes(add="em-good")
