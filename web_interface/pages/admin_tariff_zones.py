"""Zones of a tariff as they are typed: name, price, hours and kinds of day of each; and the week that comes of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from nicegui.element import Element

from domain.tariff import MINUTES_A_DAY
from web_interface.components import button, el, icon, number_field, text_field
from web_interface.pages import admin_money_view as view
from web_interface.pages import shell
from web_interface.pages.energy_view import ZONE_COLOURS, zone_name

Told = Callable[[], Awaitable[None]]
LABEL_FROM_MIN = 150  # narrower stretches of the week have no room for their name
HOURS = (0, 6, 12, 18, 24)


@dataclass(slots=True, eq=False)
class SpanDraft:
    """Hours of a zone as typed; `days`: names of the kinds of day."""

    start: str = ""
    end: str = ""
    days: set[str] = field(default_factory=lambda: set(view.KINDS))
    controls: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class ZoneDraft:
    """A zone as typed."""

    name: str = ""
    price: float | None = None
    spans: list[SpanDraft] = field(default_factory=list)
    controls: dict[str, Any] = field(default_factory=dict)


def read_zone(entry: Mapping[str, Any]) -> ZoneDraft:
    """A stored zone."""
    spans = [
        SpanDraft(str(span.get("from", "")), str(span.get("to", "")), {str(day) for day in span.get("days") or view.KINDS})
        for span in entry.get("spans") or ()
    ]
    return ZoneDraft(str(entry.get("name") or ""), entry.get("price_per_kwh"), spans)


class ZoneEditor:
    """`told` after every change."""

    def __init__(self, page: shell.Page, zones: Sequence[Mapping[str, Any]], told: Told, currency: str) -> None:
        self._page, self._told, self._currency = page, told, currency
        self._zones = [read_zone(zone) for zone in zones]
        self._list: Element | None = None
        self._trouble: Any = None

    def entries(self) -> list[view.Entry]:
        """As the plant file has them."""
        return [
            view.zone_entry(zone.name, zone.price, [(span.start, span.end, frozenset(span.days)) for span in zone.spans])
            for zone in self._zones
        ]

    def build(self) -> None:
        """The zones one under the other, and ways to begin."""
        t = self._page.t
        with el("div", "em-zones-edit", testid="zones"):
            with el("div", "em-zones-templates"):
                el("span", "em-quiet", t("money.zones.begin"))
                for key in view.TEMPLATES:
                    button(t(f"money.zones.{key}"), partial(self._begin, key), small=True, testid=f"zones-{key}")
            self._list = el("div", "em-zones-list")
            self._trouble = el("div", "em-form-troubles", testid="zones-trouble", role="alert")
            with el("div"):
                button(t("money.zone.add"), self._add, icon_name="add", testid="zone-add")
        self._draw()

    def clear(self) -> None:
        """No errors."""
        if self._trouble is not None:
            self._trouble.clear()
        for zone in self._zones:
            for controls in (zone.controls, *(span.controls for span in zone.spans)):
                for control in controls.values():
                    if control.error:
                        control.error = None

    def show(self, path: Sequence[str | int], words: str) -> None:
        """What is wrong, at its field; what is wrong with the whole below the zones. `path`: (zone, "spans", span, "from")."""
        control = self._control(path)
        if control is not None:
            control.error = words
        elif self._trouble is not None:
            with self._trouble, el("div", "em-form-trouble", testid="zones-problem"):
                icon("error", "em-alarm")
                el("span", text=words)

    def _control(self, path: Sequence[str | int]) -> Any:
        if not path or not isinstance(path[0], int) or path[0] >= len(self._zones):
            return None
        zone = self._zones[path[0]]
        if len(path) > 3 and isinstance(path[2], int) and path[2] < len(zone.spans):
            return zone.spans[path[2]].controls.get(str(path[3]))
        return zone.controls.get(str(path[1])) if len(path) > 1 else None

    # ---- drawing -----------------------------------------------------------------------------------------------------
    def _draw(self) -> None:
        if self._list is None:
            return
        self._list.clear()
        with self._list:
            for place, zone in enumerate(self._zones):
                self._draw_zone(place, zone)

    def _draw_zone(self, place: int, zone: ZoneDraft) -> None:
        page, t = self._page, self._page.t
        price_unit = f"{self._currency}/{page.viewer.fmt.unit('kWh')}"
        with el("section", "em-zone-edit", testid=f"zone-{place}"):
            with el("div", "em-zone-edit-head"):
                el("i", "em-zone-mark", style=f"background: {ZONE_COLOURS[place % len(ZONE_COLOURS)]}", aria_hidden="true")
                label, hint = t("money.zone.name") + "\u00a0*", "" if place else t("money.hint.zone")
                name = text_field(label, zone.name, testid=f"zone-{place}-name", hint=hint)
                price = number_field(t("admin.field.price_per_kwh") + "\u00a0*", zone.price, testid=f"zone-{place}-price",
                                     unit=price_unit, lang=page.lang, low=0)  # fmt: skip
                zone.controls = {"name": name, "price_per_kwh": price}
                button(icon_name="delete_outline", label=t("money.zone.remove"), kind="quiet", testid=f"zone-{place}-remove",
                       on_click=lambda: self._remove(zone))  # fmt: skip
            name.on_value_change(lambda event: self._set(zone, "name", str(event.value or "")))
            price.on_value_change(lambda event: self._set(zone, "price", event.value))
            for number, span in enumerate(zone.spans):
                self._draw_span(place, number, zone, span)
            button(t("money.span.add"), lambda: self._add_span(zone), kind="quiet", icon_name="add", small=True,
                   testid=f"zone-{place}-span-add")  # fmt: skip

    def _draw_span(self, place: int, number: int, zone: ZoneDraft, span: SpanDraft) -> None:
        t, base = self._page.t, f"zone-{place}-span-{number}"
        with el("div", "em-span-edit", testid=base):
            for name, value, key in (("from", span.start, "money.span.from"), ("to", span.end, "money.span.to")):
                made = text_field(t(key), value, testid=f"{base}-{name}", mono=True, validation=self._clock_trouble)
                made.props("mask=##:## hide-bottom-space")
                made.on_value_change(lambda event, name=name: self._typed_clock(span, name, str(event.value or "")))
                span.controls[name] = made
            with el("div", "em-span-days", role="group", aria_label=t("admin.field.days")):
                for day in view.KINDS:
                    self._draw_day(base, span, day)
            button(icon_name="close", label=t("money.span.remove"), kind="quiet", testid=f"{base}-remove",
                   on_click=lambda: self._remove_span(zone, span))  # fmt: skip

    def _draw_day(self, base: str, span: SpanDraft, day: str) -> None:
        t = self._page.t
        words = t("money.day.holiday") if day == "holiday" else t(f"calendar.day.{day}")
        title = t("money.day.holidays") if day == "holiday" else words
        pressed = "true" if day in span.days else "false"
        chip = el("button", "em-day-chip", words, f"{base}-{day}", type="button", aria_pressed=pressed, title=title)

        async def toggle() -> None:
            span.days ^= {day}
            chip.props["aria-pressed"] = "true" if day in span.days else "false"
            chip.update()
            await self._told()

        chip.on("click", toggle)

    def _clock_trouble(self, typed: Any) -> str | None:
        """Told once the time is whole."""
        text = str(typed or "")
        return self._page.t("expected.quarter") if len(text) == 5 and view.minute_of(text) is None else None

    # ---- changing ----------------------------------------------------------------------------------------------------
    async def _set(self, zone: ZoneDraft, name: str, value: Any) -> None:
        setattr(zone, name, value)
        await self._told()

    async def _typed_clock(self, span: SpanDraft, name: str, value: str) -> None:
        setattr(span, "start" if name == "from" else "end", value)
        if len(value) in {0, 5}:
            await self._told()

    async def _begin(self, key: str) -> None:
        """The hours of a usual tariff; prices that were typed for zones of the same place stay."""
        prices = [zone.price for zone in self._zones]
        self._zones = [read_zone(zone) for zone in view.TEMPLATES[key]]
        for zone, price in zip(self._zones, prices, strict=False):
            zone.price = price
        self._draw()
        await self._told()

    async def _add(self) -> None:
        self._zones.append(ZoneDraft(spans=[SpanDraft()]))
        self._draw()
        await self._told()

    async def _remove(self, zone: ZoneDraft) -> None:
        self._zones.remove(zone)
        self._draw()
        await self._told()

    async def _add_span(self, zone: ZoneDraft) -> None:
        zone.spans.append(SpanDraft())
        self._draw()
        await self._told()

    async def _remove_span(self, zone: ZoneDraft, span: SpanDraft) -> None:
        zone.spans.remove(span)
        self._draw()
        await self._told()


def week(page: shell.Page, zones: Sequence[Mapping[str, Any]]) -> None:
    """Days down, hours across, each stretch in the colour of its zone; hours of none or of two zones are marked as wrong."""
    t, lang = page.t, page.lang
    names = [zone_name(str(zone.get("name") or "—"), lang) for zone in zones]
    with el("div", "em-week", testid="week", role="img", aria_label=t("money.week")):
        for row in view.week_of(zones):
            el("span", "em-week-day", view.kinds_words(row.kinds, t))
            with el("div", "em-week-bar"):
                for stretch in row.stretches:
                    _stretch(page, stretch, names)
        el("span")
        with el("div", "em-week-axis", aria_hidden="true"):
            for hour in HOURS:
                el("span", text=str(hour)).style(f"left:{100 * hour / 24:.2f}%")


def _stretch(page: shell.Page, stretch: view.Stretch, names: Sequence[str]) -> None:
    width = 100 * (stretch.end_min - stretch.start_min) / MINUTES_A_DAY
    hours = f"{view.clock(stretch.start_min)}–{view.clock(stretch.end_min)}"
    if len(stretch.zones) == 1:
        words, look = names[stretch.zones[0]], "em-week-part"
        colour = f"background:{ZONE_COLOURS[stretch.zones[0] % len(ZONE_COLOURS)]};"
    else:
        words = page.t("money.week.none" if not stretch.zones else "money.week.twice")
        look, colour = "em-week-part em-week-wrong", ""
    with el("div", look, title=f"{hours}: {words}").style(f"{colour}width:{width:.4f}%"):
        if stretch.end_min - stretch.start_min >= LABEL_FROM_MIN:
            el("span", text=words)
