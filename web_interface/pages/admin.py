"""Settings: what can be set, and what is set already."""

from __future__ import annotations

from collections.abc import Mapping

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from starlette.responses import Response

from domain.access import Role
from domain.errors import StorageError
from web_interface.components import Hub, el, icon
from web_interface.pages import admin_frame, shell
from web_interface.services import Services


def register(services: Services, hub: Hub) -> None:
    """The page at /admin."""
    shell.offer("settings")

    @ui.page(admin_frame.HOME, title="")
    async def admin_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ENGINEER)) is not None:
            return answer
        with shell.page(services, hub, active="settings", title_key="nav.settings") as page:
            facts = _build(page)
        await page.client.connected()  # the cards lead on at once; what they hold is counted afterwards
        await _count(page, facts)
        return None


def _build(page: shell.Page) -> dict[str, TextElement]:
    """A card a section, by groups."""
    facts: dict[str, TextElement] = {}
    for group, sections in admin_frame.groups_for(page.viewer.user.role).items():
        el("h2", "em-admin-head", page.t(f"admin.group.{group}"))
        with el("div", "em-admin-home", testid=f"admin-group-{group}"):
            for section in sections:
                facts[section.key] = _card(page, section)
    return facts


def _card(page: shell.Page, section: admin_frame.Section) -> TextElement:
    """What a section is for; the room for how much of it there is."""
    with el("a", "em-card em-admin-card", testid=f"admin-card-{section.key}", href=section.path):
        icon(section.icon, "em-admin-card-icon")
        with el("div", "em-admin-card-text"):
            el("h3", "em-card-title", page.t(f"admin.{section.key}"))
            el("p", "em-quiet", page.t(f"admin.{section.key}.about"))
            fact = el("b", "em-admin-card-fact", "", f"admin-fact-{section.key}")
        icon("chevron_right", "em-admin-card-go")
    return fact


async def _count(page: shell.Page, facts: Mapping[str, TextElement]) -> None:
    for key, words in (await _facts(page)).items():
        if key in facts and not facts[key].is_deleted:
            facts[key].text = words


async def _facts(page: shell.Page) -> dict[str, str]:
    plant = page.services.plant.plant
    found = {
        "devices": page.t("admin.count.devices", n=len(plant.devices))
        + ", "
        + page.t("admin.count.lines", n=len(plant.lines)),
        "profiles": page.t("profile.count", n=sum(entry.own for entry in page.services.profiles.entries())),
        "machines": page.t("admin.count.machines", n=len(plant.machines)),
        "limits": page.t("admin.count.limits", n=len(plant.limits)),
        "virtual": page.t("virtual.count", n=len(plant.virtual_tags)),
    }
    if not page.viewer.may(Role.ADMIN):
        return found
    try:
        users, keys = await page.services.access.users(), await page.services.access.keys()
        last = await page.services.access.audit(1)
    except StorageError:  # the cards lead on all the same
        return found
    found["users"] = page.t("admin.count.users", n=sum(user.enabled for user in users))
    found["keys"] = page.t("admin.count.keys", n=sum(not key.revoked for key in keys))
    if last:
        moment = page.viewer.fmt.moment(last[0].time_us, page.hub.shop().now_us)
        found["audit"] = page.t("admin.audit.last", when=moment)
    return found
