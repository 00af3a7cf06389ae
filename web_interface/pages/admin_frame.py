"""What the pages of the settings share: who may open which, the strip of sections, the refusal, saving with its errors."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from nicegui import Client, ui
from starlette.responses import Response

from domain.access import Role
from domain.errors import MonitorError
from web_interface.components import Hub, actor_of, el, icon, notify, user_of
from web_interface.locale import t
from web_interface.pages import admin_words, shell
from web_interface.plain.page import error_page
from web_interface.services import Forbidden, Services

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


SECTIONS = (
    Section("devices", "cable", Role.ADMIN),
    Section("profiles", "memory", Role.ADMIN),
    Section("machines", "precision_manufacturing", Role.ENGINEER),
    Section("calendar", "calendar_month", Role.ENGINEER),
    Section("limits", "rule", Role.ENGINEER),
    Section("virtual", "functions", Role.ENGINEER),
    Section("inspection", "fact_check", Role.ENGINEER),
    Section("users", "group", Role.ADMIN),
    Section("keys", "vpn_key", Role.ADMIN),
    Section("feeds", "sync_alt", Role.ADMIN),
    Section("notifications", "notifications_active", Role.ADMIN),
    Section("audit", "history", Role.ADMIN),
    Section("plant", "description", Role.ADMIN),
    Section("history", "manage_history", Role.ENGINEER),
    Section("backups", "save", Role.ADMIN),
    Section("certificates", "verified_user", Role.ADMIN),
)


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
    return Response(error_page(403, lang), 403, media_type="text/html")


@contextmanager
def section_page(
    services: Services, hub: Hub, key: str, *, title: str = "", parent: str = ""
) -> Iterator[shell.Page]:
    """The frame of one section with the strip of all; `title` and `parent` for a page below its section."""
    lang = _lang(services)
    crumbs: list[tuple[str, str | None]] = [(t("nav.settings", lang), HOME)]
    if parent:
        crumbs.append((t(f"admin.{key}", lang), parent))
    words = title or t(f"admin.{key}", lang)
    with shell.page(services, hub, active="settings", title=words, crumbs=crumbs) as page, el("div", "em-admin"):
        if not parent:
            _tabs(page, key)
        yield page


def text_for(services: Services, key: str) -> str:
    """A text for the page being built, before its frame stands."""
    return t(key, _lang(services))


def _lang(services: Services) -> str:
    return user_of(ui.context.client).language or services.plant.plant.site.language


def _tabs(page: shell.Page, chosen: str) -> None:
    with el("nav", "em-tabs", testid="admin-tabs", aria_label=page.t("admin.sections")):
        for section in sections_for(page.viewer.user.role):
            attrs = {"aria_current": "page"} if section.key == chosen else {}
            with el("a", "em-tab", testid=f"admin-tab-{section.key}", href=section.path, **attrs):
                icon(section.icon)
                el("span", text=page.t(f"admin.{section.key}"))


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
