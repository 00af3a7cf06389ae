"""Saved views of the trends page: opening, saving, sharing, deleting; and being told when somebody else saved the same one."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from nicegui import ui
from nicegui.element import Element

from domain.errors import ConfigError, Conflict, Forbidden, MonitorError, NotFound
from domain.trend_view import TrendView
from web_interface.components import el, icon, notify, switch_field, text_field
from web_interface.components.controls import button
from web_interface.pages import shell
from web_interface.pages.typed_checks import length_check
from web_interface.trends.query import TrendQuery
from web_interface.trends.views import LONGEST_NAME, ViewChanged

log = logging.getLogger(__name__)


class SavedViews:
    """The dialog of one open page. `shown`: what the page shows now; `open_query` shows another; `changed` redraws the head."""

    def __init__(
        self, page: shell.Page, shown: Callable[[], TrendQuery], open_query: Callable[[TrendQuery], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        self._page, self._shown, self._open_query, self._changed = page, shown, open_query, changed
        self._service = page.services.trend_views
        self.view: TrendView | None = None
        self._told = 0  # version of the view that the user was told of
        self._dialog = ui.dialog().classes("em-views-dialog")

    async def load(self, view_id: int) -> TrendView | None:
        """The view of the address; None when there is none such for this user."""
        try:
            self.view = await self._service.get(view_id, self._page.actor()) if view_id else None
        except NotFound:
            self.view = None
        return self.view

    @property
    def touched(self) -> bool:
        """Does the page show something else than the view that was opened?"""
        return self.view is not None and self._shown().address != self.view.address

    def newer(self) -> TrendView | None:
        """What somebody saved over the open view since, told once a version."""
        found = None if self.view is None else self._service.newer_than(self.view)
        if found is None or found.version == self._told:
            return None
        self._told = found.version
        return found

    async def open(self) -> None:
        """The list and the form."""
        try:
            views = await self._service.visible(self._page.actor())
        except (MonitorError, OSError) as exc:
            self._failed(exc)
            return
        page = self._page
        self._dialog.clear()
        with self._dialog, el("div", "em-dialog em-views", testid="views", role="dialog", aria_label=page.t("trends.views")):
            with el("header", "em-picker-head"):
                el("h2", "em-card-title", page.t("trends.views"))
                button(icon_name="close", on_click=self._dialog.close, label=page.t("action.close"), testid="views-close")
            with el("div", "em-views-list", testid="views-list"):
                for view in views:
                    self._row(view)
                if not views:
                    el("p", "em-quiet", page.t("trends.views.none"))
            self._form()
        self._dialog.open()

    def _row(self, view: TrendView) -> None:
        page = self._page
        whose = page.t(f"trends.view.{'shared' if view.shared else 'own'}")
        if view.owner != page.viewer.user.name:
            whose = page.t("trends.view.shared_by", name=view.owner)
        when = page.viewer.fmt.moment(view.changed_us, page.hub.shop().now_us)
        chosen = self.view is not None and view.id == self.view.id
        with el("div", "em-views-row" + (" em-selected" if chosen else ""), testid=f"view-{view.id}"):
            with el("button", "em-views-open", testid=f"view-open-{view.id}", type="button") as opener:
                el("b", text=view.name)
                el("span", "em-quiet", f"{whose} · {when}")
            opener.on("click", lambda: self._open(view))
            if self._service.may_change(view, page.actor()):
                label, testid = page.t("trends.view.delete", name=view.name), f"view-delete-{view.id}"
                button(icon_name="delete_outline", on_click=lambda: self._delete(view), label=label, testid=testid)

    def _form(self) -> None:
        page, view = self._page, self.view
        with el("section", "em-views-form"):
            name, check = view.name if view is not None else "", length_check(page.lang, LONGEST_NAME)
            self._name = text_field(page.t("trends.view.name"), name, testid="view-name", validation=check)
            shared = view is not None and view.shared
            self._share = switch_field(page.t("trends.view.share"), shared, testid="view-share")
            self._wrong = el("div", "em-views-wrong", testid="view-wrong", role="alert")
            with el("div", "em-dialog-actions"):
                if view is not None and self._service.may_change(view, page.actor()):
                    button(page.t("trends.view.save"), lambda: self._save(view), kind="primary", testid="view-save")
                    button(page.t("trends.view.create"), self._create, testid="view-create")
                else:
                    button(page.t("trends.view.create"), self._create, kind="primary", testid="view-create")

    async def _open(self, view: TrendView) -> None:
        self._dialog.close()
        self.view, self._told = view, view.version
        await self._open_query(replace(TrendQuery.of(view.address), view=view.id))

    async def _create(self) -> None:
        address, shared = self._shown().address, bool(self._share.value)
        await self._act(self._service.create(self._text(), address, self._page.actor(), shared=shared))

    async def _save(self, seen: TrendView) -> None:
        address, shared = self._shown().address, bool(self._share.value)
        await self._act(self._service.save(seen, self._page.actor(), name=self._text(), address=address, shared=shared))

    def _text(self) -> str:
        return str(self._name.value or "")

    async def _act(self, change: Awaitable[TrendView]) -> None:
        try:
            view = await change
        except ViewChanged as changed:
            self._say_changed(changed.now)
        except (ConfigError, Conflict, Forbidden, NotFound) as exc:
            self._say(self._page.t(f"trends.view.{_reason(exc)}"))
        except (MonitorError, OSError) as exc:
            self._failed(exc)
        else:
            self.view, self._told = view, view.version
            self._dialog.close()
            notify(self._page.t("trends.view.saved", name=view.name))
            self._changed()

    def _say(self, words: str) -> None:
        self._wrong.clear()
        with self._wrong:
            el("span", "em-alarm", words)

    def _say_changed(self, now: TrendView | None) -> None:
        """Somebody was faster: what to do about it is the user's choice."""
        page = self._page
        if now is None:
            self._say(page.t("trends.view.gone"))
            return
        when = page.viewer.fmt.moment(now.changed_us, page.hub.shop().now_us)
        self._wrong.clear()
        with self._wrong:
            el("span", "em-alarm", page.t("trends.view.changed", who=now.changed_by, when=when), "view-changed")
            with el("div", "em-views-choice"):
                button(page.t("trends.view.take_theirs"), lambda: self._open(now), testid="view-theirs", small=True)
                button(page.t("trends.view.keep_mine"), lambda: self._save(now), testid="view-mine", small=True)

    async def _delete(self, view: TrendView) -> None:
        try:
            await self._service.delete(view.id, self._page.actor())
        except (Forbidden, NotFound) as exc:
            notify(self._page.t(f"trends.view.{_reason(exc)}"), good=False)
        except (MonitorError, OSError) as exc:
            self._failed(exc)
            return
        if self.view is not None and self.view.id == view.id:
            self.view = None
            self._changed()
        self._dialog.close()
        await self.open()

    def _failed(self, exc: Exception) -> None:
        log.warning("saved views: %s", exc)
        notify(self._page.t("trends.failed_words"), good=False)


def note_of_newer(page: shell.Page, view: TrendView, take: Callable[[], Any]) -> Element:
    """A line above the curves: somebody saved the view that stands there."""
    with el("div", "em-banner em-trends-note", testid="note-newer", role="status") as box:
        icon("info")
        when = page.viewer.fmt.moment(view.changed_us, page.hub.shop().now_us)
        el("span", text=page.t("trends.view.changed", who=view.changed_by, when=when))
        button(page.t("trends.view.take_theirs"), take, kind="quiet", small=True, testid="newer-take")
    return box


def _reason(exc: Exception) -> str:
    if isinstance(exc, ConfigError):
        return "name_wrong" if str(exc).startswith("name") else "empty"
    return "taken" if isinstance(exc, Conflict) else "forbidden" if isinstance(exc, Forbidden) else "gone"
