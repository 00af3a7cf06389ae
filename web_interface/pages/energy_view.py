"""Energy and money as plain data for the page's parts: sentence, tiles, chart, rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from domain.figures import Cost, CostHour, IdleEntry, IdleLedger, LeftOn, StandbyAdvice, Waster
from web_interface.format import NBSP, Format
from web_interface.locale import has, t
from web_interface.pages.trend import axis

Data = dict[str, Any]
Name = Callable[[str], str]
HOUR_US = 3_600_000_000
DAILY_FROM_US = 10 * 24 * HOUR_US  # periods from ten days on are drawn day by day
SHORTEST_SHOWN_S = 300.0
MOST_ENTRIES = 40
ZONE_COLOURS = ("var(--s1)", "var(--s5)", "var(--s3)", "var(--s2)", "var(--s4)")


def money(amount: float | None, fmt: Format) -> str:
    """Amount with its unit: "74 ₽", "12,4 тыс. ₽"."""
    figure, unit = fmt.money(amount)
    return f"{figure}{NBSP}{unit}" if amount is not None else figure


def energy(kwh: float | None, fmt: Format) -> str:
    """Energy with its unit."""
    figure, unit = fmt.energy(kwh)
    return f"{figure}{NBSP}{unit}" if kwh is not None else figure


def zone_name(zone: str, lang: str) -> str:
    """A zone in words; one of the plant file's own stays as it is written there."""
    key = f"energy.zone.{zone}"
    return t(key, lang) if has(key, lang) else zone


def reason_name(reason: str, lang: str) -> str:
    return t(f"energy.reason.{reason}", lang)


# -- who wasted most ---------------------------------------------------------------------------------------------------------


def worst_sentence(worst: Waster, name: Name, fmt: Format) -> str:
    """One plain sentence: which machine, why, how long, what it cost."""
    reason = next(iter(worst.reasons))
    key = "energy.worst" if worst.cost is None else "energy.worst.cost"
    why = t(f"energy.why.{reason}", fmt.lang, shift=worst.entry.shift)
    return t(
        key,
        fmt.lang,
        machine=name(worst.machine_id),
        why=why,
        duration=fmt.duration(worst.hours * 3600),
        energy=energy(worst.energy_kwh, fmt),
        cost=money(worst.cost, fmt),
    )


def worst_facts(worst: Waster, ledger: IdleLedger, fmt: Format) -> list[tuple[str, str]]:
    """What stands beside the sentence: its longest stretch, its share, the reasons."""
    entry = worst.entry
    span = f"{fmt.clock(entry.from_us)}–{fmt.clock(entry.to_us)}"
    reasons = ", ".join(f"{reason_name(r, fmt.lang)} {energy(kwh, fmt)}" for r, kwh in worst.reasons.items() if kwh > 0)
    found = [
        (t("energy.fact.longest", fmt.lang), f"{span}, {energy(entry.energy_kwh, fmt)}"),
        (t("energy.fact.share", fmt.lang), fmt.percent(worst.share, 0)),
        (t("energy.fact.reasons", fmt.lang), reasons),
        (t("energy.fact.complete", fmt.lang), fmt.percent(ledger.trust.completeness)),
    ]
    if entry.note:
        found.append((t("energy.fact.note", fmt.lang), f"{entry.note} ({entry.noted_by})"))
    return found


# -- tiles -------------------------------------------------------------------------------------------------------------------


def tiles(site: Cost, before: Cost | None, ledger: IdleLedger, fmt: Format) -> Mapping[str, Data]:
    """Energy, money, idling, carbon of the period; the first two against the period before."""
    return {
        "energy": _tile(
            "energy.tile.energy",
            fmt.energy(site.energy_kwh),
            _change(site.energy_kwh, before.energy_kwh if before is not None else None, fmt),
            fmt,
        ),
        "cost": _tile("energy.tile.cost", fmt.money(site.cost), _cost_note(site, before, fmt), fmt),
        "idle": _tile(
            "energy.tile.idle",
            _idle_value(site, ledger, fmt),
            _idle_note(site, ledger, fmt),
            fmt,
        ),
        "co2": _tile("energy.tile.co2", _mass(site.co2_kg, fmt), _co2_note(site, fmt), fmt),
    }


def _tile(key: str, value: tuple[str, str], note: list[list[str]], fmt: Format) -> Data:
    return {"name": t(key, fmt.lang), "value": value[0], "unit": value[1], "note": note}


def _change(now: float | None, before: float | None, fmt: Format) -> list[list[str]]:
    """Against the period before; more energy is no praise and no blame, so it stays without colour."""
    if now is None or not before:
        return [[t("energy.no_before", fmt.lang), "em-quiet"]]
    delta = now / before - 1
    meaning = t("energy.more" if delta > 0 else "energy.less", fmt.lang)
    amount = f"{'▲' if delta > 0 else '▼'}{NBSP}{fmt.percent(abs(delta))}"
    return [[amount, "em-b"], [f" {t('energy.to_before', fmt.lang)}: ", ""], [meaning, "em-b"]]


def _cost_note(site: Cost, before: Cost | None, fmt: Format) -> list[list[str]]:
    if site.cost is None:
        return [[t("energy.no_tariff", fmt.lang), "em-quiet"]]
    if site.unpriced_kwh > 0:
        return [[t("energy.unpriced", fmt.lang, energy=energy(site.unpriced_kwh, fmt)), "em-alarm"]]
    return _change(site.cost, before.cost if before else None, fmt)


def unmeasured(site: Cost, ledger: IdleLedger) -> bool:
    """Is nothing known of the period? Then nothing wasted is no finding either."""
    return site.energy_kwh is None and ledger.worst is None


def _idle_value(site: Cost, ledger: IdleLedger, fmt: Format) -> tuple[str, str]:
    if unmeasured(site, ledger):
        return fmt.energy(None)
    return fmt.money(ledger.cost) if ledger.cost is not None else fmt.energy(ledger.energy_kwh)


def _idle_note(site: Cost, ledger: IdleLedger, fmt: Format) -> list[list[str]]:
    if unmeasured(site, ledger):
        return [[t("energy.no_data", fmt.lang), "em-quiet"]]
    words = [[energy(ledger.energy_kwh, fmt), "em-b"]]
    if site.energy_kwh:
        words.append([" " + t("energy.of_all", fmt.lang, share=fmt.percent(ledger.energy_kwh / site.energy_kwh)), ""])
    return words


def _mass(kg: float | None, fmt: Format) -> tuple[str, str]:
    if kg is not None and kg >= 1000:
        return fmt.significant(kg / 1000), fmt.unit("t")
    return fmt.significant(kg, most=1), fmt.unit("kg")


def _co2_note(site: Cost, fmt: Format) -> list[list[str]]:
    if site.co2_kg is None:
        return [[t("energy.no_factor", fmt.lang), "em-quiet"]]
    if site.fuel_t is not None:
        return [[t("energy.fuel", fmt.lang, amount=fmt.number(site.fuel_t, 3)), ""]]
    return [[site.co2_source, "em-quiet"]]


# -- chart -------------------------------------------------------------------------------------------------------------------


def day_ticks(from_us: int, to_us: int, fmt: Format) -> list[list[Any]]:
    """[ms, label, number]: hours of a short window, days of a longer one, at the site's clock."""
    span_h = (to_us - from_us) / HOUR_US
    step_h = next((step for step in (1, 2, 3, 6, 12) if span_h / step <= 13), 24)
    first = fmt.local(from_us)
    ticks: list[list[Any]] = []
    moment = datetime.combine(first.date(), time(), fmt.zone)
    while True:
        us = round(moment.timestamp() * 1e6)
        if us > to_us:
            return ticks
        if us >= from_us:
            midnight = moment.hour == 0
            label = f"{moment.day:02}.{moment.month:02}" if midnight and span_h > 13 else f"{moment:%H:%M}"
            ticks.append([us // 1000, label, len(ticks)])
        moment = (
            datetime.combine(moment.date() + timedelta(days=1), time(), fmt.zone) if step_h >= 24 else _wall_later(moment, step_h)
        )


def _wall_later(moment: datetime, hours: int) -> datetime:
    later = moment.replace(tzinfo=None) + timedelta(hours=hours)
    return later.replace(tzinfo=moment.tzinfo)


def cost_chart(hours: Sequence[CostHour], from_us: int, to_us: int, fmt: Format, zone: str) -> tuple[Data, Data]:
    """(options, view) of money by hour or day, each zone of the tariff in its colour; energy where nothing is priced."""
    priced = any(hour.cost is not None for hour in hours)
    daily = to_us - from_us >= DAILY_FROM_US
    bars = _bars(hours, fmt, daily=daily, priced=priced)
    zones = list(dict.fromkeys(name for _, _, name, _ in bars))
    series = [
        _series(zone_name(name, fmt.lang), [b for b in bars if b[2] == name], ZONE_COLOURS[i % 5]) for i, name in enumerate(zones)
    ]
    scale = axis([value for *_, value in bars], zero=True)
    unit = fmt.currency if priced else fmt.unit("kWh")
    options = {
        "grid": {"left": 52, "right": 14, "top": 14, "bottom": 24},
        "xAxis": {},
        "yAxis": scale,
        "series": series,
        "tooltip": {"trigger": "axis"},
    }
    view = {
        "ticks": day_ticks(from_us, to_us, fmt),
        "range": [from_us // 1000, to_us // 1000],
        "compact": None,
        "unit": unit,
        "digits": 1,
        "lang": fmt.lang,
        "zone": zone,
        "label": t("energy.chart", fmt.lang),
    }
    return options, view


def _bars(hours: Sequence[CostHour], fmt: Format, *, daily: bool, priced: bool) -> list[tuple[int, int, str, float | None]]:
    """(from ms, to ms, zone, amount); days add up their hours."""
    found: list[tuple[int, int, str, float | None]] = []
    for hour in hours:
        value = hour.cost if priced else hour.energy_kwh
        begin, end, zone = hour.time_us // 1000, (hour.time_us + HOUR_US) // 1000, hour.zone
        if daily:
            local = fmt.local(hour.time_us).date()
            start = datetime.combine(local, time(), fmt.zone)
            begin = round(start.timestamp() * 1000)
            end = round(datetime.combine(local + timedelta(days=1), time(), fmt.zone).timestamp() * 1000)
            zone = ""
            if found and found[-1][0] == begin:
                before = found[-1][3]
                total = value if before is None else before + (value or 0.0)
                found[-1] = (begin, end, zone, total)
                continue
        found.append((begin, end, zone, value))
    return found


def _series(name: str, bars: Sequence[tuple[int, int, str, float | None]], colour: str) -> Data:
    """A filled staircase: each amount holds over its hour; where the next does not join, the line breaks."""
    points: list[list[float | None]] = []
    for place, (begin, end, _, value) in enumerate(bars):
        points.append([begin, None if value is None else round(value, 2)])
        joins = place + 1 < len(bars) and bars[place + 1][0] == end
        if not joins:
            points += [[end, None if value is None else round(value, 2)], [end, None]]
    return {
        "name": name,
        "type": "line",
        "step": "end",
        "data": points,
        "symbol": "none",
        "connectNulls": False,
        "z": 3,
        "lineStyle": {"color": colour, "width": 1.5},
        "itemStyle": {"color": colour},
        "areaStyle": {"color": colour, "opacity": 0.28},
    }


# -- rows --------------------------------------------------------------------------------------------------------------------


def machine_columns(lang: str, currency: str) -> list[Data]:
    keys = ("energy", "cost", "idle_time", "idle_energy", "idle_cost", "complete")
    found = [{"key": "machine", "name": t("energy.col.machine", lang), "align": "left", "grow": True}]
    return found + [{"key": k, "name": t(f"energy.col.{k}", lang, currency=currency), "align": "right"} for k in keys]


def machine_rows(costs: Sequence[Cost], ledger: IdleLedger, name: Name, section: Name, href: Name, fmt: Format) -> list[Data]:
    """Energy and money of each machine with its idling, as the costs are ordered."""
    rows = []
    for cost in costs:
        mine = [s for s in ledger.sums if s.machine_id == cost.subject]
        hours, kwh = sum(s.hours for s in mine), sum(s.energy_kwh for s in mine)
        spent = [s.cost for s in mine if s.cost is not None]
        idle_cost = sum(spent) if spent else None
        share = 100 * kwh / cost.energy_kwh if cost.energy_kwh else None
        rows.append(
            {
                "id": cost.subject,
                "href": href(cost.subject),
                "cells": {
                    "machine": {"text": name(cost.subject), "sub": [[section(cost.subject), ""]]},
                    "energy": {"text": fmt.number(cost.energy_kwh, 1), "sort": _sort(cost.energy_kwh)},
                    "cost": {"text": fmt.number(cost.cost, 0), "sort": _sort(cost.cost), "bold": True},
                    "idle_time": {"text": fmt.duration(hours * 3600) if mine else "—", "sort": hours},
                    "idle_energy": {"text": fmt.number(kwh if mine else None, 1), "sort": kwh, "load": share if mine else None},
                    "idle_cost": {"text": fmt.number(idle_cost, 0), "sort": _sort(idle_cost)},
                    "complete": {
                        "text": fmt.percent(cost.trust.completeness),
                        "sort": cost.trust.completeness,
                        "tone": "quiet" if cost.trust.completeness >= 0.95 else "alarm",
                    },
                },
            }
        )
    return rows


def _sort(value: float | None) -> float:
    return -1.0 if value is None else value


def idle_columns(lang: str, currency: str) -> list[Data]:
    texts = ("machine", "reason", "when")
    numbers = ("duration", "idle_energy", "idle_cost")
    found = [{"key": k, "name": t(f"energy.col.{k}", lang), "align": "left", "grow": k == "machine"} for k in texts]
    found += [{"key": k, "name": t(f"energy.col.{k}", lang, currency=currency), "align": "right"} for k in numbers]
    return [*found, {"key": "note", "name": t("energy.col.note", lang), "align": "left", "sort": False}]


def idle_rows(entries: Sequence[IdleEntry], name: Name, fmt: Format, *, may_note: bool) -> list[Data]:
    """The stretches of five minutes and more, the dearest first."""
    shown = [e for e in entries if e.seconds >= SHORTEST_SHOWN_S]
    shown.sort(key=lambda e: (-(e.cost or 0.0), -(e.energy_kwh or 0.0)))
    return [_idle_row(entry, name, fmt, may_note) for entry in shown[:MOST_ENTRIES]]


def _idle_row(entry: IdleEntry, name: Name, fmt: Format, may_note: bool) -> Data:
    note: Data = {"text": entry.note, "sub": [[entry.noted_by, ""]] if entry.note else None}
    if may_note:
        words = t("energy.note.edit" if entry.note else "energy.note.add", fmt.lang)
        note["actions"] = [{"name": "note", "label": words, "icon": "sticky_note_2"}]
    shift = t("energy.shift", fmt.lang, name=entry.shift) if entry.shift else ""
    end = t("energy.still", fmt.lang) if entry.running else fmt.clock(entry.to_us)
    return {
        "id": f"{entry.machine_id}@{entry.from_us}",
        "cells": {
            "machine": name(entry.machine_id),
            "reason": {"text": reason_name(entry.reason, fmt.lang), "sub": [[shift, ""]]},
            "when": {"text": f"{fmt.clock(entry.from_us)}–{end}", "sub": [[fmt.day(entry.from_us), ""]], "sort": entry.from_us},
            "duration": {"text": fmt.duration(entry.seconds), "sort": entry.seconds},
            "idle_energy": {"text": fmt.number(entry.energy_kwh, 2), "sort": _sort(entry.energy_kwh)},
            "idle_cost": {"text": fmt.number(entry.cost, 0), "sort": _sort(entry.cost), "bold": True},
            "note": note,
        },
    }


def left_words(left: LeftOn, fmt: Format, now_us: int) -> tuple[str, str]:
    """(since when and why, what an hour costs)."""
    since = t(
        "energy.since", fmt.lang, time=fmt.moment(left.since_us, now_us), duration=fmt.duration((now_us - left.since_us) / 1e6)
    )
    per_hour = fmt.number(left.cost_per_hour, 0 if (left.cost_per_hour or 0.0) >= 10 else 1)
    rate = t("energy.per_hour", fmt.lang, amount=per_hour, currency=fmt.currency, power=fmt.value(left.power_kw, "kW"))
    return since, rate


def standby_columns(lang: str) -> list[Data]:
    keys = ("idle_for", "expected", "break_even", "saving")
    return [
        {"key": "machine", "name": t("energy.col.machine", lang), "align": "left", "grow": True},
        {"key": "advice", "name": t("energy.col.advice", lang), "align": "left"},
        *({"key": k, "name": t(f"energy.col.{k}", lang), "align": "right"} for k in keys),
    ]


def standby_rows(found: Sequence[StandbyAdvice], name: Name, href: Name, fmt: Format, now_us: int) -> list[Data]:
    """Machines that idle now first; of the others the break-even time."""
    rows = []
    for a in found:
        lasted = None if a.idle_since_us is None else (now_us - a.idle_since_us) / 1e6
        saved = "—" if a.saving_kwh is None else energy(max(0.0, a.saving_kwh), fmt)
        rows.append(
            {
                "id": a.machine_id,
                "href": href(a.machine_id),
                "muted": a.advice == "none",
                "cells": {
                    "machine": name(a.machine_id),
                    "advice": {"text": t(f"energy.advice.{a.advice}", fmt.lang), "bold": a.advice == "switch_off"},
                    "idle_for": {"text": "—" if lasted is None else fmt.duration(lasted), "sort": _sort(lasted)},
                    "expected": {"text": _minutes(a.expected_pause_min, fmt), "sort": _sort(a.expected_pause_min)},
                    "break_even": {"text": _minutes(a.break_even_min, fmt), "sort": _sort(a.break_even_min)},
                    "saving": {"text": saved, "sort": _sort(a.saving_kwh)},
                },
            }
        )
    return rows


def _minutes(minutes: float | None, fmt: Format) -> str:
    return "—" if minutes is None else fmt.duration(minutes * 60)
