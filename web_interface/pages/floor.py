"""Floor plan: what happens where in the shop? Engineers place the machines on it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from nicegui import background_tasks, events, ui
from nicegui.element import Element

from domain.access import Role
from domain.errors import MonitorError
from domain.floor import LARGEST_BYTES, FloorPlan
from web_interface.components import (
    STATE_ORDER,
    Card,
    Confirm,
    Hub,
    Part,
    Segmented,
    StateMark,
    Tick,
    button,
    el,
    empty,
    notify,
    state_name,
)
from web_interface.pages import floor_view as view
from web_interface.pages import shell
from web_interface.pages.admin_frame import attempt
from web_interface.pages.later import Later
from web_interface.services import Services

log = logging.getLogger(__name__)
Changes = list[tuple[Element, Mapping[str, Any]]]
ANSWER_S = 10.0  # for the browser to tell the places


class FloorPart(Part, component="../components/floor_plan.js"):
    """The picture with its marks. `edit`, `cancel`, `done` and `taken` are called by run_method."""

    def mark_changes(self, after: list[view.Data]) -> view.Data | None:
        """Changes for a Feed; None when the machines are other ones."""
        found = view.changed(self._data["marks"], after)
        if found is None:
            return None
        self._data["marks"] = after
        return {"changed": found} if found else {}


def register(services: Services, hub: Hub) -> None:
    """The page at /floor."""
    shell.offer("floor")

    @ui.page("/floor", title="")
    async def floor_page() -> None:
        with shell.page(services, hub, active="floor", title_key="floor.title") as page:
            made = FloorPage(page)
            made.build()
        await made.fill()


class FloorPage:
    """One open floor plan."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._plan = FloorPlan()
        self._box: Element | None = None
        self._part: FloorPart | None = None
        self._editing = self._loading = False

    def build(self) -> None:
        """The frame from memory; the plan follows."""
        page = self._page
        with Card(page.t("floor.machines"), testid="floor-card", classes="em-floor-card") as card:
            with card.tools:
                with el("div", "em-state-legend"):
                    for state in STATE_ORDER:
                        with el("span", "em-legend-state"):
                            StateMark(state, page.lang)
                            el("span", text=state_name(state, page.lang))
                self._tools = el("div", "em-floor-tools")
                options = {name: page.t(f"machines.{name}") for name in ("cards", "table", "plan")}
                Segmented(options, "plan", _go, testid="machines-view", label=page.t("machines.title"))
            if self._may_change():
                self._build_upload()
            self._later = Later(page, "em-floor-box", testid="floor-box")
        page.every(self.live)

    async def fill(self) -> None:
        """Once the page is delivered."""
        await self._later.fill(self._load)

    def live(self, _tick: Tick) -> Changes:
        """One second later: what changed; all anew when somebody changed the plan or the machines."""
        if self._box is None or self._loading:
            return []
        page, part = self._page, self._part
        marks = page.hub.view(("floor", page.lang), lambda shop: view.marks(shop, page.viewer.fmt))
        changes = {} if part is None else part.mark_changes(marks)
        if (changes is None or page.services.floor.version != self._plan.version) and not self._editing:
            self._loading = True
            background_tasks.create(self._reload(), name="floor:reload")
        return [(part, changes)] if part is not None and changes else []

    # ---- drawing ---------------------------------------------------------------------------------------------------
    def _may_change(self) -> bool:
        return self._page.viewer.may(Role.ENGINEER)

    async def _load(self) -> None:
        self._plan = await self._page.services.floor.plan()
        self._box = el("div", "em-floor-body")
        self._draw()

    async def _reload(self) -> None:
        try:
            self._plan = await self._page.services.floor.plan()
        except (MonitorError, OSError) as exc:  # the database is away: what is shown stays
            log.warning("the floor plan was not read: %s", exc)
        else:
            self._draw()
        finally:
            self._loading = False

    def _draw(self) -> None:
        page, box = self._page, self._box
        if box is None or box.is_deleted:
            return
        self._editing, self._part = False, None
        box.clear()
        with box:
            if self._plan.picture is None:
                self._draw_empty()
            else:
                self._part = FloorPart(view.floor(page.hub.shop(), self._plan, page.viewer.fmt))
        self._draw_tools()

    def _draw_empty(self) -> None:
        page = self._page
        may = self._may_change()
        words = page.t("floor.empty.words" if may else "floor.empty.viewer")
        with empty("map", page.t("floor.empty"), words, testid="floor-empty"):
            if may:
                with el("div", "em-floor-first"):
                    button(page.t("floor.upload"), self._pick, kind="primary", icon_name="upload_file", testid="floor-upload")
                    button(page.t("floor.draw"), self._draw_plain, icon_name="grid_view", testid="floor-draw")

    def _draw_tools(self) -> None:
        page = self._page
        self._tools.clear()
        if not self._may_change() or self._part is None:
            return
        with self._tools:
            if self._editing:
                button(page.t("action.cancel"), self._cancel, testid="floor-cancel", small=True)
                button(page.t("action.save"), self._save, kind="primary", testid="floor-save", small=True)
                return
            button(page.t("floor.edit"), self._edit, icon_name="open_with", testid="floor-edit", small=True)
            words = page.t("floor.replace")
            button("", self._pick, icon_name="image", label=words, testid="floor-upload", small=True)
            button("", self._remove, icon_name="delete", label=page.t("floor.remove"), testid="floor-remove", small=True)

    # ---- arranging -------------------------------------------------------------------------------------------------
    def _edit(self) -> None:
        if self._part is not None:
            self._editing = True
            self._part.run_method("edit")
            self._draw_tools()

    def _cancel(self) -> None:
        if self._part is not None:
            self._editing = False
            self._part.run_method("cancel")
            self._draw_tools()

    async def _save(self) -> None:
        page, part = self._page, self._part
        if part is None:
            return
        known = {machine.id for machine in page.services.plant.plant.machines}
        try:
            places = view.places_of(await part.run_method("taken", timeout=ANSWER_S), known)
        except (ValueError, TypeError, TimeoutError) as exc:
            log.warning("no places from the browser: %s", exc)
            notify(page.t("error.unexpected"), good=False)
            return

        async def act() -> None:
            self._plan = await page.services.floor.save_places(places, self._plan.version, page.actor())

        if await attempt(page, act):
            notify(page.t("floor.saved"))
            self._draw()

    # ---- the picture -----------------------------------------------------------------------------------------------
    def _build_upload(self) -> None:
        self._upload = ui.upload(
            on_upload=self._uploaded, on_rejected=self._rejected, auto_upload=True, max_files=1, max_file_size=LARGEST_BYTES
        )
        self._upload.props("accept='.png,.jpg,.jpeg,.webp' flat").classes("em-upload")
        self._upload.props["data-testid"] = "floor-file"

    def _pick(self) -> None:
        self._upload.run_method("pickFiles")

    def _rejected(self) -> None:
        notify(self._page.t("floor.rejected"), good=False)

    async def _uploaded(self, event: events.UploadEventArguments) -> None:
        """What is too large is refused before it is read: it lies on the disk."""
        if event.file.size() > LARGEST_BYTES:
            self._rejected()
        else:
            await self._change_picture(await event.file.read())
        self._upload.reset()

    async def _remove(self) -> None:
        page = self._page
        with page.client.layout:
            confirm = Confirm(
                page.lang, page.t("floor.remove.confirm"), page.t("floor.remove.words"), page.t("floor.remove"),
                testid="floor-remove-confirm",
            )  # fmt: skip
        if await confirm.ask():
            await self._change_picture(None)

    async def _change_picture(self, content: bytes | None) -> None:
        page = self._page

        async def act() -> None:
            self._plan = await page.services.floor.save_picture(content, self._plan.version, page.actor())

        if await attempt(page, act):
            self._draw()

    async def _draw_plain(self) -> None:
        page = self._page

        async def act() -> None:
            self._plan = await page.services.floor.draw(self._plan.version, page.actor())

        if await attempt(page, act):
            self._draw()


def _go(mode: str) -> None:
    """The other ways to look at the machines are on the overview."""
    ui.navigate.to("/" if mode == "cards" else f"/?machines={mode}")
