"""A device is connected step by step: line, address, profile, read, name and machine. Nothing is stored before the last step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from nicegui import ui
from starlette.responses import Response

from domain.access import Role
from domain.alert import LimitRule
from domain.commissioning import Answer, Connected, Connection, Found
from domain.errors import MonitorError
from domain.plant import Line
from domain.profile import Profile
from web_interface.components import Card, Hub, button, el, empty, facts, icon, link_button, notify
from web_interface.pages import admin_device_fields as spec
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages import wizard_view as view
from web_interface.pages.admin_device import FORM, LIST
from web_interface.pages.admin_form import NONE, Field, Form
from web_interface.pages.admin_line_dialog import LineDialog
from web_interface.pages.admin_line_fields import CARRIES, line_name
from web_interface.pages.admin_read import ReadPanel
from web_interface.pages.wizard_points import PointsPanel
from web_interface.pages.wizard_scan import ScanPanel
from web_interface.services import Services

PATH = f"{LIST}/new"
_ADDRESSED = ("modbus", "mercury")
_OWN = ("line", "address", "profile", "machine", "machine_name", "machine_section", "states", "limit")  # not a profile's options
_POWER = "active_power"


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/devices/new."""

    @ui.page(PATH, title="")
    async def wizard_page(line: str = "") -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        title = admin_frame.text_for(services, "wizard.title")
        with admin_frame.section_page(services, hub, "devices", title=title, parent=LIST) as page:
            WizardPage(page, line).build()
        return None


class WizardPage:
    """One open wizard. `_draft`: what was said so far, named as a plant file's device; `_new_line`: a line that joins with it."""

    def __init__(self, page: shell.Page, line: str) -> None:
        self._page = page
        plant = page.services.plant.plant
        known = [known.id for known in plant.lines]
        self._draft: dict[str, Any] = {
            "id": spec.free_id(device.id for device in plant.devices), "scan_s": 1, "machine": spec.NEW_MACHINE,
            "line": line if line in known else known[0] if len(known) == 1 else None,
        }  # fmt: skip
        self._new_line: dict[str, object] | None = None
        self._drafted: Line | None = None
        self._found: dict[int, Answer] = {}
        self._heard: list[Found] = []
        self._done: Connected | None = None
        self._form: Form | None = None
        self._scan: ScanPanel | None = None
        self._panel: ReadPanel | None = None
        self._step = "line"

    # ---- drawing -----------------------------------------------------------------------------------------------------
    def build(self) -> None:
        """The strip of steps, the present one, and what can be done at its foot."""
        self._strip = el("ol", "em-steps", testid="wizard-steps")
        self._box = el("div", "em-wizard", testid="wizard")
        self._foot = el("footer", "em-card em-admin-foot", testid="wizard-foot")
        self._go("line")

    def _go(self, step: str, troubles: Sequence[admin_words.Trouble] = ()) -> None:
        """Draw a step, with what is wrong at its fields."""
        self._leave()
        self._step = step
        self._draw_strip()
        self._box.clear()
        with self._box:
            draw: dict[str, Callable[[], None]] = {
                "line": self._draw_line, "address": self._draw_address, "profile": self._draw_profile,
                "read": self._draw_read, "name": self._draw_name, "done": self._draw_done,
            }  # fmt: skip
            draw[step]()
            self._wrong = el("div", "em-form-troubles", testid="wizard-wrong", role="alert")
        self._show_here(troubles)
        self._draw_foot()

    def _show_here(self, troubles: Sequence[admin_words.Trouble]) -> None:
        """At the fields of the present step, below it where it asks none."""
        if self._form is not None and troubles:
            self._form.show(troubles)
            return
        self._wrong.clear()
        with self._wrong:
            for trouble in troubles:
                with el("div", "em-form-trouble"):
                    icon("error", "em-alarm")
                    el("span", text=f"{trouble.place}: {trouble.words}" if trouble.place else trouble.words)

    def _say(self, words: str, *, good: bool = True) -> None:
        """From a part of the page that stays: the pressed button may be gone with its step."""
        with self._strip:
            notify(words, good=good)

    def _leave(self) -> None:
        """Nothing of a step goes on behind the next."""
        if self._scan is not None:
            self._scan.stop()
        self._form = self._scan = self._panel = None

    def _draw_strip(self) -> None:
        page, at, line = self._page, view.STEPS.index(self._step), self._line()
        points = line is not None and not self._has_addresses(line)
        self._strip.clear()
        with self._strip:
            for n, name in enumerate(view.STEPS):
                state = "now" if n == at else "past" if n < at else "next"
                attrs = {"aria_current": "step"} if n == at else {}
                with el("li", f"em-step em-step-{state}", testid=f"step-{name}", **attrs):
                    el("span", "em-step-n", "✓" if n < at else str(n + 1), aria_hidden="true")
                    words = page.t("wizard.step.points" if name == "address" and points else f"wizard.step.{name}")
                    if n < at and self._done is None:
                        button(words, partial(self._back_to, name), kind="quiet", small=True)
                    else:
                        el("span", text=words)

    def _draw_foot(self) -> None:
        page, at = self._page, view.STEPS.index(self._step)
        self._foot.clear()
        self._foot.set_visibility(self._step != "done")
        with self._foot:
            if at == 0:
                link_button(page.t("action.cancel"), LIST, testid="wizard-cancel")
            else:
                back = "address" if self._step == "read" and self._points() else view.STEPS[max(0, at - 1)]
                button(page.t("wizard.back"), lambda: self._back_to(back), icon_name="arrow_back", testid="wizard-back")
            el("span", "em-quiet em-admin-foot-words", page.t("wizard.nothing_stored"))
            with el("div", "em-admin-foot-right"):
                if self._panel is not None:
                    self._panel.build_copy()
                    button(page.t("admin.read.do"), self._panel.read, icon_name="refresh", testid="read-now")
                last = self._step == "name"
                words, act = ("wizard.connect", self._connect) if last else ("wizard.next", self._next)
                button(page.t(words), act, kind="primary", icon_name="done" if last else "arrow_forward", testid="wizard-next")

    def _draw_line(self) -> None:
        page = self._page
        plant = page.services.plant.plant
        lines = {known.id: line_name(known, page.lang) for known in plant.lines}
        if self._drafted is not None:
            lines[self._drafted.id] = f"{line_name(self._drafted, page.lang)} · {page.t('wizard.line.new')}"
        with Card(page.t("wizard.line.title"), testid="wizard-line") as card:
            with card.tools:
                button(page.t("admin.line.new"), self._ask_line, icon_name="add", small=True, testid="wizard-new-line")
            el("p", "em-quiet", page.t("wizard.line.words"))
            if lines:
                field = Field("line", "choice", page.t("admin.field.line"), options=lines, required=True, wide=True)
                self._form = Form([field], self._draft, lang=page.lang, testid="wizard-form")
            else:
                empty("cable", page.t("wizard.line.none"), page.t("wizard.line.none.words"), testid="wizard-no-line")
            el("a", "em-link", page.t("wizard.form_instead"), "wizard-form-link", href=FORM)

    def _draw_address(self) -> None:
        page, line = self._page, self._line()
        if line is None:
            return
        if not self._has_addresses(line):
            PointsPanel(page, self._asked_line(line), line.transport, self._draft, self._heard).build()
            return
        with Card(page.t("wizard.address.title"), note=line_name(line, page.lang), testid="wizard-address"):
            fields = spec.address_fields(line, self._protocol(line), page.lang)[:1]
            self._form = Form(fields, self._draft, lang=page.lang, testid="wizard-form")
        with Card(page.t("wizard.scan.title"), testid="wizard-scan"):
            el("p", "em-quiet", page.t("wizard.scan.words"))
            self._scan = ScanPanel(page, self._asked_line(line), self._found, self._take)

    def _draw_profile(self) -> None:
        page, line, profile = self._page, self._line(), self._profile()
        answer = self._found.get(int(self._draft.get("address") or 0))
        with Card(page.t("wizard.profile.title"), testid="wizard-profile"):
            if answer is not None and answer.profiles:
                with el("div", "em-admin-note", testid="wizard-recognised"):
                    icon("verified" if answer.told else "help_outline")
                    el("p", text=page.t("wizard.recognised" if answer.told else "wizard.guessed"))
            fields = [spec.profile_field(page.services.plant.profiles(), line, page.lang)]
            if profile is not None:
                fields += spec.option_fields(profile, None, page.lang)
            self._form = Form(fields, self._draft, lang=page.lang, testid="wizard-form", on_change=self._profile_changed)
            note = (profile.notes.get(page.lang) or profile.notes.get("en") or "") if profile is not None else ""
            if note:
                with el("div", "em-admin-note", testid="device-note"):
                    icon("lightbulb")
                    el("p", text=note)

    def _draw_read(self) -> None:
        page = self._page
        with Card(page.t("wizard.read.title"), testid="wizard-read"):
            el("p", "em-quiet", page.t("wizard.read.words"))
        self._panel = ReadPanel(
            page, lambda: (self._device(), self._profile()), self._show_errors, self._set_order, self._order, self._new_line_of
        )

    def _draw_name(self) -> None:
        page, lang, profile = self._page, self._page.lang, self._profile()
        plant, line = page.services.plant.plant, self._line()
        machine = self._draft.get("machine")
        hint = page.t("admin.hint.id")
        fields = spec.machine_fields(plant, machine, lang)
        if machine == spec.NEW_MACHINE:
            fields += [spec.border_field(f"{name}_above_kw", name, lang) for name in ("idle", "production")]
        fields.append(Field("id", "text", page.t("admin.field.id"), required=True, mono=True, hint=hint))
        fields += spec.address_fields(line, "", lang)
        tags = {point.tag for point in profile.points} if profile is not None else {str(p.get("tag")) for p in self._points()}
        if _POWER in tags:
            kw = page.t("unit.kW")
            fields += [
                Field(f"limit.{name}", "number", page.t(f"wizard.limit.{name}"), unit=kw, hint=page.t("wizard.limit.hint"))
                for name in ("high", "critical_high")
            ]
        with Card(page.t("wizard.name.title"), testid="wizard-name"):
            el("p", "em-quiet", page.t("wizard.name.words"))
            self._form = Form(fields, self._draft, lang=lang, testid="wizard-form", on_change=self._machine_changed)

    def _draw_done(self) -> None:
        page, done = self._page, self._done
        if done is None:
            return
        machines = {machine.id: machine.name for machine in page.services.plant.plant.machines}
        machine = machines.get(done.machine or done.joined or "", "")
        profile = self._profile()
        rows = [
            (page.t("status.col.device"), done.device),
            (page.t("status.col.profile"), spec.profile_name(profile, page.lang) if profile is not None
             else page.t("wizard.own_points", n=len(self._points()))),
            (page.t("status.col.line"), str(self._draft["line"])),
            (page.t("admin.field.address"), str(self._draft.get("address") or "—")),
            (page.t("status.col.machine"), machine or page.t("admin.device.no_machine")),
        ]
        with Card(page.t("wizard.done.title"), testid="wizard-done"):
            with el("div", "em-wizard-done em-good"):
                icon("check_circle")
                el("b", text=page.t("wizard.done.words", id=done.device))
            facts(rows)
            with el("div", "em-wizard-done-actions"):
                button(page.t("wizard.undo"), self._undo, icon_name="undo", testid="wizard-undo")
                again = f"{PATH}?line={self._draft['line']}"
                link_button(page.t("wizard.another"), again, icon_name="add", testid="wizard-another")
                link_button(page.t("wizard.to_list"), f"{LIST}?saved={done.device}", kind="primary", testid="wizard-list")

    # ---- what was said -----------------------------------------------------------------------------------------------
    def _line(self) -> Line | None:
        wanted = self._draft.get("line")
        if self._drafted is not None and self._drafted.id == wanted:
            return self._drafted
        return next((line for line in self._page.services.plant.plant.lines if line.id == wanted), None)

    def _new_line_of(self) -> dict[str, object] | None:
        """The drafted line where it is the chosen one."""
        return self._new_line if self._drafted is not None and self._drafted.id == self._draft.get("line") else None

    def _asked_line(self, line: Line) -> str | Mapping[str, object]:
        return self._new_line_of() or line.id

    def _points(self) -> list[dict[str, object]]:
        """Points that were chosen for the device; it then needs no profile."""
        return self._draft.get("points") or []

    def _profile(self) -> Profile | None:
        if self._points():
            return None
        name = self._draft.get("profile")
        return next((profile for profile in self._page.services.plant.profiles() if profile.name == name), None)

    @staticmethod
    def _has_addresses(line: Line) -> bool:
        return any(protocol in _ADDRESSED for protocol in CARRIES[line.transport])

    def _protocol(self, line: Line) -> str:
        """Whose range of addresses the field names: of the wider protocol where both may be meant."""
        profile = self._profile()
        return profile.protocol if profile is not None and profile.protocol in CARRIES[line.transport] else "modbus"

    def _device(self) -> dict[str, Any]:
        profile = self._profile()
        own = spec.option_names(profile) if profile is not None else set()
        names = ("id", "profile", "line", "address", "scan_s", *sorted(own))
        if points := self._points():
            names = ("id", "line", "scan_s", "agent_device")
        found = {name: self._draft[name] for name in names if self._draft.get(name) is not None}
        return {**found, "points": [dict(point) for point in points]} if points else found

    def _connection(self, *, whole: bool) -> Connection:
        """What would join; before its last step without machine and limits."""
        draft, plant, device = self._draft, self._page.services.plant.plant, self._device()
        if not whole:
            return Connection(device, self._new_line_of())
        chosen = draft.get("machine") or NONE
        machine: dict[str, object] | None = None
        if chosen == spec.NEW_MACHINE:
            machine = spec.new_machine(plant, draft, str(device["id"]))
            machine |= {"states": states} if (states := draft.get("states")) else {}
        elif chosen != NONE:
            machine = dict(self._page.services.plant.entry("machines", chosen))
        borders = draft.get("limit") or {}
        limits = [LimitRule(f"{device['id']}.{_POWER}", **borders)] if borders else []
        return Connection(device, self._new_line_of(), machine, chosen == spec.NEW_MACHINE, limits)

    def _keep(self) -> None:
        """The draft is what the controls of the present step show, empty ones included."""
        if self._form is None:
            return
        shown = self._form.values()
        for name in self._form.names:
            self._draft.pop(name.partition(".")[0], None)
        self._draft |= shown
        if self._step == "name":
            self._draft.setdefault("machine", NONE)
            self._draft.setdefault("scan_s", 1)

    # ---- moving ------------------------------------------------------------------------------------------------------
    def _back_to(self, step: str) -> None:
        self._keep()
        self._go(step)

    async def _next(self) -> None:
        if self._form is not None and not self._form.check():
            return
        if self._step == "line" and self._form is None:
            self._say(self._page.t("wizard.line.none"), good=False)
            return
        before = self._draft.get("line")
        self._keep()
        if self._step == "line":
            if before != self._draft.get("line"):
                self._forget_line()
            self._go("address")
        elif self._step == "address" and not self._points():
            self._recognise()
            self._go("profile")
        elif self._step in {"address", "profile"}:
            await self._check_and_read()
        else:
            self._go("name")

    async def _check_and_read(self) -> None:
        plant, page = self._page.services.plant, self._page
        wanted = self._connection(whole=False)
        if await admin_frame.attempt(page, lambda: plant.check_connection(wanted, page.actor()), self._show_errors):
            self._go("read")
            if self._panel is not None:
                await self._panel.read()

    def _forget_line(self) -> None:
        """On another line others answer."""
        self._found.clear()
        self._heard.clear()
        self._draft.pop("points", None)
        self._draft.pop("agent_device", None)
        line, profile = self._line(), self._profile()
        self._draft.pop("address", None)
        if line is not None and profile is not None and profile.protocol not in CARRIES[line.transport]:
            self._draft.pop("profile", None)

    def _recognise(self) -> None:
        """Preselect what the address was recognised as; what a person chose for it since stays."""
        answer = self._found.get(int(self._draft.get("address") or 0))
        if answer is not None and answer.profiles and self._draft.get("recognised") != answer.address:
            self._draft.pop("word_order", None)
            self._draft["profile"], self._draft["recognised"] = answer.profiles[0], answer.address

    def _take(self, answer: Answer) -> None:
        self._draft["address"] = answer.address
        self._form = None
        self._draft.pop("recognised", None)
        self._recognise()
        self._go("profile")

    async def _ask_line(self) -> None:
        page = self._page

        async def save(fields: Mapping[str, object]) -> None:
            self._drafted = await page.services.plant.check_line(fields, page.actor())
            self._new_line = dict(fields)

        if (line_id := await LineDialog(page, save=save).ask()) is not None:
            self._draft["line"] = line_id
            self._forget_line()
            self._go("line")

    def _profile_changed(self, name: str) -> None:
        if name == "profile" and self._form is not None and self._form["profile"] != self._draft.get("profile"):
            chosen = self._form["profile"]
            self._keep()
            self._draft["profile"] = chosen
            self._draft.pop("word_order", None)  # it was found for the registers of the other
            self._go("profile")

    def _machine_changed(self, name: str) -> None:
        if name == "machine" and self._form is not None and self._form["machine"] != self._draft.get("machine"):
            self._keep()
            self._go("name")

    # ---- word order --------------------------------------------------------------------------------------------------
    def _order(self) -> str:
        profile = self._profile()
        return str(self._draft.get("word_order") or (spec.native_order(profile) if profile is not None else ""))

    def _set_order(self, order: str) -> None:
        self._draft["word_order"] = order

    # ---- storing -----------------------------------------------------------------------------------------------------
    async def _connect(self) -> None:
        if self._form is None or not self._form.check():
            return
        self._keep()
        page, made = self._page, list[Connected]()

        async def act() -> None:
            made.append(await page.services.plant.connect(self._connection(whole=True), page.actor()))

        if await admin_frame.attempt(page, act, self._show_errors):
            self._done = made[0]
            self._go("done")

    async def _undo(self) -> None:
        page, done = self._page, self._done
        if done is None:
            return
        if await admin_frame.attempt(page, lambda: page.services.plant.disconnect(done, page.actor())):
            self._done = None
            self._go("name")
            self._say(page.t("wizard.undone", id=done.device))

    def _show_errors(self, exc: MonitorError) -> None:
        """At the earliest step that can mend something."""
        page, device_id = self._page, str(self._draft.get("id") or "")
        machine = spec.new_machine(page.services.plant.plant, self._draft, device_id)
        found = view.placed(
            admin_words.troubles(exc, page.lang), device_id, str(machine["id"]), str(self._draft.get("line") or "")
        )
        first = min((step for step, _ in found), key=view.STEPS.index, default=self._step)
        if view.STEPS.index(first) > view.STEPS.index(self._step):
            first = self._step
        here = [trouble for step, trouble in found if first in {step, self._step}]
        if first == self._step:
            self._show_here(here)
        else:
            self._go(first, here)
        self._say(page.t("admin.errors", n=len(found)), good=False)


__all__ = ["PATH", "WizardPage", "register"]
