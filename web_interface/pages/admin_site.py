"""The site: what it is called, whose clock it lives by, its main meter, and the numbers everything is compared with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from nicegui import ui
from starlette.responses import Response

from domain.access import Role
from domain.errors import MonitorError
from domain.plant import Plant
from web_interface.components import Card, Confirm, Hub, button, el, link_button, notify
from web_interface.format import plain
from web_interface.locale import LANGUAGES, has, t
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.admin_form import NONE, Field, Form
from web_interface.services import Services

PATH = "/admin/site"
REGIONS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_CURRENCY = 8
ZONES_S = 60.0  # a slow disk may take its time to give them; an error page in the middle of it helps nobody


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/site."""

    @ui.page(PATH, title="", response_timeout=ZONES_S)
    async def site_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        await asyncio.to_thread(known_zones)  # reads some hundred files the first time
        with admin_frame.section_page(services, hub, "site") as page:
            SitePage(page).build()
        return None


class SitePage:
    """One open form."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._known = page.services.plant.section("site")
        self._values: dict[str, Any] = dict(self._known) if isinstance(self._known, Mapping) else {}
        self._values.setdefault("timezone", page.services.plant.plant.site.timezone)
        self._form: Form

    def build(self) -> None:
        """The form; what its clock says; the foot."""
        page = self._page
        admin_frame.tell_of_others(page, lambda: page.services.plant.section("site") != self._known)
        with Card(page.t("admin.site"), note=page.t("site.note"), testid="site-card"):
            self._form = Form(self._fields(), self._values, lang=page.lang, testid="site-form", on_change=self._typed)
            self._clock = el("p", "em-quiet em-site-clock", testid="site-clock", role="status")
        self._tell_time()
        with el("footer", "em-card em-admin-foot", testid="site-foot"):
            link_button(page.t("admin.history"), "/admin/history", icon_name="manage_history", testid="site-history")
            el("span", "em-quiet em-admin-foot-words", page.t("money.tariff.foot"))
            with el("div", "em-admin-foot-right"):
                button(page.t("action.save"), self._save, kind="primary", icon_name="done", testid="site-save")

    def _fields(self) -> Sequence[Field]:
        page, words = self._page, self._page.t
        now_us = page.hub.shop().now_us
        zones = {name: zone_words(name, now_us, page.lang) for name in known_zones()}
        languages = {code: words(f"site.language.{code}") for code in LANGUAGES}
        meters = meter_options(page.services.plant.plant, page.lang, "site.no_main_meter")
        kw, kwh = words("unit.kW"), page.viewer.fmt.unit("kWh")
        return [
            Field("name", "text", words("admin.field.name"), required=True, hint=words("site.hint.name")),
            Field("timezone", "choice", words("admin.field.timezone"), options=zones, required=True, search=True, wide=True,
                  hint=words("site.hint.timezone")),
            Field("language", "choice", words("admin.field.language"), options=languages, default="ru", required=True,
                  hint=words("site.hint.language")),
            Field("main_meter", "choice", words("admin.field.main_meter"), options=meters, default=NONE, search=len(meters) > 12,
                  hint=words("site.hint.main_meter")),
            Field("contract_kw", "number", words("admin.field.contract_kw"), unit=kw, above=0,
                  hint=words("money.hint.site_contract")),
            Field("tariff_per_kwh", "number", words("money.site.price"), low=0, hint=words("money.hint.site_price")),
            Field("currency", "text", words("admin.field.currency"), default="₽", required=True, longest=_LONGEST_CURRENCY,
                  hint=words("money.hint.currency")),
            Field("kef_target", "number", words("admin.field.kef_target"), hint=words("site.hint.kef_target")),
            Field("shift_plan_kwh", "number", words("admin.field.shift_plan_kwh"), unit=kwh, above=0,
                  hint=words("site.hint.shift_plan")),
        ]  # fmt: skip

    def _typed(self, name: str) -> None:
        if name == "timezone":
            self._tell_time()

    def _tell_time(self) -> None:
        """What the clocks of the chosen zone show now."""
        zone, page = str(self._form["timezone"] or ""), self._page
        self._clock.text = page.t("site.clock", time=clock_in(zone, page.hub.shop().now_us)) if zone in known_zones() else ""

    async def _save(self) -> None:
        page, plant = self._page, self._page.services.plant
        if not self._form.check():
            notify(page.t("detector.wrong"), good=False)
            return
        values = self._form.values()
        if values["timezone"] != self._values["timezone"] and not await self._ask_zone(str(values["timezone"])):
            return
        wanted = {name: value for name, value in self._values.items() if name not in self._form} | values
        if await admin_frame.attempt(
            page, lambda: plant.save_section("site", wanted, page.actor(), known=self._known or {}), self._show_troubles
        ):
            notify(page.t("admin.saved"))
            ui.navigate.to(PATH)

    async def _ask_zone(self, zone: str) -> bool:
        """Once: what another clock means."""
        page, now_us = self._page, self._page.hub.shop().now_us
        before = str(self._values["timezone"])
        hours = plain(abs(shift_of(before, zone, now_us)).total_seconds() / 3600, page.lang)
        words = page.t(
            "site.zone.words", before=before, after=zone, then=clock_in(before, now_us), now=clock_in(zone, now_us), hours=hours
        )
        question = Confirm(page.lang, page.t("site.zone.ask"), words, page.t("site.zone.yes"), danger=False, testid="zone")
        return await question.ask()

    def _show_troubles(self, exc: MonitorError) -> None:
        self._form.show(admin_words.troubles(exc, self._page.lang, own="site"))


def meter_options(plant: Plant, lang: str, none_key: str) -> dict[str, str]:
    """Everything that can be a meter, real and virtual, and none."""
    virtual = {device_id: f"{device_id} · {t('virtual.device', lang)}" for device_id in plant.virtual_devices}
    return {NONE: t(none_key, lang), **{d.id: f"{d.id} · {d.line}" for d in plant.devices}, **virtual}


@lru_cache(maxsize=1)
def known_zones() -> Mapping[str, ZoneInfo]:
    """The zones people live in, by name; aliases of whole countries and of clocks without a place are left out."""
    names = sorted(name for name in available_timezones() if name.partition("/")[0] in REGIONS)
    return {name: ZoneInfo(name) for name in [*names, "UTC"]}


def zone_words(name: str, now_us: int, lang: str) -> str:
    """"Москва · Europe/Moscow · UTC+3"; the city only where the catalogue has it."""
    offset = _offset(name, now_us)
    minutes = round(abs(offset).total_seconds() / 60)
    sign = "\N{MINUS SIGN}" if offset < timedelta() else "+"
    shown = f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02}" if minutes % 60 else "")
    key = f"site.city.{name}"
    return " · ".join([*([t(key, lang)] if has(key, lang) else []), name, shown] if name != "UTC" else ["UTC"])


def clock_in(name: str, now_us: int) -> str:
    """"14:05" in that zone."""
    return f"{_local(name, now_us):%H:%M}"


def shift_of(before: str, after: str, now_us: int) -> timedelta:
    """How far the clocks of two zones lie apart now."""
    return _offset(after, now_us) - _offset(before, now_us)


def _offset(name: str, now_us: int) -> timedelta:
    return _local(name, now_us).utcoffset() or timedelta()


def _local(name: str, now_us: int) -> datetime:
    zone = known_zones().get(name) or ZoneInfo(name)
    return (_EPOCH + timedelta(microseconds=now_us)).astimezone(zone)
