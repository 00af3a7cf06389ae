"""Figures of the whole product over a real store: cards with process power and parts, energy per part, and every one opens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from application.build import Application, open_application
from config.settings import Settings
from domain.access import Actor, Role
from domain.sample import Batch
from tests.conftest import FakeClock

ADMIN = Actor("anna", Role.ADMIN)
S, HOUR_S = 1_000_000, 3600
PLANT = """
site: {name: "Shop", timezone: Europe/Moscow}
shifts: [{name: all, start: "00:00", end: "24:00"}]
lines: [{id: tcp1, transport: modbus-tcp, host: 127.0.0.1, port: 1502}]
devices:
  - id: m1
    line: tcp1
    address: 1
    scan_s: 10
    meter_class: 1
    ct_class: 0.5
    points:
      - {tag: active_power, quantity: active_power, unit: kW, table: holding, address: 0, type: float32}
      - {tag: energy_import, quantity: energy_import, unit: kWh, table: holding, address: 2, type: float32, group: fast}
      - {tag: spindle_power, quantity: active_power, unit: kW, table: holding, address: 4, type: float32}
      - {tag: parts, quantity: count, unit: "1", table: holding, address: 6, type: uint32, group: fast}
machines:
  - id: mill
    section: Milling
    meter: m1
    states: {idle_above_kw: 0.5, production_above_kw: 3}
    control: {part_count: m1.parts}
    kef: {card: K4, norm_kwh_per_part: 0.9, process_power: m1.spindle_power, ideal_s_per_part: 500, good_share: 1, idle_kw: 2}
"""


@pytest.fixture
async def app(tmp_path: Path, fake_clock: FakeClock) -> AsyncIterator[Application]:
    """An hour of 6 kW with 3 kW at the spindle and a part each ten minutes; nothing polls."""
    async with open_application(Settings(data_dir=tmp_path), fake_clock, {}) as made:
        await made.plant.import_yaml(PLANT, ADMIN)
        ids = tuple(made.live.tag(f"m1.{point}").id for point in ("active_power", "energy_import", "spindle_power", "parts"))
        begin_us = fake_clock.now_us() - HOUR_S * S
        await made.database.writer.put_all(
            Batch("m1", begin_us + k * S, ids, [6.0, 100 + 6.0 * k / HOUR_S, 3.0, float(k // 600)], [0, 0, 0, 0])
            for k in range(0, HOUR_S + 1, 10)
        )
        yield made


def window(clock: FakeClock) -> tuple[int, int]:
    return clock.now_us() - HOUR_S * S, clock.now_us()


async def test_cards_take_process_power_and_parts_from_the_store(app: Application, fake_clock: FakeClock) -> None:
    cards = app.services.efficiency
    k4 = await cards.efficiency("mill", *window(fake_clock))
    assert (k4.card, k4.value) == ("K4", pytest.approx(0.9 * 5 / 6.0, rel=0.02))
    k3 = await cards.efficiency("mill", *window(fake_clock), card="K3")
    assert (k3.value, k3.completeness) == (pytest.approx(0.5, rel=0.03), pytest.approx(1.0, abs=0.03))
    k2 = await cards.efficiency("mill", *window(fake_clock), card="K2")
    assert k2.value == pytest.approx((6 - 2) / 6, rel=0.03)


async def test_energy_per_part(app: Application, fake_clock: FakeClock) -> None:
    found = await app.services.per_part.specific("mill", *window(fake_clock))
    assert (found.parts, found.kwh_per_part) == (5, pytest.approx(1.2, rel=0.02))


async def test_every_figure_of_these_opens(app: Application, fake_clock: FakeClock) -> None:
    explain = app.services.explain.explain
    for figure in ("energy", "average_power", "load_factor", "idle_share", "completeness", "kef", "kef.K2", "kef.K7", "oee", "power"):
        for subject in ("mill", "section:Milling", "site"):
            opened = await explain(figure, subject, *window(fake_clock))
            assert opened.formula, (figure, subject)
            assert opened.api.startswith("/api/"), (figure, subject)
    energy = await explain("energy", "mill", *window(fake_clock))
    assert energy.value == pytest.approx(6.0, rel=0.01)
    assert float(energy.options["uncertainty"]) == pytest.approx(0.0112, abs=5e-5)


async def test_a_closed_shift_is_settled_with_its_card(app: Application, fake_clock: FakeClock) -> None:
    """What the task of shift energy keeps for the accounts it keeps for the card."""
    begin_us, end_us = window(fake_clock)
    shift = app.energy.shift_at(begin_us)
    assert shift is not None
    account = await app.energy.account("mill", begin_us, end_us)
    await app.services.efficiency.keep(shift, [account])  # type: ignore[attr-defined]
    stored = await app.database.efficiency.efficiency(shift.day, shift.day)
    assert [(found.machine_id, found.value.card) for _, found in stored] == [("mill", "K4")]
