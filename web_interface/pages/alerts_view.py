"""The alerts page as plain data: order, rows, the chosen alert's figures and trend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.alert import Action, Alert, AlertState, Change, Hold, HoldKind
from domain.errors import NotFound
from domain.plant import Plant
from web_interface.components.marks import priority_letter
from web_interface.format import MISSING, Format
from web_interface.locale import t
from web_interface.pages.trend import axis, time_ticks, trend_points
from web_interface.services import Services
from web_interface.texts import alert_sentence, alert_subject, point_name, technical

Data = dict[str, Any]
BEFORE_US = 35 * 60_000_000
LONGEST_US = 12 * 3_600_000_000
_ORDER = {AlertState.UNACKNOWLEDGED: 0, AlertState.ACKNOWLEDGED: 1, AlertState.RETURNED: 2, AlertState.CLEARED: 3}
_STATE_ICON = {AlertState.ACKNOWLEDGED: "done", AlertState.RETURNED: "keyboard_return", AlertState.CLEARED: "check_circle"}


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the list is shown: words in subject, sentence, tag or rule, and one priority; empty takes all."""

    words: str = ""
    priority: str = ""

    def takes(self, alert: Alert, plant: Plant, fmt: Format) -> bool:
        """Does the alert pass?"""
        if self.priority and alert.priority.value != self.priority:
            return False
        wanted = self.words.strip().casefold()
        if not wanted:
            return True
        text = " ".join((alert_subject(alert, plant, fmt.lang), alert_sentence(alert, fmt), alert.tag or "", alert.rule_id or ""))
        return wanted in text.casefold()


def ordered(alerts: Sequence[Alert]) -> list[Alert]:
    """Standing by priority, then returned; the newest first among equals."""
    return sorted(alerts, key=lambda a: (a.state is AlertState.RETURNED, a.priority.rank, _ORDER[a.state], -a.raised_us))


def columns(lang: str) -> list[Data]:
    """Columns of the list."""

    def column(key: str, align: str = "left", **more: Any) -> Data:
        return {"key": key, "name": t(f"alerts.col.{key}", lang), "align": align, **more}

    return [
        {"key": "mark", "name": "", "align": "left", "sort": False},
        column("raised"),
        column("what", grow=True),
        column("value", "right"),
        column("limit", "right"),
        column("lasts", "right"),
        column("state"),
        {"key": "do", "name": "", "align": "right", "sort": False},
    ]


def rows(
    alerts: Sequence[Alert], plant: Plant, now_us: int, fmt: Format, *, selected: int | None, may_acknowledge: bool
) -> list[Data]:
    """One row an alert."""
    return [_row(a, plant, now_us, fmt, a.id == selected, may_acknowledge) for a in alerts]


def _row(alert: Alert, plant: Plant, now_us: int, fmt: Format, selected: bool, may: bool) -> Data:
    lang, gone = fmt.lang, alert.state in {AlertState.RETURNED, AlertState.CLEARED}
    waits = alert.state in {AlertState.UNACKNOWLEDGED, AlertState.RETURNED}
    lasted_s = ((alert.returned_us or now_us) - alert.raised_us) / 1e6
    words = t(f"alertpage.state.{alert.state.value}", lang)
    state: Data = {"text": words, "icon": _STATE_ICON.get(alert.state, ""), "tone": "accent" if not gone and waits else "quiet"}
    if alert.state is AlertState.ACKNOWLEDGED:
        state["text"] = alert.acknowledged_by or words
    sentence: list[list[str]] = [[alert_sentence(alert, fmt), "em-quiet"]]
    if alert.repeats:
        sentence.append([f" · {t('alerts.repeats', lang, n=alert.repeats)}", "em-b" if alert.chattering else "em-quiet"])
    mark = [alert.priority.value, priority_letter(alert.priority, lang)]
    lasts = fmt.duration(lasted_s)
    if alert.hold is not None and alert.state.is_active:
        mark = ["shelved", ""]
        state = {"text": hold_words(alert.hold, lang), "icon": "", "tone": "quiet"}
        if alert.hold.until_us is not None:
            lasts = t("alerts.until", lang, time=fmt.moment(alert.hold.until_us, now_us))
    acknowledge = {"name": "ack", "icon": "done", "label": t("action.acknowledge", lang)}
    cells: Data = {
        "mark": {"text": "", "alarm": mark, "sort": alert.priority.rank},
        "raised": {"text": fmt.moment(alert.raised_us, now_us), "sort": alert.raised_us},
        "what": {
            "text": alert_subject(alert, plant, fmt.lang),
            "bold": alert.state is AlertState.UNACKNOWLEDGED,
            "sub": sentence,
        },
        "value": {"text": _value(alert.value, alert.unit, fmt), "sort": alert.value or 0.0, "bold": not gone},
        "limit": {"text": _value(alert.limit, alert.unit, fmt), "sort": alert.limit or 0.0},
        "lasts": {"text": lasts, "sort": round(lasted_s)},
        "state": state,
        "do": {"text": "", "actions": [acknowledge] if waits and may and alert.hold is None else []},
    }
    return {
        "id": alert.id,
        "cells": cells,
        "clickable": True,
        "selected": selected,
        "muted": gone,
        "bar": alert.state is AlertState.UNACKNOWLEDGED and alert.hold is None,
    }


def _value(value: float | None, unit: str, fmt: Format) -> str:
    return MISSING if value is None else fmt.value(value, unit)


def head(alert: Alert, plant: Plant, fmt: Format) -> dict[str, str]:
    """Subject, sentence, big value and its limit."""
    limit = ""
    if alert.limit is not None:
        limit = t("alerts.limit", fmt.lang, limit=fmt.value(alert.limit, alert.unit))
    return {
        "subject": alert_subject(alert, plant, fmt.lang),
        "sentence": alert_sentence(alert, fmt),
        "value": "" if alert.value is None else fmt.significant(alert.value),
        "worst": "" if alert.value is None or alert.limit is None else t("alerts.value.worst", fmt.lang),
        "unit": fmt.unit(alert.unit) if alert.unit not in {"", "1"} else "",
        "limit": limit,
    }


def fact_rows(alert: Alert, now_us: int, fmt: Format) -> list[tuple[str, str]]:
    """When, how long, who, what to check."""
    lang = fmt.lang
    found = [(t("alerts.fact.raised", lang), fmt.moment(alert.raised_us, now_us))]
    if alert.returned_us is not None:
        found.append((t("alerts.fact.returned", lang), fmt.moment(alert.returned_us, now_us)))
    if alert.acknowledged_us is not None:
        who = f"{alert.acknowledged_by or ''}, {fmt.moment(alert.acknowledged_us, now_us)}"
        found.append((t("alerts.fact.acknowledged", lang), who))
    if alert.hold is not None:
        found.append((hold_words(alert.hold, lang), _hold_reason(alert.hold, now_us, fmt)))
    if alert.note:
        found.append((t("alerts.fact.note", lang), alert.note))
    if alert.repeats:
        words = str(alert.repeats)
        if alert.last_raised_us is not None:
            words = t("alerts.repeats.last", lang, n=alert.repeats, time=fmt.moment(alert.last_raised_us, now_us))
        found.append((t("alerts.fact.repeats", lang), f"{words} · {t('alerts.chattering', lang)}" if alert.chattering else words))
    if alert.escalation:
        found.append((t("alerts.fact.escalation", lang), t("alerts.step", lang, n=alert.escalation)))
    if alert.rule_id and alert.rule_id != f"limit-{alert.tag}":  # that of a limit is called after its tag
        found.append((t("alerts.fact.rule", lang), alert.rule_id))
    if alert.tag:
        found.append((t("alerts.fact.tag", lang), f"{point_name(alert.tag.rpartition('.')[2], lang)} · {alert.tag}"))
    elif alert.device_id:
        found.append((t("alerts.fact.device", lang), alert.device_id))
    if alert.detail:
        found.append((t("alerts.fact.detail", lang), technical(alert.detail, fmt)))
    return found


def hold_words(hold: Hold, lang: str) -> str:
    """Shelved · П. Орлов."""
    words = t(f"alerts.hold.{hold.kind.value}", lang)
    return f"{words} · {hold.by}" if hold.by else words


def _hold_reason(hold: Hold, now_us: int, fmt: Format) -> str:
    words = hold.reason
    if hold.kind is HoldKind.SUPPRESSED:
        key = hold.reason.partition(":")
        words = t(f"state.{key[2]}", fmt.lang) if key[0] == "state" else t("alerts.no_shift", fmt.lang)
    if hold.until_us is None:
        return words
    return f"{words} ({t('alerts.until', fmt.lang, time=fmt.moment(hold.until_us, now_us))})"


def change_rows(changes: Sequence[Change], now_us: int, fmt: Format) -> list[tuple[str, str]]:
    """Time, and what happened by whom, the newest first."""
    rows = []
    for change in reversed(changes):
        words = t(f"alerts.action.{change.action.value}", fmt.lang)
        people = change.actor or ", ".join(_whom(name, fmt.lang) for name in change.to)
        note = "" if change.action is Action.ESCALATE or change.note is None else change.note
        rows.append((fmt.moment(change.time_us, now_us), " · ".join(part for part in (words, people, note) if part)))
    return rows


def _whom(name: str, lang: str) -> str:
    kind, _, role = name.partition(":")
    return t(f"role.{role}", lang) if kind == "role" and role else name


async def chart(alert: Alert, services: Services, now_us: int, fmt: Format) -> tuple[Data, Data] | None:
    """Options and view of the tag's trend around the alert, with its limit; None when the tag is gone."""
    if alert.tag is None:
        return None
    try:
        tag = services.live.tag(alert.tag)
    except NotFound:
        return None
    end_us = min(now_us, (alert.returned_us or now_us) + BEFORE_US)
    from_us = max(alert.raised_us - BEFORE_US, end_us - LONGEST_US)
    points = await trend_points(services.history, tag, from_us, end_us)
    stood = [{"xAxis": alert.raised_us / 1000}, {"xAxis": (alert.returned_us or end_us) / 1000}]
    limit = [] if alert.limit is None else [{"yAxis": alert.limit}]
    options: Data = {
        "grid": {"left": 46, "right": 10, "top": 10, "bottom": 24},
        "xAxis": {},
        "yAxis": axis([p[1] for p in points], zero=False, marks=[alert.limit]),
        "series": [
            {
                "name": tag.name,
                "type": "line",
                "data": points,
                "symbol": "none",
                "connectNulls": False,
                "lineStyle": {"color": "var(--s1)", "width": 2},
                "itemStyle": {"color": "var(--s1)"},
                "markLine": {
                    "silent": True,
                    "symbol": "none",
                    "label": {"show": False},
                    "data": limit,
                    "lineStyle": {"color": "var(--text)", "width": 1.5, "type": "solid"},
                },
                "markArea": {"silent": True, "itemStyle": {"color": "var(--alarm)", "opacity": 0.08}, "data": [stood]},
            }
        ],
    }
    view: Data = {
        "ticks": time_ticks(from_us, end_us, fmt, 5),
        "range": [from_us // 1000, end_us // 1000],
        "unit": fmt.unit(tag.unit),
        "digits": 1,
        "lang": fmt.lang,
        "zone": str(fmt.zone),
        "label": tag.name,
    }
    return options, view
