"""Trends: any tags over any window, as fine as one zooms in, beside another period. The address keeps what is shown."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from nicegui import ui
from nicegui.element import Element

from domain.access import Role
from domain.alert import Priority
from domain.errors import MonitorError
from domain.quantity import Kind
from domain.trend_view import TrendView as SavedView
from web_interface.api.times import rfc3339
from web_interface.components import (
    Card,
    Data,
    Hub,
    Segmented,
    TagPicker,
    Tick,
    TrendView,
    el,
    empty,
    error,
    icon,
    loading,
    notify,
)
from web_interface.components.controls import button
from web_interface.components.marks import priority_letter
from web_interface.pages import shell, trends_words
from web_interface.pages.trends_views import SavedViews, note_of_newer
from web_interface.services import Services
from web_interface.trends.query import TrendQuery, axes_of
from web_interface.trends.reader import MOST_TAGS, Chosen
from web_interface.trends.window import KINDS, BadWindow, Window, Windows

log = logging.getLogger(__name__)

EXPORTS = ("csv", "xlsx", "parquet", "png")
FIRST_DAY = "1970-01-02"  # a year that is being typed passes by 0002, 0020, 0202
COMPARISONS = ("", "period", "day", "week")


def register(services: Services, hub: Hub) -> None:
    """The page at /trends."""
    shell.offer("trends")

    @ui.page("/trends", title="")
    async def trends_page() -> None:
        with shell.page(services, hub, active="trends", title_key="nav.trends") as page:
            opened = TrendsPage(page, TrendQuery.of(page.client.request.query_params.multi_items()))
            opened.build()
        await ui.context.client.connected()  # the frame is there at once; what asks the store comes after
        await opened.fill()


class TrendsPage:
    """One open page."""

    def __init__(self, page: shell.Page, query: TrendQuery) -> None:
        self._page, self._query = page, query
        self._site = page.services.plant.plant.site
        self._trouble = ""
        self._lost_view = False
        self._newer: SavedView | None = None
        self._base = self._window(query)
        self._shown = self._base  # what zooming left of it
        self._chosen = Chosen([])
        self._number = 0
        self._view: TrendView | None = None
        self._picker: TagPicker | None = None

    # -- building --------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """The bar, and grey blocks where the curves will stand."""
        with el("div", "em-trends"):
            self._bar = el("div", "em-energy-bar em-trends-bar", testid="trends-bar")
            self._notes = el("div", "em-trends-notes", testid="trends-notes")
            self._body = el("div", "em-trends-body", testid="trends-body")
            with self._body:
                loading(8)
        self._dialog = ui.dialog().classes("em-picker-dialog")
        self._saved = SavedViews(self._page, lambda: self._query, self._open_query, self._view_saved)
        self._page.every(self._look_for_newer)

    async def fill(self) -> None:
        """The curves in place of the grey blocks."""
        page, waiting = self._page, list(self._body)
        try:
            await self._load_view()
            if not page.services.trends.tags() and not self._query.tags:
                self._fill_empty()
            else:
                if not self._query.tags:
                    first = trends_words.first_choice(page.services.trends.tags(), page.services.plant.plant)
                    self._query = replace(self._query, tags=tuple(first))
                await self._choose()
                self._fill_view()
        except (MonitorError, OSError) as exc:  # the database is away: the frame stays, with words
            log.warning("trends were not drawn: %s", exc)
            with self._body:
                error(page.lang, page.t("trends.failed"), page.t("trends.failed_words"), str(exc))
        for block in waiting:
            if not self._body.is_deleted and block in list(self._body):
                self._body.remove(block)

    async def _load_view(self) -> None:
        """What the address leaves out comes from the saved view that it names."""
        view = await self._saved.load(self._query.view)
        if self._query.view and view is None:
            self._lost_view, self._query = True, replace(self._query, view=0)
        elif view is not None and not self._query.tags:
            self._query = replace(TrendQuery.of(view.address), view=view.id)
            self._base = self._shown = self._window(self._query)

    def _fill_empty(self) -> None:
        page = self._page
        action = (page.t("trends.no_tags.action"), "/admin/devices") if page.viewer.may(Role.ENGINEER) else ("", "")
        self._bar.set_visibility(False)
        with self._body, Card():
            empty("show_chart", page.t("trends.no_tags"), page.t("trends.no_tags.words"), *action, testid="trends-no-tags")

    def _fill_view(self) -> None:
        with self._body, el("section", "em-card em-trends-card"):
            self._head = el("header", "em-card-head em-trends-head")
            self._view = TrendView(self._view_data(), "trend-view")
        self._view.on("window", lambda e: self._zoomed(e.args))
        self._view.on("remove", lambda e: self._set_tag(str(e.args), shown=False))
        self._view.on("axis", lambda e: self._swap_axis(str(e.args)))
        self._view.on("add", self._open_picker)
        self._view.on("copied", lambda e: self._told_copied(bool(e.args)))
        self._draw_bar()
        self._draw_head()
        self._draw_notes()

    def _draw_bar(self) -> None:
        self._bar.clear()
        page, kind = self._page, self._base.kind
        with self._bar:
            with el("div", "em-trends-when"):
                with el("div", "em-seg em-period", testid="period", role="group", aria_label=page.t("trends.period")):
                    for name in KINDS[:-1]:
                        self._kind_button(name, name == kind)
                    self._custom_button(kind == "custom")
                with el("div", "em-period-move"):
                    self._arrow("chevron_left", "trends.earlier", -1)
                    self._arrow("chevron_right", "trends.later", 1)
            self._compare_menu()

    def _kind_button(self, name: str, chosen: bool) -> None:
        words = self._page.t(f"trends.period.{name}")
        made = el("button", "em-seg-item", words, f"period-{name}", type="button", aria_pressed="true" if chosen else "false")
        made.on("click", lambda: self._go_to({"period": name}))

    def _custom_button(self, chosen: bool) -> None:
        page, windows = self._page, self._windows()
        pressed = "true" if chosen else "false"
        with el("button", "em-seg-item", testid="period-custom", type="button", aria_pressed=pressed, aria_haspopup="dialog"):
            el("span", text=page.t("trends.period.custom"))
            with ui.menu().classes("em-menu").props("no-focus") as menu, el("div", "em-period-form"):
                fields = []
                for name, at in (("from", self._shown.from_us), ("to", self._shown.to_us)):
                    with el("label", "em-field"):
                        el("span", "em-field-label", page.t(f"trends.custom.{name}"))
                        fields.append(_local_time(windows.words(at)[:16], f"custom-{name}"))
                wrong = el("span", "em-alarm em-trends-wrong", testid="custom-wrong", role="alert")

                def show() -> None:
                    try:
                        windows.find("custom", begin=fields[0].value, end=fields[1].value)
                    except BadWindow as bad:
                        wrong.set_text(page.t(f"trends.window.{bad.args[0]}"))
                        return
                    menu.close()
                    self._go_to({"period": "custom", "from": fields[0].value, "to": fields[1].value})

                button(page.t("trends.custom.show"), show, kind="primary", testid="custom-show")

    def _arrow(self, icon_name: str, key: str, steps: int) -> None:
        there = self._windows().moved(self._base, steps)
        made = button(icon_name=icon_name, label=self._page.t(key), testid=key.replace(".", "-"))
        if there is None:
            made.props["disabled"] = True
        else:
            query = self._windows().query(there)
            made.on("click", lambda: self._go_to(dict(query)))

    def _compare_menu(self) -> None:
        page, now = self._page, self._query.compare
        words = page.t("trends.compare") if not now else self._compare_name(now)
        attrs = {"aria_haspopup": "menu", "type": "button"}
        with el("button", "em-btn em-trends-compare" + (" em-trends-on" if now else ""), testid="compare", **attrs):
            icon("compare_arrows")
            el("span", text=words)
            with ui.menu().classes("em-menu").props("anchor='bottom right' self='top right'") as menu:
                for kind in COMPARISONS:
                    attrs = {"type": "button", "role": "menuitemradio", "aria_checked": "true" if kind == now else "false"}
                    with el("button", "em-menu-item em-trends-item", testid=f"compare-{kind or 'none'}", **attrs) as item:
                        icon("check" if kind == now else "")
                        el("span", text=page.t(f"trends.compare.{kind or 'none'}"))
                    item.on("click", _act(self._compare_from, menu, kind))
                with el("label", "em-field em-trends-day"):
                    el("span", "em-field-label", page.t("trends.compare.date"))
                    day = _day_field(now if now not in COMPARISONS else "", "compare-date", page.t("trends.compare.date"))
                day.on("change", lambda: self._compare_from(menu, day.value) if day.value >= FIRST_DAY else None)

    def _compare_name(self, kind: str) -> str:
        if kind in COMPARISONS:
            return self._page.t(f"trends.compare.with.{kind}")
        try:
            return self._page.t("trends.compare.with.date", day=self._page.viewer.fmt.date(date.fromisoformat(kind)))
        except ValueError:
            return self._page.t("trends.compare")

    def _draw_head(self) -> None:
        self._head.clear()
        page = self._page
        with self._head:
            el("h2", "em-card-title", self._title(), "trends-title")
            self._touched = el("span", "em-card-note", self._page.t("trends.view.touched"), "trends-touched")
            self._touched.set_visibility(self._saved.touched)
            with el("div", "em-card-tools em-trends-tools"):
                if any(tag.kind is Kind.COUNTER for tag in self._chosen.tags):
                    Segmented(
                        {name: page.t(f"trends.counters.{name}") for name in ("reading", "growth")},
                        "growth" if self._query.growth else "reading", self._count, testid="counters",
                        label=page.t("trends.counters"),
                    )
                self._tools()

    def _tools(self) -> None:
        page = self._page
        button(page.t("trends.views"), self._saved.open, icon_name="bookmark_border", testid="trends-views")
        button(page.t("trends.link"), lambda: self._run("copy"), icon_name="link", testid="trends-link")
        with el("button", "em-btn", testid="trends-export", type="button", aria_haspopup="menu"):
            icon("file_download")
            el("span", text=page.t("trends.export"))
            with ui.menu().classes("em-menu").props("anchor='bottom right' self='top right'") as menu:
                for kind in EXPORTS:
                    classes, attrs = "em-menu-item em-trends-item", {"type": "button", "role": "menuitem"}
                    with el("button", classes, testid=f"export-{kind}", **attrs) as item:
                        el("span", text=page.t(f"trends.export.{kind}"))
                    item.on("click", _act(self._export, menu, kind))

    def _export(self, menu: ui.menu, kind: str) -> None:
        """What is shown now, as a file; the picture is made by the browser."""
        menu.close()
        shown = self._window(self._query) if self._shown.slides else self._shown
        name = f"trends-{self._windows().words(shown.from_us)[:10]}.{kind}"
        if kind == "png":
            self._run("png", name)
            return
        pairs = [("tag", tag.name) for tag in self._chosen.tags]
        pairs += [("from", rfc3339(shown.from_us)), ("to", rfc3339(shown.to_us)), ("format", kind), ("language", self._page.lang)]
        if earlier_us := self._earlier_us(self._base):
            pairs.append(("earlier_s", str(earlier_us // 1_000_000)))
        if self._query.growth:
            pairs.append(("counters", "growth"))
        ui.download.from_url(f"/api/trends/file?{urlencode(pairs)}", name)

    def _title(self) -> str:
        owners = trends_words.Owners(self._page.services.plant.plant, self._page.lang)
        if self._saved.view is not None:
            return self._saved.view.name
        names = list(dict.fromkeys(owners.of(tag) for tag in self._chosen.tags))
        if len(names) > 3:
            return self._page.t("trends.title.many", names=", ".join(names[:2]), n=len(names) - 2)
        return ", ".join(names) or self._page.t("nav.trends")

    def _draw_notes(self) -> None:
        """What of the address could not be shown, in words, and what to take instead."""
        self._notes.clear()
        page, chosen = self._page, self._chosen
        with self._notes:
            if self._lost_view:
                _note(page.t("trends.view.gone"), "note-view")
            if self._newer is not None:
                newer = self._newer
                note_of_newer(page, newer, _act(self._take_newer, newer))
            if self._trouble:
                _note(f"{page.t(f'trends.window.{self._trouble}')} {page.t('trends.window.today')}", "note-window")
            for name, near in chosen.missing.items():
                words = page.t("trends.unknown", tag=name)
                with _note(f"{words} {page.t('trends.unknown.near')}" if near else words, f"missing-{name}"):
                    for other in near:
                        button(other, _act(self._replace_tag, name, other), kind="quiet", small=True)
                    button(page.t("trends.unknown.drop"), _act(self._set_tag, name, shown=False), kind="quiet", small=True)
            for name in chosen.texts:
                _note(page.t("trends.text", tag=name), f"text-{name}")
            if chosen.left_off:
                _note(page.t("trends.too_many", most=MOST_TAGS, n=len(chosen.left_off)), "note-many")

    # -- what is shown ---------------------------------------------------------------------------------------------

    def _windows(self) -> Windows:
        return Windows(ZoneInfo(self._site.timezone), self._page.services.energy.shifts_of_day, self._page.hub.shop().now_us)

    def _window(self, query: TrendQuery) -> Window:
        """The asked one; today with a word of why when there is none such."""
        said, windows = dict(query.period), self._windows()
        self._trouble = ""
        try:
            at = said.get("at", "")
            return windows.find(said.get("period", "today"), at, said.get("from", at), said.get("to", ""))
        except BadWindow as bad:
            self._trouble = str(bad.args[0])
            return windows.find("today")

    async def _choose(self) -> None:
        self._chosen = await self._page.services.trends.choose(self._query.tags)

    def _view_data(self) -> Data:
        page, chosen, base = self._page, self._chosen, self._base
        earlier_us = self._earlier_us(base)
        self._number += 1
        return {
            "number": self._number,
            "tags": trends_words.view_tags(
                chosen.tags, chosen.removed, self._query.right, page.services.plant.plant, page.viewer.fmt
            ),
            "window": {
                "from": base.from_us / 1000, "to": base.to_us / 1000, "follows": base.follows, "slides": base.slides,
            },
            "earlier_s": earlier_us // 1_000_000,
            "compare": self._compare_words(base, earlier_us),
            "growth": self._query.growth,
            "lang": page.lang,
            "zone": self._site.timezone,
            "site": self._site.name,
            "words": trends_words.view_words(page.lang),
            "reasons": trends_words.reasons(page.lang),
            "letters": {priority.value: priority_letter(priority, page.lang) for priority in Priority},
            "href": self._query.href,
        }

    def _earlier_us(self, base: Window) -> int:
        """How much earlier the compared period lies; 0 without one, or when it would be later, or before 1970."""
        earlier_us = self._windows().earlier_us(base, self._query.compare) if self._query.compare else None
        return earlier_us if earlier_us is not None and 0 < earlier_us < base.from_us else 0

    def _compare_words(self, base: Window, earlier_us: int) -> str:
        if not earlier_us:
            return ""
        page, kind = self._page, self._query.compare
        day = page.viewer.fmt.day(base.from_us - earlier_us)
        key = f"trends.compared.{kind}" if kind in COMPARISONS else "trends.compared.date"
        return page.t(key, day=day)

    def _show(self) -> None:
        """The view anew, after tags, window or comparison changed."""
        if self._base.slides and self._shown is self._base:  # it moved on since it was asked for
            self._base = self._shown = self._window(self._query)
        if self._view is not None:
            self._touched.set_visibility(self._saved.touched)
            changes = self._view_data()
            self._view.change(changes)
            self._view.run_method("patch", changes)

    def _run(self, method: str, *args: Any) -> None:
        if self._view is not None:
            self._view.run_method(method, *args)

    def _look_for_newer(self, _tick: Tick) -> list[tuple[Element, Mapping[str, Any]]]:
        """Told within a second when somebody saved the view that stands here."""
        if (newer := self._saved.newer()) is not None:
            self._newer = newer
            self._draw_notes()
        return []

    async def _take_newer(self, view: SavedView) -> None:
        self._saved.view, self._newer = view, None
        await self._open_query(replace(TrendQuery.of(view.address), view=view.id))

    async def _open_query(self, query: TrendQuery) -> None:
        """Another picture in the same page."""
        self._query, self._lost_view, self._newer = query, False, None
        self._base = self._shown = self._window(query)
        self._draw_bar()
        await self._rechosen()

    def _view_saved(self) -> None:
        view = self._saved.view
        self._query = replace(self._query, view=0 if view is None else view.id)
        self._newer = None
        self._draw_head()
        self._draw_notes()
        self._run("patch", {"href": self._query.href})

    # -- handlers --------------------------------------------------------------------------------------------------

    def _go_to(self, period: dict[str, str]) -> None:
        self._query = self._query.at(period)
        self._base = self._shown = self._window(self._query)
        self._draw_bar()
        self._draw_notes()
        self._show()

    def _zoomed(self, span: Any) -> None:
        """The browser zoomed or panned: the address follows, the curves are there already."""
        windows = self._windows()
        try:
            self._shown = self._base if span is None else windows.between(round(span["from"] * 1000), round(span["to"] * 1000))
        except (BadWindow, KeyError, TypeError, ValueError):
            return
        self._query = self._query.at(windows.query(self._shown))
        self._run("patch", {"href": self._query.href})
        self._touched.set_visibility(self._saved.touched)

    async def _set_tag(self, name: str, *, shown: bool) -> None:
        self._query = self._query.with_tag(name, shown)
        await self._rechosen()

    async def _replace_tag(self, name: str, other: str) -> None:
        tags = dict.fromkeys(other if tag == name else tag for tag in self._query.tags)
        self._query = replace(self._query, tags=tuple(tags))
        await self._rechosen()

    async def _rechosen(self) -> None:
        try:
            await self._choose()
        except MonitorError as exc:
            log.warning("tags were not looked up: %s", exc)
            notify(self._page.t("trends.failed_words"), good=False)
            return
        self._keep_zoom()
        self._draw_head()
        self._draw_notes()
        self._show()
        if self._picker is not None:
            self._picker.show({"chosen": list(self._query.tags)})

    def _keep_zoom(self) -> None:
        """What is looked at becomes the period, so that another tag is seen over the same time."""
        if self._shown is not self._base:
            self._base = self._shown
            self._query = self._query.at(self._windows().query(self._base))
            self._draw_bar()

    def _swap_axis(self, unit: str) -> None:
        right = [axis.unit for axis in axes_of(self._chosen.tags, self._query.right) if axis.right]
        right = [u for u in right if u != unit] if unit in right else [*right, unit]
        self._query = replace(self._query, right=tuple(right))
        self._keep_zoom()
        self._show()

    def _count(self, how: str) -> None:
        self._query = replace(self._query, growth=how == "growth")
        self._keep_zoom()
        self._show()

    def _compare_from(self, menu: ui.menu, kind: str) -> None:
        menu.close()
        self._query = replace(self._query, compare=kind)
        self._keep_zoom()
        self._draw_bar()
        self._show()

    def _open_picker(self) -> None:
        page = self._page
        data = trends_words.picker_data(
            page.services.trends.tags(), self._query.tags, MOST_TAGS, page.services.plant.plant, page.viewer.fmt
        )
        self._dialog.clear()
        with self._dialog, el("div", "em-dialog em-picker-box", testid="picker", role="dialog", aria_label=page.t("trends.add")):
            with el("header", "em-picker-head"):
                el("h2", "em-card-title", page.t("trends.add"))
                button(icon_name="close", on_click=self._dialog.close, label=page.t("action.close"), testid="picker-close")
            self._picker = TagPicker(data, lambda name, shown: self._set_tag(name, shown=shown))
            with el("div", "em-dialog-actions"):
                button(page.t("trends.picker.done"), self._dialog.close, kind="primary", testid="picker-done")
        self._dialog.open()

    def _told_copied(self, ok: bool) -> None:
        notify(self._page.t("trends.copied" if ok else "trends.not_copied"), good=ok)


class _Field(Element):
    """A plain input whose value the server knows."""

    def __init__(self, kind: str, value: str, testid: str) -> None:
        super().__init__("input")
        self.value = value
        self.classes("em-date")
        self._props |= {"type": kind, "value": value, "data-testid": testid}
        self.on("change", lambda e: self._take(e.args), js_handler="(e) => emit(e.target.value)")

    def _take(self, value: object) -> None:
        self.value = str(value)[:40]


def _local_time(value: str, testid: str) -> _Field:
    return _Field("datetime-local", value, testid)


def _day_field(value: str, testid: str, label: str) -> _Field:
    made = _Field("date", value, testid)
    made.props["aria-label"] = label
    return made


def _note(words: str, testid: str) -> Element:
    with el("div", "em-banner em-trends-note", testid=testid, role="status") as box:
        icon("info")
        el("span", text=words)
    return box


def _act(handler: Callable[..., Any], *args: Any, **named: Any) -> Callable[[], Any]:
    return lambda: handler(*args, **named)


__all__: Sequence[str] = ["TrendsPage", "register"]
