"""An invented shift for the writers' tests: 12 machines, one gap, two alerts, foreign names."""

from __future__ import annotations

from datetime import date

from domain.alert import Alert, AlertState, Priority
from domain.state import MachineState
from reports.model import Finding, MachineRow, Report

S, H = 1_000_000, 3600 * 1_000_000
BEGIN = 1_763_438_400 * S  # 2025-11-18 07:00 Moscow

NAMES = ["16К20 №1", "16К20 №2", "16К20Ф3", "DMG CTX beta 1250", "ГФ2171", "6Р13", "HAAS VF-2", "DMU 50", "3М151", "2А622Ф2",
         "Печь СНО-4", "Компрессор ВК-30"]


def machine(n: int, name: str) -> MachineRow:
    produced, idle = 4 * 3600.0 + n * 300, 3 * 3600.0 - n * 300
    off = 8 * 3600 - produced - idle
    energy = 30.0 + 7.3 * n
    return MachineRow(
        f"m{n}", name, "Токарный участок", {MachineState.PRODUCTION: produced, MachineState.IDLE: idle, MachineState.OFF: off},
        energy, energy * 0.15, energy * 0.84, 0.84, energy * 8.24, 0.9 if n == 6 else 1.0, 0.0,
    )


def report(names: list[str] | None = None, alerts: int = 2) -> Report:
    rows = [machine(n, name) for n, name in enumerate(NAMES if names is None else names)]
    total = sum(row.energy_kwh or 0 for row in rows)
    power = [(BEGIN + i * 900 * S, None if i == 9 else 20.0 + 95 * (i > 0) + (i * 7) % 13) for i in range(32)]
    standing = [
        Alert(n + 1, f"k{n}", "critical_high", Priority.CRITICAL, AlertState.CLEARED, "m10", "m10.current_l2", "d10", 78.4, 75.0,
              "A", BEGIN + n * H, BEGIN + n * H + 660 * S, BEGIN + n * H + 60 * S, "А. Кузнецов")
        for n in range(alerts)
    ]
    return Report(
        site="Механический цех", timezone="Europe/Moscow", currency="₽", number="2025-11-18-1", shift="1", day=date(2025, 11, 18),
        from_us=BEGIN, to_us=BEGIN + 8 * H, issued_us=BEGIN + 8 * H + 300 * S, running=False, machines=rows,
        total_kwh=total + 36.7, machines_kwh=total, other_kwh=36.7,
        idle_kwh=total * 0.15, kef=0.84, kef_target=0.82, plan_kwh=(total + 36.7) * 1.026,
        contract_kw=160.0, tariff_per_kwh=8.24, cost=(total + 36.7) * 8.24, power_kw=power, max_half_hour=(BEGIN + 5 * H, 121.0),
        tg_phi=0.34, alerts=standing,
        findings=[Finding("report.finding.idle", {"name": "Компрессор ВК-30", "kwh": 22.1, "share": 0.17}),
                  Finding("report.finding.kef", {"name": "3М151", "kef": 0.68, "idle_s": 15240.0}),
                  Finding("report.finding.alerts", {"n": alerts, "taken": alerts})],
        completeness=0.998, estimated_kwh=1.2, books_balanced=True, idle_cost=total * 0.15 * 7.31,
    )
