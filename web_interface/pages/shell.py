"""The frame of every page: rail, top bar with clock and age of data, banners, phone bar, menu of the user.

@ui.page("/status")
def status_page() -> None:
    with shell.page(services, hub, active="status", title_key="nav.status") as page:
        ...                                    # page.viewer, page.feed, page.every(listener)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from nicegui import Client, ui
from nicegui.element import Element

from domain.access import Role, User
from domain.alert import AlertState, Priority
from domain.errors import Forbidden
from web_interface.components import (
    AlertTone,
    Feed,
    Hub,
    MarkDefs,
    Segmented,
    Tick,
    TopStatus,
    Viewer,
    WallTools,
    actor_of,
    breadcrumb,
    el,
    icon,
    user_of,
)
from web_interface.components.controls import button
from web_interface.locale import LANGUAGES, t
from web_interface.pages.status_line import storage_words
from web_interface.services import Services

QUASAR = {"ru": "ru", "en": "en-US"}
DARK = {"light": False, "dark": True, "auto": None}
OLD_AFTER_S = 10


@dataclass(frozen=True, slots=True)
class NavItem:
    """An entry of the rail. `needs`: who sees it; `wanted`: whether this shop has any use for it."""

    key: str
    icon: str
    path: str
    needs: Role = Role.VIEWER
    phone: bool = True
    wanted: Callable[[Services], bool] = lambda _services: True


NAV = (
    NavItem("overview", "space_dashboard", "/"),
    NavItem("machines", "precision_manufacturing", "/machines"),
    NavItem("floor", "map", "/floor", phone=False),
    NavItem("trends", "show_chart", "/trends", phone=False),
    NavItem(
        "loops", "tune", "/loops", phone=False,
        wanted=lambda services: bool(services.loops.loops or services.plant.plant.alignments),
    ),
    NavItem("energy", "bolt", "/energy"),
    NavItem("alerts", "notifications_none", "/alerts"),
    NavItem("reports", "description", "/reports", phone=False),
    NavItem("status", "monitor_heart", "/status", phone=False),
    NavItem("settings", "settings", "/admin", Role.ENGINEER, phone=False),
)
_offered: set[str] = set()


def offer(*keys: str) -> None:
    """Called when a page is registered: only what exists stands in the rail."""
    _offered.update(keys)


def nav_for(viewer: Viewer, services: Services) -> Sequence[NavItem]:
    """The entries of the rail for this user of this shop."""
    return [item for item in NAV if item.key in _offered and viewer.may(item.needs) and item.wanted(services)]


@dataclass
class Page:
    """What a page builder works with."""

    services: Services
    viewer: Viewer
    client: Client
    feed: Feed
    hub: Hub
    actions: Element
    _jobs: list[Callable[[Tick], list[tuple[Element, Mapping[str, Any]]]]] = field(default_factory=list)

    @property
    def lang(self) -> str:
        return self.viewer.lang

    def t(self, key: str, /, **values: object) -> str:
        """The text of `key` in the language of the page."""
        return t(key, self.viewer.lang, **values)

    def actor(self) -> Any:
        """For handlers: the actor of the live session, checked now."""
        return actor_of(self.client)

    def every(self, job: Callable[[Tick], list[tuple[Element, Mapping[str, Any]]]]) -> None:
        """At each tick of the hub while open: `job` returns (part, changes) pairs; all jobs' changes leave in one message."""
        self._jobs.append(job)

    def run(self, tick: Tick) -> None:
        """One tick of this page."""
        self.feed.send([pair for job in self._jobs for pair in job(tick)])


@contextmanager
def page(
    services: Services,
    hub: Hub,
    *,
    active: str,
    title: str = "",
    title_key: str = "",
    crumbs: Sequence[tuple[str, str | None]] | None = None,
) -> Iterator[Page]:
    """The frame around a page's own content. The site's name leads the crumbs of every page but the overview."""
    client = ui.context.client
    site = services.plant.plant.site
    viewer = Viewer.of(user_of(client), site)
    words = title or t(title_key, viewer.lang)
    _dress(client, viewer, f"{words} · {site.name}" if words != site.name else site.name)
    dark = ui.dark_mode(DARK.get(viewer.user.theme))
    MarkDefs()
    feed = Feed()
    with el("div", "em-app", testid="app"):
        badges = _rail(viewer, services, active)
        with el("header", "em-top"):
            with el("a", "em-top-logo", href="/", aria_label=site.name):
                _logo()
            with el("div", "em-top-where"):
                breadcrumb([(site.name, "/")] if crumbs is None and active != "overview" else list(crumbs or ()), words)
            actions = el("div", "em-top-actions")
            _quick(services, viewer, dark)
            tone = AlertTone(_tone_data(services, hub, viewer), "alert-tone")
            status = TopStatus(_status_data(services, hub, viewer), "top-status")
            _user_menu(services, viewer, dark)
        banners = _Banners(viewer)
        made = Page(services, viewer, client, feed, hub, actions)
        with el("main", f"em-main em-page-{active}", testid=f"page-{active}"):
            yield made
        badges += _bottom(viewer, services, active)
    badge = _Badges(services, hub, badges)

    def job(tick: Tick) -> list[tuple[Element, Mapping[str, Any]]]:
        badge.refresh()
        banners.refresh(services, hub)
        return [(status, status.change(_status_live(hub))), (tone, tone.change({"urgent": _urgent_now(services, hub)}))]

    badge.refresh()
    banners.refresh(services, hub)
    made.every(job)
    hub.join(client, made.run)


@contextmanager
def wall(services: Services, hub: Hub) -> Iterator[Page]:
    """A page for a screen on the wall: no rail and no menus; the clock of the site and the age of data stand in its head."""
    client = ui.context.client
    site = services.plant.plant.site
    viewer = Viewer.of(user_of(client), site)
    _dress(client, viewer, site.name)
    ui.dark_mode(DARK.get(viewer.user.theme))
    MarkDefs()
    feed = Feed()
    with el("div", "em-wall", testid="app"):
        with el("header", "em-wall-head"):
            _logo()
            where = el("div", "em-wall-where")
            status = TopStatus(_status_data(services, hub, viewer), "top-status")
            WallTools({"leave": t("wall.leave", viewer.lang), "full": t("wall.full", viewer.lang), "href": "/"}, "wall-tools")
        banners = _Banners(viewer)
        made = Page(services, viewer, client, feed, hub, where)
        with el("main", "em-wall-main", testid="page-wall"):
            yield made

    def job(tick: Tick) -> list[tuple[Element, Mapping[str, Any]]]:
        banners.refresh(services, hub)
        return [(status, status.change(_status_live(hub)))]

    banners.refresh(services, hub)
    made.every(job)
    hub.join(client, made.run)


def _dress(client: Client, viewer: Viewer, title: str) -> None:
    """Language and theme of this one page, before its HTML leaves the server."""
    own = copy.copy(client.page)
    own.language = QUASAR[viewer.lang]  # type: ignore[assignment]
    own.dark = DARK.get(viewer.user.theme)
    client.page = own
    client.title = title


def _logo() -> None:
    with el("svg", "em-logo", viewBox="0 0 32 32", aria_hidden="true"):
        el("rect", width="32", height="32", rx="7", fill="var(--accent)")
        el(
            "path",
            d="M5.5 17h4l3-8 5 15 4-10 1.8 3h3.2",
            fill="none",
            stroke="var(--on-accent)",
            stroke_width="2.6",
            stroke_linecap="round",
            stroke_linejoin="round",
        )


def _rail(viewer: Viewer, services: Services, active: str) -> list[Element]:
    with el("nav", "em-rail", testid="rail", aria_label=t("nav.main", viewer.lang)):
        with el("a", "em-rail-logo", href="/", aria_label=t("nav.overview", viewer.lang)):
            _logo()
        return [b for item in nav_for(viewer, services) if (b := _nav_item(item, viewer, active, "rail")) is not None]


def _bottom(viewer: Viewer, services: Services, active: str) -> list[Element]:
    """The phone's bar: the four most used and the rest behind one button."""
    items = nav_for(viewer, services)
    badges: list[Element] = []
    with el("nav", "em-bottom", testid="bottom", aria_label=t("nav.main", viewer.lang)):
        for item in (i for i in items if i.phone):
            if (made := _nav_item(item, viewer, active, "bottom")) is not None:
                badges.append(made)
        rest = [i for i in items if not i.phone]
        if rest:
            with el("button", "em-nav", testid="bottom-more", type="button"):
                icon("more_horiz")
                el("span", text=t("nav.more", viewer.lang))
                with ui.menu().classes("em-menu"):
                    for item in rest:
                        with el("a", "em-menu-item", href=item.path):
                            icon(item.icon)
                            el("span", text=t(f"nav.{item.key}", viewer.lang))
    return badges


def _nav_item(item: NavItem, viewer: Viewer, active: str, where: str) -> Element | None:
    attrs = {"aria_current": "page"} if item.key == active else {}
    with el("a", "em-nav", testid=f"{where}-{item.key}", href=item.path, **attrs):
        icon(item.icon)
        el("span", text=t(f"nav.{item.key}", viewer.lang))
        if item.key == "alerts":
            return el("b", "em-badge", "", f"{where}-badge")
    return None


class _Badges:
    """Count of alerts that wait for acknowledgement."""

    def __init__(self, services: Services, hub: Hub, badges: Sequence[Element]) -> None:
        self._services, self._hub, self._badges, self._shown = services, hub, badges, -1

    def refresh(self) -> None:
        waiting = self._hub.view("alerts-waiting", lambda _shop: _waiting(self._services))
        if waiting == self._shown:
            return
        self._shown = waiting
        for badge in self._badges:
            badge.set_text(str(min(waiting, 99)) if waiting else "")  # type: ignore[attr-defined]


def _waiting(services: Services) -> int:
    return sum(alert.waits for alert in services.alerts.active())


def _urgent_now(services: Services, hub: Hub) -> str:
    return hub.view("alerts-urgent", lambda _shop: _urgent(services))


def _urgent(services: Services) -> str:
    """The more urgent of critical and high that stands and nobody took; "" without one."""
    standing = {alert.priority for alert in services.alerts.active() if alert.state is AlertState.UNACKNOWLEDGED}
    return next((p.value for p in (Priority.CRITICAL, Priority.HIGH) if p in standing), "")


def _tone_data(services: Services, hub: Hub, viewer: Viewer) -> dict[str, Any]:
    words = {name: t(f"tone.{name}", viewer.lang) for name in ("on", "off", "blocked")}
    return {"urgent": _urgent_now(services, hub), "user": viewer.user.name, **words}


class _Banners:
    """Lines under the top bar: no connection (drawn by the browser), samples not being kept."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        with el("div", "em-banners"):
            with el("div", "em-banner em-banner-alarm em-banner-offline", testid="banner-offline", role="status"):
                icon("error")
                el("span", text=t("banner.offline", viewer.lang))
            self._storage = el("div", "em-banner em-banner-alarm", testid="banner-storage", role="status")
            with self._storage:
                icon("error")
                self._words = el("span")
        self._storage.set_visibility(False)

    def refresh(self, services: Services, hub: Hub) -> None:
        words = storage_words(services.status.storage(), self._viewer.fmt, hub.shop().now_us)
        if words != self._words.text:
            self._words.set_text(words)
            self._storage.set_visibility(bool(words))


def _status_live(hub: Hub) -> dict[str, Any]:
    """Server time now and the newest value's time, ms."""
    newest = hub.newest_us()
    return {"now_ms": hub.shop().now_us // 1000, "last_ms": newest // 1000 if newest else None}


def _status_data(services: Services, hub: Hub, viewer: Viewer) -> dict[str, Any]:
    ages = {name: t(f"age.{name}", viewer.lang, n="{n}") for name in ("s", "min", "h")}
    return {
        **_status_live(hub),
        "lang": viewer.lang,
        "zone": services.plant.plant.site.timezone,
        "old_s": OLD_AFTER_S,
        "age": {"none": t("age.none", viewer.lang), **ages},
    }


def _still_here() -> User | None:
    """The user, looked up now; a page whose session is over goes to the login."""
    try:
        return user_of(ui.context.client)
    except Forbidden:
        ui.navigate.to("/login")
        return None


def _quick(services: Services, viewer: Viewer, dark: ui.dark_mode) -> None:
    """On wide screens: light or dark, and the other language, in one click."""
    other = next(code for code in LANGUAGES if code != viewer.lang)

    async def swap_theme() -> None:
        seen = await ui.run_javascript("document.body.classList.contains('body--dark')")  # "auto" is decided there
        theme = "light" if seen else "dark"
        if (user := _still_here()) is not None:
            dark.set_value(DARK[theme])
            await services.access.set_preferences(user.id, theme=theme)

    async def swap_language() -> None:
        if (user := _still_here()) is not None:
            await services.access.set_preferences(user.id, language=other)
            ui.navigate.reload()

    with el("div", "em-top-quick"):
        button(icon_name="dark_mode", on_click=swap_theme, label=t("user.theme.swap", viewer.lang), testid="theme-swap")
        button(viewer.lang.upper(), swap_language, label=t(f"language.{other}", other), testid="language-swap")


def _user_menu(services: Services, viewer: Viewer, dark: ui.dark_mode) -> None:
    user, lang = viewer.user, viewer.lang
    initials = "".join(word[0] for word in (user.full_name or user.name).split()[:2]).upper()

    async def set_language(value: str) -> None:
        if (now := _still_here()) is not None:
            await services.access.set_preferences(now.id, language=value)
            ui.navigate.reload()

    async def set_theme(value: str) -> None:
        if (now := _still_here()) is not None:
            dark.set_value(DARK[value])
            await services.access.set_preferences(now.id, theme=value)

    with el("button", "em-user", initials, "user-menu", type="button", aria_label=t("user.menu", lang)):  # noqa: SIM117
        with ui.menu().classes("em-menu em-user-card").props("anchor='bottom right' self='top right'"), el("div", "em-user-body"):
            el("b", text=user.full_name or user.name)
            el("span", "em-quiet", t(f"role.{user.role.value}", lang))
            el("span", "em-field-label", t("user.language", lang))
            Segmented({code: t(f"language.{code}", code) for code in LANGUAGES}, lang, set_language, testid="language")
            el("span", "em-field-label", t("user.theme", lang))
            Segmented(
                {name: t(f"theme.{name}", lang) for name in ("auto", "light", "dark")}, user.theme, set_theme, testid="theme"
            )
            mine = t("notify.mine", lang)
            button(mine, lambda: ui.navigate.to("/notifications"), icon_name="notifications_none", testid="my-notifications")
            button(t("user.logout", lang), lambda: ui.navigate.to("/logout"), icon_name="logout", testid="logout")
