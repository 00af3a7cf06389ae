"""What lies on the time axis of a machine beside its states: finer states of idling, programs, alerts, operators' notes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import background_tasks
from nicegui.element import Element

from domain.access import Role
from domain.alert import Alert
from domain.errors import MonitorError
from domain.kpi import SpecificEnergy
from domain.note import LONGEST_NOTE, MachineNote
from domain.plant import Machine
from domain.production import ProgramStretch
from domain.substate import SubInterval, SubState
from web_interface.components import AlarmMark, button, el, icon, notify, priority_letter, text_field
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import shell
from web_interface.pages.machine_programs import program_lane
from web_interface.pages.note_dialog import Act, note_dialog
from web_interface.pages.typed_checks import length_check
from web_interface.texts import alert_sentence

log = logging.getLogger(__name__)

Window = tuple[int, int]
Data = dict[str, Any]
Totals = Callable[[], Sequence[SpecificEnergy]]
REFRESH_US = 60_000_000
MOST_EVENTS, MOST_ALERTS = 6, 1000
FINER = (SubState.STANDBY, SubState.WARM_UP, SubState.READY)
"""What idling is split into; the other sub-states are the states above."""


class Timeline:
    """Asks once a minute, and at once when the window changes or a note was added."""

    def __init__(self, *, page: shell.Page, machine: Machine, window: Callable[[], Window], totals: Totals) -> None:
        """`totals`: what the programs of the window took, as it was last asked for the figures."""
        self._page, self._machine, self._window, self._totals = page, machine, window, totals
        self._asked_us, self._begin_us = 0, -1
        self._drawn: tuple[Window, int, Data] | None = None  # of the last answer: drawn once, not each second
        self._parts: Sequence[SubInterval] = ()
        self._programs: Sequence[ProgramStretch] = ()
        self._alerts: Sequence[Alert] = ()
        self._notes: Sequence[MachineNote] = ()
        self._events: Element | None = None

    def build_button(self) -> None:
        """Beside the choice of the chart; those who only look have none."""
        if self._page.viewer.may(Role.OPERATOR):
            words = self._page.t("machine.note.add")
            button(words, self._ask_words, icon_name="sticky_note_2", testid="note-add", small=True)

    def build_events(self) -> None:
        """The newest alerts and notes in words, below the bars."""
        self._events = el("ul", "em-events", testid="machine-events")

    def data(self, window: Window, now_us: int) -> Data:
        """For the component of the bars: the rows of finer states and of programs with their legends, and the marks."""
        totals = id(self._totals())
        if self._drawn is None or self._drawn[:2] != (window, totals):
            self._drawn = (window, totals, self._draw(window, now_us))
        return self._drawn[2]

    def _draw(self, window: Window, now_us: int) -> Data:
        fmt = self._page.viewer.fmt
        marks = [alert_mark(a, window, fmt) for a in self._alerts] + [note_mark(n, window, fmt) for n in self._notes]
        lane = program_lane(self._programs, self._totals(), window, fmt)
        sub = sub_row(self._parts, window, now_us, fmt)
        return {"sub": sub, "programs": lane, "marks": marks, "marks_name": t("machine.events", fmt.lang)}

    def live(self) -> None:
        """Called at each tick."""
        now_us, begin_us = self._page.hub.shop().now_us, self._window()[0]
        if begin_us != self._begin_us or now_us - self._asked_us >= REFRESH_US:
            self._begin_us, self._asked_us = begin_us, now_us
            background_tasks.create(self._ask(), name="machine:timeline")

    async def _ask(self) -> None:
        (from_us, to_us), services = self._window(), self._page.services
        try:
            alerts = await services.alerts.history(from_us, to_us, MOST_ALERTS)
            self._alerts = sorted((a for a in alerts if self._concerns(a, from_us)), key=lambda a: a.raised_us)
            self._notes = await services.notes.notes(self._machine.id, from_us, to_us)
            self._show_events()
            self._drawn = None
            self._parts = (await services.states.substates(self._machine.id, from_us, to_us)).intervals
            self._drawn = None
            self._programs = await services.production.programs(self._machine.id, from_us, to_us, with_parts=False)
            self._drawn = None
        except (MonitorError, OSError) as exc:  # the database is away: what is shown stays
            log.warning("no time line of %s: %s", self._machine.id, exc)

    def _concerns(self, alert: Alert, from_us: int) -> bool:
        return alert.machine_id == self._machine.id and alert.raised_us >= from_us

    def _show_events(self) -> None:
        box = self._events
        if box is None or box.is_deleted:
            return
        fmt = self._page.viewer.fmt
        found: list[tuple[int, Alert | MachineNote]] = [(a.raised_us, a) for a in self._alerts]
        found += [(n.time_us, n) for n in self._notes]
        found.sort(key=lambda event: event[0])
        box.clear()
        with box:
            for time_us, event in found[-MOST_EVENTS:]:
                _event(time_us, event, fmt)

    # ---- a note -------------------------------------------------------------------------------------------------------
    def _ask_words(self) -> None:
        page = self._page

        def fields() -> Callable[[], Act | None]:
            hint, now = page.t("machine.note.time.hint"), page.viewer.fmt.clock(page.hub.shop().now_us)
            at = text_field(page.t("machine.note.time"), now, testid="machine-note-time", hint=hint)
            hint = page.t("machine.note.text.hint", n=LONGEST_NOTE)
            words = text_field(page.t("machine.note.text"), testid="machine-note-text", area=True, hint=hint,
                               validation=length_check(page.lang, LONGEST_NOTE))  # fmt: skip
            return lambda: self._adding(str(at.value or ""), str(words.value or ""))

        title = page.t("machine.note.title", machine=self._machine.name)
        note_dialog(page, title, fields, saved=page.t("machine.note.saved"), testid="machine-note")

    def _adding(self, clock: str, words: str) -> Act | None:
        page = self._page
        time_us = instant_of(clock, page.hub.shop().now_us, page.services.plant.plant.site.timezone)
        if time_us is None:
            notify(page.t("machine.note.time.wrong"), good=False)
            return None

        async def add() -> None:
            await page.services.notes.add(self._machine.id, time_us, words, page.actor())
            await self._ask()

        return add


def instant_of(clock: str, now_us: int, zone: str) -> int | None:
    """The last time not after now at which the site's clock showed this, UTC us; None where that is no time of the day."""
    try:
        at = datetime.strptime(clock.strip(), "%H:%M").time()  # noqa: DTZ007
    except ValueError:
        return None
    now = datetime.fromtimestamp(now_us / 1e6, ZoneInfo(zone))
    if (at.hour, at.minute) == (now.hour, now.minute):
        return now_us
    moment = datetime.combine(now.date(), at, ZoneInfo(zone))
    if moment > now:
        moment = datetime.combine(now.date() - timedelta(days=1), at, ZoneInfo(zone))
    return round(moment.timestamp()) * 1_000_000


def _event(time_us: int, event: Alert | MachineNote, fmt: Format) -> None:
    is_note = isinstance(event, MachineNote)
    with el("li", "em-event", testid="event-note" if is_note else "event-alert"):
        if isinstance(event, MachineNote):
            icon("sticky_note_2")
            words = note_words(event)
        else:
            AlarmMark(event.priority, fmt.lang)
            words = alert_sentence(event, fmt)
        el("span", "em-quiet", fmt.clock(time_us))
        el("span", "em-event-words", words)


def note_words(note: MachineNote) -> str:
    """What was noted, and by whom."""
    return f"{note.text}, {note.author}"


def _place(time_us: int, window: Window) -> float:
    return round((time_us - window[0]) / max(1, window[1] - window[0]) * 100, 3)


def alert_mark(alert: Alert, window: Window, fmt: Format) -> Data:
    """Shape, letter and words of an alert at the instant it came."""
    title = f"{fmt.clock(alert.raised_us)} {alert_sentence(alert, fmt)}"
    letter = priority_letter(alert.priority, fmt.lang)
    return {"x": _place(alert.raised_us, window), "kind": alert.priority.value, "letter": letter, "title": title}


def note_mark(note: MachineNote, window: Window, fmt: Format) -> Data:
    """A note at the instant it is about."""
    title = f"{fmt.clock(note.time_us)} {note_words(note)}"
    return {"x": _place(note.time_us, window), "kind": "note", "letter": "", "title": title}


def sub_row(parts: Sequence[SubInterval], window: Window, now_us: int, fmt: Format) -> Data | None:
    """Stand-by, warm-up and ready on the axis, with their time and share of the waiting; None while nothing is known of them."""
    finer = [p for p in parts if p.sub_state in FINER and p.to_us > window[0] and p.from_us < window[1]]
    if not finer:
        return None
    seconds: Mapping[SubState, float] = {
        sub: sum((min(p.to_us, now_us) - max(p.from_us, window[0])) / 1e6 for p in finer if p.sub_state is sub) for sub in FINER
    }
    total = sum(seconds.values()) or 1.0
    legend = [
        {
            "kind": sub.value, "name": t(f"substate.{sub.value}", fmt.lang), "time": fmt.duration(spent),
            "share": fmt.percent(spent / total),
        }
        for sub, spent in seconds.items() if spent >= 0.5
    ]  # fmt: skip
    return {"name": t("machine.substates", fmt.lang), "bars": [_part_bar(p, window, fmt) for p in finer], "legend": legend}


def _part_bar(part: SubInterval, window: Window, fmt: Format) -> list[Any]:
    begin, end = max(part.from_us, window[0]), min(part.to_us, window[1])
    name = t(f"substate.{part.sub_state.value}", fmt.lang)
    title = f"{name}, {fmt.clock(begin)}–{fmt.clock(end)}, {fmt.duration((end - begin) / 1e6)}"
    left = _place(begin, window)
    return [left, round(_place(end, window) - left, 3), title, part.sub_state.value]
