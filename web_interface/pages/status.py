"""Status: is anything being lost, and what do I go and check?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui
from nicegui.element import Element

from domain.access import Role
from web_interface.components import Card, DataTable, Hub, Part, Segmented, Tick, button, el, icon, link_button
from web_interface.pages import shell, status_view
from web_interface.pages.plugin_trial import PluginTrialDialog
from web_interface.pages.status_log import status_tabs
from web_interface.pages.table_refused import TableRefusedDialog
from web_interface.pages.table_search import table_search
from web_interface.services import Services

Changes = list[tuple[Element, Mapping[str, Any]]]


class StatusSummary(Part, component="../components/status_summary.js"):
    """The verdict and five figures over the whole width."""


class BooksCard(Part, component="../components/books_card.js"):
    """read = kept + filtered + rejected, to scale, and where it went."""


class TodoList(Part, component="../components/todo_list.js"):
    """What to go and check, each with its technical line."""


def register(services: Services, hub: Hub) -> None:
    """The page at /status."""
    shell.offer("status")

    @ui.page("/status", title="")
    def status_page(mode: str = "") -> None:
        with shell.page(services, hub, active="status", title_key="nav.status") as page:
            StatusPage(page, mode).build()


class StatusPage:
    """One open status page."""

    def __init__(self, page: shell.Page, mode: str) -> None:
        self._page = page
        self._mode = mode if mode in self._view().modes() else "lines"

    def build(self) -> None:
        """Everything from memory, at once."""
        page = self._page
        view = self._view()
        with el("div", "em-status-page"):
            status_tabs(page, "status")
            self._summary = StatusSummary(view.summary(), "status-summary")
            with el("div", "em-status-left"):
                with Card(page.t("status.lines"), testid="lines-card") as card:
                    with card.tools:
                        Segmented(
                            view.modes(), self._mode, self._switch, testid="status-mode", label=page.t("status.lines"),
                            address="mode",
                        )  # fmt: skip
                    self._table_box = el("div", "em-status-table")
                with Card(page.t("status.todo"), testid="todo-card"):
                    self._todo = TodoList(view.todo(), "todo")
            with el("div", "em-status-right"):
                with Card(page.t("status.books"), testid="books-card") as card:
                    with card.tools, el("span", "em-verdict"):
                        self._verdict_icon = icon("verified", "em-good")
                        self._verdict = el("b", "em-good", "", "books-verdict")
                    self._books = BooksCard(view.books(), "books")
                with Card(page.t("status.destinations"), note=page.t("status.destinations.note"), testid="destinations-card"):
                    columns, rows = view.destinations()
                    self._destinations = DataTable(columns, rows, testid="destinations", dense=True)
                self._roles = self._build_roles(view)
                self._servers = self._build_servers(view)
                with Card(page.t("status.storage"), testid="storage-card"):
                    self._facts = self._build_facts(view)
                    self._refused = self._build_refused(page)
        self._fill_table(view)
        self._show_verdict(view)
        self._show_refused()
        page.every(self.live)

    def live(self, _tick: Tick) -> Changes:
        """What changed in the last second."""
        view = self._view()
        self._show_verdict(view)
        self._show_refused()
        for key, (_name, value) in view.storage().items():
            if self._facts[key].text != value:
                self._facts[key].set_text(value)
        return [
            (self._summary, self._summary.change(view.summary())),
            (self._todo, self._todo.change(view.todo())),
            (self._books, self._books.change(view.books())),
            (self._destinations, self._destinations.row_changes(view.destinations()[1])),
            *([(self._roles, self._roles.row_changes(view.roles()[1]))] if self._roles is not None else []),
            *([(self._servers, self._servers.row_changes(view.servers()[1]))] if self._servers is not None else []),
            (self._table, self._table.row_changes(view.table(self._mode)[1])),
        ]

    def _view(self) -> status_view.StatusView:
        page = self._page
        may_try = page.viewer.may(Role.ADMIN)
        return status_view.StatusView(page.services, page.viewer.fmt, page.hub.shop().now_us, may_try=may_try)

    def _build_roles(self, view: status_view.StatusView) -> DataTable | None:
        """Only where the roles run apart."""
        columns, rows = view.roles()
        if not rows:
            return None
        with Card(self._page.t("status.roles"), testid="roles-card"):
            return DataTable(columns, rows, testid="roles", dense=True)

    def _build_servers(self, view: status_view.StatusView) -> DataTable | None:
        """Who asks us: only where somebody can; settings change with a restart."""
        columns, rows = view.servers()
        if not rows:
            return None
        with Card(self._page.t("status.servers"), testid="servers-card"):
            return DataTable(columns, rows, testid="servers", dense=True)

    def _build_facts(self, view: status_view.StatusView) -> dict[str, Any]:
        made: dict[str, Any] = {}
        with el("dl", "em-facts em-facts-right", testid="storage-facts"):
            for key, (name, value) in view.storage().items():
                el("dt", text=name)
                made[key] = el("dd", text=value)
        return made

    def _build_refused(self, page: shell.Page) -> Element | None:
        if not page.viewer.may(Role.ADMIN):
            return None
        with el("div", "em-import-buttons") as box:
            dialog = TableRefusedDialog(page, self._show_refused)
            button(page.t("status.refused.open"), dialog.show, small=True, testid="storage-refused")
        return box

    def _show_refused(self) -> None:
        """The way to them, where there are any."""
        summary = self._page.services.status.storage().refused
        if self._refused is not None:
            self._refused.set_visibility(summary is not None and summary.entries > 0)

    def _switch(self, mode: str) -> None:
        self._mode = mode
        self._fill_table(self._view())

    def _fill_table(self, view: status_view.StatusView) -> None:
        self._table_box.clear()
        with self._table_box:
            columns, rows = view.table(self._mode)
            words = self._page.t("status.empty")
            self._table = DataTable(
                columns, rows, testid=f"status-{self._mode}", empty=words, two_lines=True, on_action=self._try_plugin,
                search=table_search(self._page.lang),
            )  # fmt: skip
            if not rows and self._page.viewer.may(Role.ENGINEER):
                with el("div", "em-status-empty"):
                    words = self._page.t("status.empty.action")
                    link_button(words, "/admin/devices/new", kind="primary", testid="status-empty-action")

    async def _try_plugin(self, key: Any, _name: str) -> None:
        plugin = next((plugin for plugin in self._page.services.status.plugins() if plugin.key == key), None)
        if plugin is not None:
            await PluginTrialDialog(self._page, plugin).show()

    def _show_verdict(self, view: status_view.StatusView) -> None:
        words, good = view.verdict()
        if words != self._verdict.text:
            self._verdict.set_text(words)
            for part in (self._verdict, self._verdict_icon):
                part.classes(replace="em-good" if good else "em-alarm")
            self._verdict_icon.classes("em-icon material-icons-outlined")
