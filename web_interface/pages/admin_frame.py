"""What the pages of the settings share: who may open which, the list of sections, the refusal, saving with its errors."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nicegui import Client, ui
from nicegui.element import Element
from starlette.responses import Response

from domain.access import Role
from domain.errors import Forbidden, MonitorError
from web_interface.components import Hub, Tick, actor_of, button, el, icon, notify, user_of
from web_interface.locale import t
from web_interface.pages import admin_words, shell
from web_interface.plain.page import error_page
from web_interface.services import Services

log = logging.getLogger(__name__)
HOME = "/admin"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the settings. `needs`: who sees and opens it."""

    key: str
    icon: str
    needs: Role

    @property
    def path(self) -> str:
        return f"{HOME}/{self.key}"


# What belongs together, in the order of setting up a shop; the names are admin.group.<key>.
GROUPS: Mapping[str, tuple[Section, ...]] = {
    "equipment": (
        Section("site", "factory", Role.ADMIN),
        Section("devices", "cable", Role.ADMIN),
        Section("profiles", "memory", Role.ADMIN),
        Section("machines", "precision_manufacturing", Role.ENGINEER),
        Section("virtual", "functions", Role.ENGINEER),
        Section("alignments", "align_horizontal_left", Role.ENGINEER),
    ),
    "work": (
        Section("calendar", "calendar_month", Role.ENGINEER),
        Section("money", "payments", Role.ENGINEER),
        Section("limits", "rule", Role.ENGINEER),
        Section("inspection", "fact_check", Role.ENGINEER),
    ),
    "people": (
        Section("users", "group", Role.ADMIN),
        Section("keys", "vpn_key", Role.ADMIN),
        Section("audit", "history", Role.ADMIN),
    ),
    "exchange": (
        Section("feeds", "sync_alt", Role.ADMIN),
        Section("notifications", "notifications_active", Role.ADMIN),
        Section("certificates", "verified_user", Role.ADMIN),
    ),
    "keeping": (
        Section("plant", "description", Role.ADMIN),
        Section("history", "manage_history", Role.ENGINEER),
        Section("backups", "save", Role.ADMIN),
    ),
}
SECTIONS = tuple(section for sections in GROUPS.values() for section in sections)


def groups_for(role: Role) -> Mapping[str, Sequence[Section]]:
    """The groups with what this role may open of them; none is empty."""
    found = {group: [section for section in sections if role.allows(section.needs)] for group, sections in GROUPS.items()}
    return {group: sections for group, sections in found.items() if sections}


def sections_for(role: Role) -> Sequence[Section]:
    """The parts this role may open."""
    return [section for section in SECTIONS if role.allows(section.needs)]


def needs_of(key: str) -> Role:
    """The least role of a section; the home page opens to whoever may open any section."""
    return next((s.needs for s in SECTIONS if s.key == key), Role.ENGINEER)


async def refused(services: Services, client: Client, needs: Role) -> Response | None:
    """A plain page with status 403 for whoever lacks the role, noted in the audit; it leaves nothing on the server."""
    user = user_of(client)
    if user.role.allows(needs):
        return None
    actor = actor_of(client)
    request = client.request
    await services.access.refused(actor.name, actor.source, f"page {request.url.path}")
    lang = user.language or services.plant.plant.site.language
    client.delete()
    page = error_page(403, lang, asked=request.url.path, needs=t(f"role.{needs.value}", lang))
    return Response(page, 403, media_type="text/html")


@contextmanager
def section_page(
    services: Services, hub: Hub, key: str, *, title: str = "", parent: str = ""
) -> Iterator[shell.Page]:
    """The frame of one section beside the list of all; `title` and `parent` for a page below its section."""
    lang = _lang(services)
    crumbs: list[tuple[str, str | None]] = [(t("nav.settings", lang), HOME)]
    if parent:
        crumbs.append((t(f"admin.{key}", lang), parent))
    words = title or t(f"admin.{key}", lang)
    with shell.page(services, hub, active="settings", title=words, crumbs=crumbs) as page:
        if parent:
            with el("div", "em-admin"):
                yield page
            return
        with el("div", "em-admin-split"):
            _menu(page, key)
            with el("div", "em-admin"):
                yield page


def text_for(services: Services, key: str) -> str:
    """A text for the page being built, before its frame stands."""
    return t(key, _lang(services))


def _lang(services: Services) -> str:
    return user_of(ui.context.client).language or services.plant.plant.site.language


def _menu(page: shell.Page, chosen: str) -> None:
    """The sections by groups; on a narrow screen they open under a button that says where we are."""
    section = next(section for section in SECTIONS if section.key == chosen)
    nav_id = "admin-sections"

    def toggle() -> None:
        opened = nav.props["data-open"] != "true"
        nav.props["data-open"] = opener.props["aria-expanded"] = "true" if opened else "false"
        nav.update()
        opener.update()

    words = {"type": "button", "aria_expanded": "false", "aria_controls": nav_id}
    with el("button", "em-admin-opener", testid="admin-opener", **words) as opener:
        icon(section.icon)
        el("span", text=page.t(f"admin.{chosen}"))
        icon("expand_more", "em-admin-opener-mark")
    opener.on("click", toggle)
    with el("nav", "em-admin-nav", testid="admin-tabs", id=nav_id, aria_label=page.t("admin.sections"), data_open="false") as nav:
        for group, sections in groups_for(page.viewer.user.role).items():
            el("b", "em-admin-group", page.t(f"admin.group.{group}"))
            for section in sections:
                attrs = {"aria_current": "page"} if section.key == chosen else {}
                with el("a", "em-admin-link", testid=f"admin-tab-{section.key}", href=section.path, **attrs):
                    icon(section.icon)
                    el("span", text=page.t(f"admin.{section.key}"))


def tell_of_others(page: shell.Page, changed: Callable[[], bool]) -> None:
    """In the present place: once `changed` is true after a change of the configuration, that somebody else made it."""
    box = el("div", "em-admin-others", testid="changed-meanwhile", role="status")

    def look(tick: Tick) -> list[tuple[Element, Mapping[str, Any]]]:
        if "plant" in tick.kinds and changed() and not box.default_slot.children:
            with box, el("div", "em-banner em-banner-quiet"):
                icon("group")
                el("span", text=page.t("admin.others"))
                button(page.t("admin.others.reload"), ui.navigate.reload, small=True, testid="changed-reload")
        return []

    page.every(look)


async def attempt(
    page: shell.Page, act: Callable[[], Awaitable[object]], on_error: Callable[[MonitorError], object] | None = None
) -> bool:
    """Do what the user asked. A refusal or fault is said in plain words; `on_error` shows it where it belongs instead."""
    try:
        await act()
    except Forbidden as exc:
        log.info("refused in the settings: %s", exc)
        notify(page.t("error.forbidden"), good=False)
        return False
    except MonitorError as exc:
        if on_error is not None:
            on_error(exc)
        else:
            notify(admin_words.said(exc, page.lang), good=False)
        return False
    return True
