"""Tab "Energy and money": what the period used, what it cost, and who wasted most."""

from __future__ import annotations

from typing import Any

from web_interface.components import Card, DataTable
from web_interface.pages.energy_tab import EnergyView, Tab


async def build(view: EnergyView) -> None:
    """Energy of every machine in the period, the largest first."""
    page, period = view.page, view.period
    fmt = page.viewer.fmt
    columns: list[dict[str, Any]] = [
        {"key": "machine", "name": page.t("energy.col.machine"), "align": "left", "grow": True},
        {"key": "energy", "name": page.t("energy.col.energy"), "align": "right"},
        {"key": "complete", "name": page.t("energy.col.complete"), "align": "right"},
    ]
    accounts = [
        (machine, await page.services.energy.account(machine.id, period.from_us, period.to_us))
        for machine in page.services.plant.plant.machines
    ]
    accounts.sort(key=lambda pair: -(pair[1].energy_kwh or 0.0))
    rows: list[dict[str, Any]] = [
        {
            "id": machine.id,
            "href": f"/machines/{machine.id}",
            "cells": {
                "machine": {"text": machine.name, "sub": [[machine.section, ""]]},
                "energy": {"text": fmt.number(account.energy_kwh, 1), "sort": account.energy_kwh or -1.0},
                "complete": {"text": fmt.percent(account.completeness), "sort": account.completeness},
            },
        }
        for machine, account in accounts
    ]
    with Card(page.t("energy.by_machine"), testid="energy-machines"):
        DataTable(columns, rows, testid="energy-machines-table", empty=page.t("energy.no_machines"), two_lines=True)


TAB = Tab("money", build)
