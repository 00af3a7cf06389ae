"""The machine page as plain data: live table, phasors, Gantt with totals, and where КЭФ comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from domain.efficiency import CARDS, DEFAULT_CARD, GroupEfficiency
from domain.energy import Efficiency, EnergyAccount
from domain.plant import Machine, Plant
from domain.quality import FIRST_BAD
from domain.state import MachineState, StateInterval
from web_interface.components.marks import STATE_ORDER, state_letter, state_name
from web_interface.format import MISSING, Format
from web_interface.locale import t
from web_interface.pages.explain_view import quotient
from web_interface.pages.trend import time_ticks
from web_interface.services.live import LatestValue, MachineNow
from web_interface.texts import point_name, quality_words

Data = dict[str, Any]
PHASES = ("l1", "l2", "l3")
COLUMNS = (
    ("voltage", "V", 1), ("current", "A", 2), ("active_power", "kW", 2), ("reactive_power", "kvar", 2), ("power_factor", "1", 3),
)
US = 1_000_000


def by_point(values: Sequence[LatestValue], meter: str | None = None) -> dict[str, LatestValue]:
    """Latest values of a machine by point; of points that several of its devices have, the meter's, else the first."""
    found: dict[str, LatestValue] = {}
    for value in sorted(values, key=lambda v: v.tag.device_id != meter):
        found.setdefault(value.tag.point, value)
    return found


def phase_columns(lang: str) -> list[Data]:
    """Heads of the live table, units in the head."""
    heads = [{"key": "phase", "name": "", "align": "left", "sort": False}]
    for name, unit, _ in COLUMNS:
        words = t(f"machine.col.{name}", lang)
        shown = f"{words}, {t(f'unit.{unit}', lang)}" if unit != "1" else words
        heads.append({"key": name, "name": shown, "align": "right", "sort": False})
    return heads


def phase_rows(points: Mapping[str, LatestValue], fmt: Format) -> list[Data]:
    """L1 to L3 and the total; a lost value is a dash with its reason, never 0."""
    rows = []
    for phase in (*PHASES, "total"):
        cells: Data = {"phase": {"text": t("machine.total", fmt.lang) if phase == "total" else phase.upper(), "bold": True}}
        for name, _unit, digits in COLUMNS:
            value = points.get(name if phase == "total" else f"{name}_{phase}")
            cells[name] = _cell(value, digits, fmt, bold=phase == "total")
        rows.append({"id": phase, "cells": cells})
    return rows


def _cell(value: LatestValue | None, digits: int, fmt: Format, *, bold: bool = False) -> Data:
    if value is None:
        return {"text": ""}
    if value.quality >= FIRST_BAD:
        return {"text": MISSING, "tone": "quiet", "sub": [[quality_words(value.quality, fmt.lang), "em-quiet"]]}
    return {"text": fmt.number(value.value, digits), "bold": bold, "tone": "alarm" if value.quality else ""}


def has_phases(points: Mapping[str, LatestValue]) -> bool:
    """Does this meter measure by phase?"""
    return any(f"voltage_{phase}" in points for phase in PHASES)


def other_rows(points: Mapping[str, LatestValue], fmt: Format, *, with_phases: bool) -> list[tuple[str, str, str]]:
    """(point, name, value) of everything the phase table does not show: counters as the meter shows them, texts, inputs."""
    names = [name for name, _, _ in COLUMNS] if with_phases else []
    shown = {*names, *(f"{name}_{phase}" for name in names for phase in PHASES)} | ({"frequency"} if with_phases else set())
    rows = []
    for point, value in points.items():
        if point in shown:
            continue
        rows.append((point, point_name(point, fmt.lang, value.tag.quantity), value_words(value, fmt)))
    return rows


def value_words(value: LatestValue, fmt: Format) -> str:
    """A value with its unit; meter's own digits for counters; the reason where there is none."""
    if value.text is not None:
        return value.text
    if value.value is None:
        return f"{MISSING} ({quality_words(value.quality, fmt.lang)})"
    if value.tag.enum:
        return value.tag.enum.get(round(value.value), fmt.number(value.value, 0))
    digits = 3 if value.tag.unit in {"kWh", "kvarh"} else 0 if value.tag.unit == "1" and value.value == int(value.value) else None
    return fmt.value(value.value, value.tag.unit, digits)


def phasor(points: Mapping[str, LatestValue], fmt: Format) -> Data:
    """Arrows of U and I. Angles between voltages are taken as 120°; a current lags its voltage by arccos of the power factor."""
    voltages = [_good(points.get(f"voltage_{phase}")) for phase in PHASES]
    currents = [_good(points.get(f"current_{phase}")) for phase in PHASES]
    factors = [_good(points.get(f"power_factor_{phase}")) for phase in PHASES]
    top_u, top_i = max([v or 0.0 for v in voltages]) or 1.0, max([i or 0.0 for i in currents]) or 1.0
    u: list[list[float] | None] = []
    i: list[list[float] | None] = []
    lags: list[float] = []
    for n in range(3):
        angle, voltage, current, factor = 120.0 * n, voltages[n], currents[n], factors[n]
        u.append(None if voltage is None else [round(voltage / top_u, 3), angle])
        if current is None or factor is None:
            i.append(None)
            continue
        lag = math.degrees(math.acos(max(-1.0, min(1.0, factor))))
        lags.append(lag)
        i.append([round(0.72 * current / top_i, 3), round(angle + lag, 1)])
    phi = t("machine.phi", fmt.lang, degrees=fmt.number(sum(lags) / len(lags), 0)) if lags else ""
    return {"u": u, "i": i, "words": {"u": "U", "i": "I", "phi": phi}, "label": t("machine.phasor", fmt.lang)}


def imbalance(points: Mapping[str, LatestValue]) -> float | None:
    """Largest deviation of a phase voltage from their mean, share of the mean; None unless all three are known."""
    voltages = [v for phase in PHASES if (v := _good(points.get(f"voltage_{phase}"))) is not None]
    if len(voltages) < 3 or sum(voltages) <= 0:
        return None
    mean = sum(voltages) / 3
    return max(abs(v - mean) for v in voltages) / mean


def _good(value: LatestValue | None) -> float | None:
    return value.value if value is not None and value.quality < FIRST_BAD else None


# ---- states ------------------------------------------------------------------------------------------------------------
def gantt(now: MachineNow, window: tuple[int, int], now_us: int, fmt: Format, tariff: float | None, currency: str) -> Data:
    """One row a state on the axis of the window; time, share, kWh and money at the right; their sums below."""
    from_us, to_us = window
    span = max(to_us - from_us, 1)
    end_us = min(now_us, to_us)
    totals = state_totals(now, from_us, end_us)
    total_s = max(sum(seconds for seconds, _ in totals.values()), 1e-9)
    rows = []
    for state in STATE_ORDER:
        bars = [
            _bar(interval, from_us, end_us, span, fmt) for interval in now.intervals
            if interval.state is state and (interval.to_us or end_us) > from_us and interval.from_us < end_us
        ]
        seconds, kwh = totals[state]
        rows.append({
            "state": state.value, "letter": state_letter(state, fmt.lang), "name": state_name(state, fmt.lang), "bars": bars,
            "totals": _totals(seconds, total_s, kwh, fmt, tariff),
        })
    everything = sum(kwh for _, kwh in totals.values())
    heads = ["time", "share", "kwh"] + (["money"] if tariff is not None else [])
    ticks = [[round((ms * 1000 - from_us) / span * 100, 2), label] for ms, label, _ in time_ticks(from_us, to_us, fmt)]
    return {
        "rows": rows,
        "heads": [currency if head == "money" else t(f"machine.gantt.{head}", fmt.lang) for head in heads],
        "ticks": ticks,
        "now": round((now_us - from_us) / span * 100, 2) if now_us < to_us else None,
        "sum": {"name": t("machine.sum", fmt.lang), "totals": _totals(total_s, total_s, everything, fmt, tariff)},
    }


def _bar(interval: StateInterval, from_us: int, end_us: int, span: int, fmt: Format) -> list[Any]:
    begin, end = max(interval.from_us, from_us), min(interval.to_us or end_us, end_us)
    title = f"{state_name(interval.state, fmt.lang)}, {fmt.clock(begin)}–{fmt.clock(end)}, {fmt.duration((end - begin) / US)}"
    return [round((begin - from_us) / span * 100, 3), round((end - begin) / span * 100, 3), title]


def state_totals(now: MachineNow, from_us: int, end_us: int) -> dict[MachineState, tuple[float, float]]:
    """(seconds, kWh) by state: the account's own, so that page, API and report agree; else from the intervals."""
    account = now.shift
    if account is not None and account.by_state_s:
        return {s: (account.by_state_s.get(s, 0.0), account.by_state_kwh.get(s, 0.0)) for s in STATE_ORDER}
    found = dict.fromkeys(STATE_ORDER, (0.0, 0.0))
    for interval in now.intervals:
        seconds = (min(interval.to_us or end_us, end_us) - max(interval.from_us, from_us)) / US
        if seconds > 0:
            before = found[interval.state]
            found[interval.state] = (before[0] + seconds, before[1] + (interval.energy_kwh or 0.0))
    return found


def _totals(seconds: float, total_s: float, kwh: float, fmt: Format, tariff: float | None) -> list[str]:
    if seconds < 0.5:
        return [MISSING] * (4 if tariff is not None else 3)
    shown = [fmt.duration(seconds), fmt.percent(seconds / total_s), fmt.number(kwh, 1)]
    return shown + ([fmt.number(kwh * tariff, 0)] if tariff is not None else [])


# ---- КЭФ ---------------------------------------------------------------------------------------------------------------
def explain(now: MachineNow, plant: Plant, fmt: Format, hours: Sequence[GroupEfficiency] = ()) -> Data | None:
    """Where the number comes from: formula with its values, parts by state, how far to trust it. None without a figure."""
    card = now.kef
    if card is None or card.account is None:
        return None
    lang, account = fmt.lang, card.account
    target = now.machine.kef_target if now.machine.kef_target is not None else plant.site.kef_target
    parts = [_part(state, account.by_state_s.get(state, 0.0), account.by_state_kwh.get(state, 0.0), fmt) for state in STATE_ORDER]
    total_s = sum(account.by_state_s.values())
    return {
        "value": fmt.kef(card.value),
        "hatched": not card.complete,
        "delta": _delta(card, target, fmt),
        "note": t(card.reason, lang) if card.reason else t("machine.kef.incomplete", lang) if not card.complete else "",
        "formula_title": t("machine.kef.from", lang),
        "formula": {
            "name": card.card, "top_value": fmt.value(None if card.value is None else card.numerator_kwh, "kWh", 2),
            "bottom_value": fmt.value(card.denominator_kwh, "kWh", 2), "result": fmt.number(card.value, 3), **_sides(card, lang),
        },
        "parts_title": t("machine.kef.parts", lang),
        "parts": [part for part in parts if part is not None],
        "sum": {"name": t("machine.kef.sum", lang), "time": fmt.duration(total_s), "kwh": fmt.number(account.energy_kwh, 2)},
        "trust_title": t("machine.kef.trust", lang),
        "trust": _trust(card, now.machine, fmt),
        "hint": _hint(now, card, fmt),
        **hour_bars(hours, target, now.shift, fmt),
        "foot": t("machine.kef.version", lang, card=card.card, version=card.version),
    }


def _sides(card: Efficiency, lang: str) -> Data:
    """The card's formula above and below the line, in the words of the language."""
    if card.card == DEFAULT_CARD:
        return {"top": t("machine.kef.top", lang), "bottom": t("machine.kef.bottom", lang)}
    top, bottom = quotient(CARDS[card.card].formula, card.terms, lang)
    return {"top": top, "bottom": bottom}


def hour_bars(hours: Sequence[GroupEfficiency], target: float | None, account: EnergyAccount | None, fmt: Format) -> Data:
    """The card by hour as bars, the running one paler; the scale reaches to 1, or above where a value does."""
    known = [hour.value.value for hour in hours if hour.value.value is not None]
    if not known:
        return {"hours": []}
    top = max(1.0, target or 0.0, *known)
    end_us = account.to_us if account is not None else hours[-1].to_us
    bars = []
    for hour in hours:
        value = hour.value.value
        bars.append({
            "label": fmt.kef(value) if value is not None else "", "clock": fmt.clock(hour.from_us), "known": value is not None,
            "height": 0.0 if value is None else round(max(0.0, value) / top * 100, 1), "running": hour.to_us > end_us,
            "hatched": not hour.value.complete,
        })
    words = "machine.kef.hours" if target is None else "machine.kef.hours_target"
    title = t(words, fmt.lang, target=fmt.kef(target)) if target is not None else t(words, fmt.lang)
    return {"hours": bars, "hours_title": title, "target": None if target is None else round(target / top * 100, 1)}


def _part(state: MachineState, seconds: float, kwh: float, fmt: Format) -> Data | None:
    if seconds < 0.5 and abs(kwh) < 0.005:
        return None
    return {"state": state.value, "letter": state_letter(state, fmt.lang), "name": state_name(state, fmt.lang),
            "time": fmt.duration(seconds), "kwh": fmt.number(kwh, 2)}


def _delta(card: Efficiency, target: float | None, fmt: Format) -> Data | None:
    if card.value is None or target is None:
        return None
    if round(card.value, 2) == round(target, 2):  # as both are shown
        return {"text": t("tile.kef.at_target", fmt.lang, target=fmt.kef(target)), "tone": "quiet"}
    better = card.value >= target
    words = t("machine.kef.delta", fmt.lang, delta=fmt.signed(card.value - target, 2), target=fmt.kef(target))
    verdict = t("machine.better" if better else "machine.worse", fmt.lang)
    return {"text": f"{words}: {verdict}", "tone": "good" if better else "alarm"}


def _trust(card: Efficiency, machine: Machine, fmt: Format) -> list[list[str]]:
    lang, account = fmt.lang, card.account
    rows = [[t("machine.trust.complete", lang), fmt.percent(card.completeness)]]
    rows.append([t("machine.trust.estimated", lang), fmt.percent(card.estimated_share)])
    if account is not None:
        source = t(f"machine.source.{account.source}", lang, meter=machine.meter or MISSING)
        rows.append([t("machine.trust.source", lang), source])
    if machine.states is not None:
        border = fmt.value(machine.states.production_above_kw, "kW")
        dwell = fmt.number(machine.states.min_dwell_s, 0)
        rows.append([t("machine.trust.threshold", lang), t("machine.threshold", lang, border=border, dwell=dwell)])
    return rows


def _hint(now: MachineNow, card: Efficiency, fmt: Format) -> str:
    """What would raise КЭФ: the longest idle stretch, and the value without its energy."""
    idle = [i for i in now.intervals if i.state is MachineState.IDLE and i.to_us is not None]
    account = card.account
    if not idle or account is None or card.denominator_kwh <= 0 or card.value is None or card.card not in {"K1", "K2"}:
        return ""
    longest = max(idle, key=lambda i: (i.to_us or 0) - i.from_us)
    idle_s, idle_kwh = account.by_state_s.get(MachineState.IDLE, 0.0), account.by_state_kwh.get(MachineState.IDLE, 0.0)
    seconds = ((longest.to_us or 0) - longest.from_us) / US
    if idle_s <= 0 or seconds < 120:
        return ""
    kwh = longest.energy_kwh if longest.energy_kwh is not None else idle_kwh * min(1.0, seconds / idle_s)
    without = card.numerator_kwh / max(card.denominator_kwh - kwh, 1e-9)
    if without - card.value < 0.005:
        return ""
    span = f"{fmt.clock(longest.from_us)}–{fmt.clock(longest.to_us or 0)}"
    return t("machine.kef.hint", fmt.lang, span=span, kwh=fmt.value(kwh, "kWh", 1), value=fmt.kef(min(1.0, without)))
