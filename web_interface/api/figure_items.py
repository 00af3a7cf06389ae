"""Figures as the JSON of /api/energy/...: field by field, so nothing leaves that was not meant to."""

from __future__ import annotations

from typing import Any

from domain.figures import (
    Cost,
    CostHour,
    Demand,
    DemandWindow,
    IdleEntry,
    IdleLedger,
    LeftOn,
    LoadCurve,
    PowerFactor,
    RunningDemand,
    StandbyAdvice,
    Trust,
)
from domain.idle import IdleNote
from domain.tariff import PricePreview
from web_interface.api.times import rfc3339, rfc3339_or_none

HOUR_US = 3_600_000_000
_CURVE = (
    "energy_kwh", "rated_kw", "mean_kw", "mean_on_kw", "max_kw", "rms_kw", "use", "load", "demand", "maximum", "form",
    "load_factor", "t_max_h", "utilisation",
)  # fmt: skip


def span(from_us: int, to_us: int) -> dict[str, Any]:
    return {"from": rfc3339(from_us), "to": rfc3339(to_us)}


def _trust(trust: Trust) -> dict[str, Any]:
    return {"completeness": trust.completeness, "estimated_share": trust.estimated_share, "running": trust.running}


def cost(found: Cost) -> dict[str, Any]:
    return {
        "subject": found.subject,
        **span(found.from_us, found.to_us),
        "energy_kwh": found.energy_kwh,
        "cost": found.cost,
        "unpriced_kwh": found.unpriced_kwh,
        "zones": [
            {"zone": z.zone, "energy_kwh": z.energy_kwh, "cost": z.cost, "hours": z.hours, "price_per_kwh": z.price_per_kwh}
            for z in found.zones
        ],
        "power": [
            {
                "kind": p.kind, "power_kw": p.power_kw, "price_per_kw_month": p.per_kw_month, "cost": p.cost,
                "hours_known": p.hours_known,
            }
            for p in found.power
        ],
        **_trust(found.trust),
    }  # fmt: skip


def cost_hour(hour: CostHour) -> dict[str, Any]:
    return {"time": rfc3339(hour.time_us), "energy_kwh": hour.energy_kwh, "cost": hour.cost, "zone": hour.zone}


def co2(found: Cost) -> dict[str, Any]:
    return {
        "subject": found.subject,
        **span(found.from_us, found.to_us),
        "energy_kwh": found.energy_kwh,
        "co2_kg": found.co2_kg,
        "co2_source": found.co2_source,
        "fuel_t": found.fuel_t,
        "fuel_source": found.fuel_source,
        **_trust(found.trust),
    }


def load_curve(curve: LoadCurve) -> dict[str, Any]:
    return {
        "subject": curve.subject,
        **span(curve.from_us, curve.to_us),
        **{name: getattr(curve, name) for name in _CURVE},
        **_trust(curve.trust),
    }


def _window(window: DemandWindow) -> dict[str, Any]:
    return {
        **span(window.from_us, window.to_us),
        "demand_kw": window.demand_kw,
        "complete": window.complete,
        "running": window.running,
    }


def demand(found: Demand, running: RunningDemand | None) -> dict[str, Any]:
    return {
        **span(found.from_us, found.to_us),
        "window_min": found.window_min,
        "contract_kw": found.contract_kw,
        "source": found.source,
        "over_contract": found.over_contract,
        "now": None if running is None else _running(running),
        "peaks": [
            {**_window(p.window), "machines": [{"machine": name, "power_kw": kw} for name, kw in p.machines]} for p in found.peaks
        ],
        "items": [_window(w) for w in found.windows],
        **_trust(found.trust),
    }


def _running(running: RunningDemand) -> dict[str, Any]:
    return {
        **span(running.from_us, running.to_us),
        "so_far_kwh": running.so_far_kwh,
        "power_kw": running.now_kw,
        "projection_kw": running.projection_kw,
        "contract_kw": running.contract_kw,
    }


def power_factor(found: PowerFactor) -> dict[str, Any]:
    return {
        "subject": found.subject,
        **span(found.from_us, found.to_us),
        "active_kwh": found.active_kwh,
        "reactive_kvarh": found.reactive_kvarh,
        "tg_phi": found.tg_phi,
        "cos_phi": found.cos_phi,
        "high_load_tg_phi": found.high_tg_phi,
        "tg_limit": found.tg_limit,
        "required_kvar": found.required_kvar,
        "surcharge": found.surcharge,
        "source": found.source,
        "items": [{"time": rfc3339(at), "tg_phi": value} for at, value in found.windows],
        **_trust(found.trust),
    }


def _idle_entry(entry: IdleEntry) -> dict[str, Any]:
    return {
        "machine": entry.machine_id,
        **span(entry.from_us, entry.to_us),
        "reason": entry.reason,
        "shift": entry.shift,
        "day": entry.day.isoformat(),
        "hours": entry.seconds / 3600.0,
        "energy_kwh": entry.energy_kwh,
        "estimated_kwh": entry.estimated_kwh,
        "cost": entry.cost,
        "note": entry.note,
        "noted_by": entry.noted_by,
        "running": entry.running,
    }


def idle(ledger: IdleLedger) -> dict[str, Any]:
    worst = ledger.worst
    return {
        **span(ledger.from_us, ledger.to_us),
        "rule_version": ledger.rule_version,
        "hours": ledger.hours,
        "energy_kwh": ledger.energy_kwh,
        "cost": ledger.cost,
        "worst": None
        if worst is None
        else {
            "machine": worst.machine_id, "hours": worst.hours, "energy_kwh": worst.energy_kwh, "cost": worst.cost,
            "share": worst.share, "reasons_kwh": dict(worst.reasons), "longest": _idle_entry(worst.entry),
        },
        "sums": [
            {
                "machine": s.machine_id, "shift": s.shift, "reason": s.reason, "hours": s.hours, "energy_kwh": s.energy_kwh,
                "cost": s.cost, "count": s.count,
            }
            for s in ledger.sums
        ],
        "items": [_idle_entry(entry) for entry in ledger.entries],
        **_trust(ledger.trust),
    }  # fmt: skip


def left_on(left: LeftOn) -> dict[str, Any]:
    return {
        "machine": left.machine_id,
        "since": rfc3339(left.since_us),
        "reason": left.reason,
        "power_kw": left.power_kw,
        "cost_per_hour": left.cost_per_hour,
        "energy_kwh": left.energy_kwh,
        "cost": left.cost,
    }


def standby(found: StandbyAdvice) -> dict[str, Any]:
    facts = found.facts
    return {
        "machine": found.machine_id,
        "advice": found.advice,
        "idle_since": rfc3339_or_none(found.idle_since_us),
        "break_even_min": found.break_even_min,
        "expected_pause_min": found.expected_pause_min,
        "pauses_known": found.pauses_known,
        "saving_kwh": found.saving_kwh,
        "saving": found.saving,
        "warm_up_kwh": facts.warm_up_kwh,
        "warm_up_min": facts.warm_up_min,
        "off_kw": facts.off_kw,
        "idle_kw": facts.idle_kw,
        "learned": sorted(found.learned),
    }


def note(made: IdleNote) -> dict[str, Any]:
    return {
        "id": made.id, "machine": made.machine_id, **span(made.from_us, made.to_us), "text": made.text, "author": made.author,
    }  # fmt: skip


def price_table(name: str, first_us: int, last_us: int, count: int) -> dict[str, Any]:
    return {"table": name, **span(first_us, last_us + HOUR_US), "hours": count}


def price_import(found: PricePreview) -> dict[str, Any]:
    prices = [p.price_per_kwh for p in found.prices]
    return {
        "table": found.table,
        "layout": found.layout,
        "hours": len(prices),
        "from": rfc3339_or_none(found.prices[0].time_us if prices else None),
        "to": rfc3339_or_none(found.prices[-1].time_us + HOUR_US if prices else None),
        "min_price_per_kwh": min(prices, default=None),
        "max_price_per_kwh": max(prices, default=None),
        "missing_hours": found.missing_hours,
        "problems": list(found.problems),
        "kept": found.kept,
    }
