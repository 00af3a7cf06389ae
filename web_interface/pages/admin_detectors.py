"""Detectors of inefficient modes and anomalies: parameters for one machine or all, tried on the last month; training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from nicegui import ui
from nicegui.element import Element
from starlette.responses import Response

from domain.access import Role
from domain.detector import ENABLED, SITE_RULES
from domain.errors import MonitorError
from domain.plant import Machine
from web_interface.components import Card, Hub, banner, button, el, empty, facts, icon, link_button, loading, notify
from web_interface.pages import admin_detectors_view as view_of
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.admin_form import Form
from web_interface.pages.admin_training import TrainingCard
from web_interface.pages.energy_findings_view import ICONS, SITE
from web_interface.services import Services

LIST = "/admin/machines"
ALL = "/admin/detectors"


def path_of(machine_id: str) -> str:
    """Address of a machine's page."""
    return f"{LIST}/{quote(machine_id, safe='')}/detectors"


def register(services: Services, hub: Hub) -> None:
    """The pages at /admin/detectors and /admin/machines/{id}/detectors."""

    @ui.page("/admin/detectors", title="")
    async def all_page() -> Response | None:
        return await _show(services, hub, None)

    @ui.page(LIST + "/{machine_id}/detectors", title="")
    async def machine_page(machine_id: str) -> Response | None:
        return await _show(services, hub, machine_id)


async def _show(services: Services, hub: Hub, machine_id: str | None) -> Response | None:
    if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
        return answer
    machine = next((m for m in services.plant.plant.machines if m.id == machine_id), None)
    name = machine.name if machine is not None else machine_id or admin_frame.text_for(services, "detector.all")
    title = f"{name} · {admin_frame.text_for(services, 'detector.title')}"
    with admin_frame.section_page(services, hub, "machines", title=title, parent=LIST) as page:
        if machine_id is not None and machine is None:
            empty("search_off", page.t("borders.unknown"), machine_id, page.t("admin.machines"), LIST)
            return None
        view = DetectorsPage(page, machine)
        view.build()
    await view.load()
    return None


class DetectorsPage:
    """One open page. `machine` None: what holds for all machines, and the supply."""

    def __init__(self, page: shell.Page, machine: Machine | None) -> None:
        self._page, self._machine = page, machine
        self._id = machine.id if machine is not None else None
        self._stored = page.services.plant.detectors(self._id)
        self._forms: dict[str, Form] = {}
        self._results: dict[str, Element] = {}
        self._training: TrainingCard | None = None

    def build(self) -> None:
        """A block a rule, the training of the model, and the foot that saves."""
        page = self._page
        note = page.t("detector.note.site" if self._id is None else "detector.note.machine")
        with Card(page.t("detector.title"), note=note, testid="detectors-card") as card:
            with card.tools:
                if self._id is not None:
                    link_button(page.t("detector.all"), ALL, testid="detectors-all", kind="quiet")
            for rule in view_of.rules_of(self._id):
                self._rule(rule)
        if self._machine is not None:
            self._training = TrainingCard(page, self._machine)
            self._training.build()
        with el("footer", "em-card em-admin-foot", testid="detectors-foot"):
            link_button(page.t("action.cancel"), LIST, testid="detectors-cancel")
            el("span", "em-quiet em-admin-foot-words", page.t("detector.foot"))
            with el("div", "em-admin-foot-right"):
                button(page.t("action.save"), self._save, kind="primary", icon_name="done", testid="detectors-save")

    async def load(self) -> None:
        """What is asked of the store."""
        if self._training is not None:
            await self._training.load()

    def _rule(self, rule: str) -> None:
        page, plant = self._page, self._page.services.plant
        stored = {rule: dict(plant.detectors(self._id).get(rule, {}))}
        with el("section", "em-detector", testid=f"detector-{rule}"):
            with el("header", "em-detector-head"):
                icon(ICONS.get(rule, "bolt"), "em-quiet")
                el("h3", "em-detector-title", page.t(f"finding.title.{rule}"))
                el("span", "em-quiet", page.t(f"finding.what.{rule}"))
                if (rule in SITE_RULES) == (self._id is None):
                    button(
                        page.t("detector.try"), lambda: self._try(rule), icon_name="history", small=True,
                        testid=f"detector-try-{rule}",
                    )  # fmt: skip
            fields = view_of.fields(rule, plant.plant.detectors, self._id, page.viewer.fmt)
            self._forms[rule] = Form(fields, stored, lang=page.lang, testid=f"detector-form-{rule}")
            self._results[rule] = el("div", "em-detector-result", testid=f"detector-result-{rule}")

    def _values(self, rule: str) -> dict[str, object]:
        """What this rule would be told: what differs from the values below."""
        return view_of.without_defaults(self._forms[rule].values()).get(rule, {})

    # ---- trying ------------------------------------------------------------------------------------------------------
    async def _try(self, rule: str) -> None:
        """The last 30 days twice: as it is set now, and as the form says."""
        page, box = self._page, self._results[rule]
        if not self._forms[rule].check():
            return
        box.clear()
        with box:
            loading(1)

        async def rehearse() -> None:
            now_words = await self._told(rule, page.services.plant.detectors(self._id).get(rule, {}))
            then_words = await self._told(rule, self._values(rule))
            if box.is_deleted:
                return
            box.clear()
            with box:
                facts(
                    [(page.t("detector.now"), now_words), (page.t("detector.then"), then_words)], testid=f"detector-told-{rule}"
                )

        def failed(exc: MonitorError) -> None:
            box.clear()
            with box:
                banner(admin_words.said(exc, page.lang), testid=f"detector-wrong-{rule}")

        await admin_frame.attempt(page, rehearse, failed)

    async def _told(self, rule: str, said: Mapping[str, object]) -> str:
        """Said in full, so that what was stored before has no say."""
        page = self._page
        base = view_of.below(page.services.plant.plant.detectors, self._id, rule) | dict(said)
        if not base[ENABLED]:
            return page.t("detector.off")
        subject = self._id if self._id is not None else SITE
        found = await page.services.findings.rehearse(rule, subject, parameters=view_of.as_numbers(base))
        return view_of.told(found, page.viewer.fmt)

    # ---- saving ------------------------------------------------------------------------------------------------------
    async def _save(self) -> None:
        page = self._page
        wrong = [rule for rule, form in self._forms.items() if not form.check()]
        if wrong:
            notify(page.t("detector.wrong"), good=False)
            return
        rules = {rule: values for rule in self._forms if (values := self._values(rule))}
        if await admin_frame.attempt(
            page, lambda: page.services.plant.save_detectors(self._id, rules, page.actor(), known=self._stored),
            self._show_troubles,
        ):  # fmt: skip
            self._stored = page.services.plant.detectors(self._id)
            notify(page.t("admin.saved"))

    def _show_troubles(self, exc: MonitorError) -> None:
        found = admin_words.troubles(exc, self._page.lang, own="detectors")
        for rule, form in self._forms.items():
            mine = [
                replace(trouble, field=f"{rule}.{trouble.place.rpartition('.')[2]}")
                for trouble in found
                if f".{rule}." in f".{trouble.place}"
            ]
            if mine:
                form.show(mine)
        notify(self._page.t("admin.errors", n=len(found)), good=False)
