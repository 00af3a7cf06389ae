"""One device: its form, and what it answers now. Nothing is ever written to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui
from starlette.responses import Response

from domain.access import Role
from domain.errors import MonitorError, NotFound
from domain.plant import Device, Line, Machine
from domain.profile import Profile
from web_interface.components import Card, Confirm, Hub, button, el, icon, link_button, notify
from web_interface.pages import admin_device_fields as spec
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.admin_form import NONE, Form
from web_interface.pages.admin_line_dialog import LineDialog
from web_interface.pages.admin_line_fields import CARRIES
from web_interface.pages.admin_read import ReadPanel
from web_interface.pages.node_picker import NodePicker
from web_interface.services import Services

LIST = "/admin/devices"
FORM = f"{LIST}/new/form"
PROFILES = "/admin/profiles"
WITH_TREE = frozenset({"opcua"})  # transports whose servers show what they have
_FIRST = ("id", "profile", "line", "address", "scan_s")


def register(services: Services, hub: Hub) -> None:
    """The pages at /admin/devices/new/form and /admin/devices/ID/edit."""

    @ui.page(FORM, title="")
    async def new_device_page(line: str = "", like: str = "") -> Response | None:
        return await _show(services, hub, None, line, like)

    @ui.page(f"{LIST}/{{device_id}}/edit", title="")
    async def device_page(device_id: str) -> Response | None:
        return await _show(services, hub, device_id, "")


async def _show(services: Services, hub: Hub, device_id: str | None, line: str, like: str = "") -> Response | None:
    if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
        return answer
    title = device_id or admin_frame.text_for(services, "admin.device.new")
    with admin_frame.section_page(services, hub, "devices", title=title, parent=LIST) as page:
        try:
            stored = {} if not (device_id or like) else dict(services.plant.entry("devices", device_id or like))
        except NotFound as exc:
            el("p", "em-quiet", admin_words.said(exc, page.lang), "device-unknown")
            return None
        DevicePage(page, device_id, stored, line, like).build()
    return None


class DevicePage:
    """A device that is edited, or a new one. `stored`: its fields as they are kept, or those of `like`, of which it is a copy."""

    def __init__(self, page: shell.Page, device_id: str | None, stored: dict[str, object], line: str, like: str = "") -> None:
        self._page, self._id, self._stored = page, device_id, stored
        known = device_id or like
        self._known = dict(stored) if device_id is not None else None
        self._draft: dict[str, Any] = dict(stored)
        if device_id is None:
            self._draft |= self._first_draft(line or str(stored.get("line", ""))) | {"scan_s": stored.get("scan_s", 1)}
        self._device: Device | None = page.services.plant.plant.device(known) if known else None
        self._before = self._machine_of(device_id)
        self._draft["machine"] = self._before.id if self._before is not None else NONE
        self._form: Form
        self._advanced: Form | None = None

    # ---- drawing -----------------------------------------------------------------------------------------------------
    def build(self) -> None:
        """The form on top, below it what the device answers, at the foot what can be done."""
        page = self._page
        with Card(page.t("admin.device.form"), testid="device-card") as card:
            with card.tools:
                words = page.t("nodes.button")
                self._nodes = button(words, self._pick, icon_name="account_tree", small=True, testid="device-nodes")
                button(page.t("admin.line.new"), self._new_line, icon_name="add", small=True, testid="device-new-line")
            self._form_box = el("div", "em-admin-form-box")
        self._draw_form()
        self._panel = ReadPanel(page, self._read_fields, self._show_errors, self._set_order, self._order)
        with el("footer", "em-card em-admin-foot", testid="device-foot"):
            link_button(page.t("action.cancel"), LIST, testid="device-cancel")
            if self._id is not None:
                button(page.t("action.delete"), self._delete, kind="danger", testid="device-delete")
            el("span", "em-quiet em-admin-foot-words", page.t("admin.device.nothing_written"))
            with el("div", "em-admin-foot-right"):
                self._panel.build_copy()
                button(page.t("admin.read.do"), self._panel.read, icon_name="refresh", testid="read-now")
                button(page.t("action.save"), self._save, kind="primary", icon_name="done", testid="device-save")

    def _draw_form(self) -> None:
        page, lang = self._page, self._page.lang
        plant = page.services.plant.plant
        line, profile = self._line(), self._profile()
        fields = spec.main_fields(
            plant, page.services.plant.profiles(), line, lang, new=self._id is None, in_place=self._in_place
        )
        fields += spec.address_fields(line, profile.protocol if profile is not None else "", lang)
        fields += spec.machine_fields(plant, self._draft.get("machine"), lang)
        if profile is not None:
            fields += spec.option_fields(profile, self._device, lang)
        self._nodes.set_visibility(line is not None and line.transport in WITH_TREE and (self._id is None or self._in_place))
        self._form_box.clear()
        with self._form_box:
            self._form = Form(fields, self._draft, lang=lang, testid="device-form", on_change=self._changed)
            self._advanced = None
            if profile is None and self._in_place:
                self._draw_note(self._page.t("admin.device.in_place", n=self._own_points()))
            if profile is not None:
                self._draw_notes(profile)
                if profile.name in {entry.name for entry in page.services.profiles.entries()}:
                    with el("p", "em-device-profile"):
                        words = page.t("profile.open", name=profile.name)
                        el("a", "em-link", words, "device-profile", href=f"{PROFILES}/{profile.name}")
                with el("details", "em-more", testid="device-advanced"):
                    el("summary", text=page.t("admin.device.advanced"))
                    extra = spec.advanced_fields(profile, lang)
                    self._advanced = Form(extra, self._draft, lang=lang, testid="device-more")

    def _draw_notes(self, profile: Profile) -> None:
        note = profile.notes.get(self._page.lang) or profile.notes.get("en") or ""
        self._draw_note(self._page.t("admin.device.in_place", n=self._own_points()) if self._in_place else note)

    def _own_points(self) -> int:
        points = self._stored.get("points")
        return len(points) if isinstance(points, list) else 0

    def _draw_note(self, note: str) -> None:
        if note:
            with el("div", "em-admin-note", testid="device-note"):
                icon("lightbulb")
                el("p", text=note)

    # ---- what stands in it -------------------------------------------------------------------------------------------
    def _first_draft(self, line: str) -> dict[str, Any]:
        plant = self._page.services.plant.plant
        known = [known.id for known in plant.lines]
        chosen = line if line in known else known[0] if known else None
        draft: dict[str, Any] = {"id": spec.free_id(device.id for device in plant.devices), "line": chosen, "scan_s": 1}
        if chosen is not None:
            draft["address"] = spec.free_address(plant, chosen)
        return draft

    def _line(self) -> Line | None:
        return next((line for line in self._page.services.plant.plant.lines if line.id == self._draft.get("line")), None)

    def _profile(self) -> Profile | None:
        if "points" in self._stored:
            return self._device.profile if self._device is not None else None
        name = self._draft.get("profile")
        return next((profile for profile in self._page.services.plant.profiles() if profile.name == name), None)

    def _machine_of(self, device_id: str | None) -> Machine | None:
        machines = self._page.services.plant.plant.machines
        return next((m for m in machines if device_id is not None and m.meter == device_id), None)

    def _changed(self, name: str) -> None:
        """A new line, profile or machine asks other fields."""
        if name not in {"line", "profile", "machine"} or self._form[name] == self._draft.get(name):
            return
        self._keep()
        line, profile = self._line(), self._profile()
        if name == "line" and line is not None:
            if profile is not None and profile.protocol not in CARRIES[line.transport]:
                self._draft.pop("profile", None)
            if self._id is None:
                self._draft["address"] = spec.free_address(self._page.services.plant.plant, line.id)
        self._draw_form()

    def _keep(self) -> None:
        """The draft is what the controls show, empty ones included."""
        for form in filter(None, (self._form, self._advanced)):
            shown = form.values()
            for known in form.names:
                self._draft.pop(known, None)
            self._draft |= shown
        self._draft.setdefault("machine", NONE)

    def _fields(self) -> dict[str, Any]:
        """The fields of a plant file's device; what the form does not show is kept while the profile stands."""
        self._keep()
        profile = self._profile()
        own = spec.option_names(profile) if profile is not None else set()
        shown = {"id", "line", "profile", "address", "scan_s", *own}
        fields = {name: value for name, value in self._draft.items() if name in shown}
        if self._stored.get("profile") == fields.get("profile"):
            fields |= {name: value for name, value in self._stored.items() if name not in shown}
        if self._id is not None:
            fields["id"] = self._id
        first = [name for name in _FIRST if name in fields]  # the order in which a person reads them in the file
        return {name: fields[name] for name in (*first, *(name for name in fields if name not in _FIRST))}

    # ---- reading -----------------------------------------------------------------------------------------------------
    def _read_fields(self) -> tuple[Mapping[str, object], Profile | None] | None:
        """What is to be read; None after saying at the fields what is missing."""
        if not self._check(("line", "profile", "address")):
            return None
        fields = self._fields()
        if not fields.get("id"):
            fields.pop("id", None)
        return fields, self._profile()

    def _order(self) -> str:
        profile = self._profile()
        form = next((f for f in (self._form, self._advanced) if f is not None and "word_order" in f), None)
        chosen = form["word_order"] if form is not None else None
        return str(chosen or (spec.native_order(profile) if profile is not None else ""))

    def _set_order(self, order: str) -> None:
        for form in filter(None, (self._form, self._advanced)):
            if "word_order" in form:
                form.set("word_order", order)

    # ---- nodes -------------------------------------------------------------------------------------------------------
    @property
    def _in_place(self) -> bool:
        return "points" in self._stored

    async def _pick(self) -> None:
        """Points of the device chosen from its server's tree; a new device then needs no profile."""
        line = self._line()
        stored = self._stored.get("points")
        if line is None:
            return
        points = await NodePicker(self._page, line.id, stored if isinstance(stored, list) else []).ask()
        if points is None:
            return
        self._keep()
        if points:
            self._stored["points"] = points
            self._draft.pop("profile", None)
        else:
            self._stored.pop("points", None)
        self._draw_form()

    # ---- saving ------------------------------------------------------------------------------------------------------
    def _check(self, only: tuple[str, ...] = ()) -> bool:
        good = self._form.check(only)
        return (self._advanced is None or self._advanced.check()) and good

    def _show_errors(self, exc: MonitorError) -> None:
        device_id = self._id or str(self._draft.get("id") or "draft")
        found = admin_words.troubles(exc, self._page.lang, own=f"devices[{device_id}]")
        more = [x for x in found if self._advanced is not None and x.field in self._advanced and x.field not in self._form]
        if self._advanced is not None:
            self._advanced.show(more)
        self._form.show([x for x in found if x not in more])
        notify(self._page.t("admin.errors", n=len(found)), good=False)

    async def _save(self) -> None:
        if not self._check():
            return
        page, fields = self._page, self._fields()
        plant = page.services.plant
        if await admin_frame.attempt(
            page, lambda: plant.save_device(fields, page.actor(), new=self._id is None, known=self._known), self._show_errors
        ) and await self._assign(str(fields["id"])):
            ui.navigate.to(f"{LIST}?saved={fields['id']}")

    async def _assign(self, device_id: str) -> bool:
        """Give the meter to its machine, and take it from the one that had it."""
        page, plant = self._page, self._page.services.plant
        chosen = str(self._draft.get("machine") or NONE)
        if self._before is not None and chosen != self._before.id:
            freed = {k: v for k, v in plant.entry("machines", self._before.id).items() if k != "meter"}
            if not await admin_frame.attempt(page, lambda: plant.save_machine(freed, page.actor(), new=False)):
                return False
        if chosen == NONE or (self._before is not None and chosen == self._before.id):
            return True
        if chosen == spec.NEW_MACHINE:
            machine = spec.new_machine(page.services.plant.plant, self._draft, device_id)
        else:
            machine = dict(plant.entry("machines", chosen))
        machine["meter"] = device_id
        new = chosen == spec.NEW_MACHINE
        return await admin_frame.attempt(page, lambda: plant.save_machine(machine, page.actor(), new=new))

    async def _delete(self) -> None:
        page, device_id = self._page, str(self._id)
        words = page.t("admin.device.delete.words", id=device_id)
        confirm = Confirm(page.lang, page.t("admin.device.delete"), words, page.t("action.delete"), testid="delete")
        if await confirm.ask() and await admin_frame.attempt(
            page, lambda: page.services.plant.delete_device(device_id, page.actor())
        ):
            ui.navigate.to(LIST)

    async def _new_line(self) -> None:
        line_id = await LineDialog(self._page).ask()
        if line_id is not None:
            self._keep()
            self._draft["line"] = line_id
            self._draft["address"] = spec.free_address(self._page.services.plant.plant, line_id)
            line, profile = self._line(), self._profile()
            if line is not None and profile is not None and profile.protocol not in CARRIES[line.transport]:
                self._draft.pop("profile", None)
            self._draw_form()


__all__ = ["FORM", "LIST", "DevicePage", "register"]
