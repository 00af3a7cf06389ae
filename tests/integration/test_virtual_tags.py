"""Virtual tags in the running product: polled inputs over Modbus, values stored, limited, served; history; restart; the books."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from application.build import Application
from domain.plant import Tag
from runtime.clock import SystemClock
from tests.conftest import eventually
from tests.e2e.running import ADMIN, Running, running

PLANT = """
site: {name: "Shop", timezone: Europe/Moscow, language: en, main_meter: shop}
lines:
  - {id: tcp1, transport: modbus-tcp, host: 127.0.0.1, port: @tcp1@}
devices:
  - {id: m1, profile: eastron-sdm630, line: tcp1, address: 1, scan_s: 0.5}
  - {id: m2, profile: eastron-sdm630, line: tcp1, address: 2, scan_s: 0.5}
virtual_tags:
  - {tag: shop.active_power, formula: "sum(*.active_power)", quantity: active_power, unit: kW}
  - {tag: shop.energy_import, formula: "m1.energy_import + m2.energy_import", quantity: energy_import, unit: kWh}
machines:
  - {id: all, name: "Whole shop", meter: shop, states: {idle_above_kw: 0.3, production_above_kw: 1.3, min_dwell_s: 1}}
limits:
  - {tag: shop.active_power, low: 1000}
"""
LATER = '\n- {tag: shop.half, formula: "avg(shop.active_power; 2 s) / 2", quantity: active_power, unit: kW}\n\nmachines:'


def ids(app: Application) -> dict[str, int]:
    return {tag.name: tag.id for tag in app.live.tags() if tag.device_id == "shop"}


def balanced(app: Application) -> bool:
    books = app.database.writer.books()
    (database,) = [one for one in books.destinations if one.name == "database"]
    return books.balanced and books.kept == database.delivered + database.pending + database.quarantined + database.dropped


@pytest.mark.timeout(120)
async def test_a_virtual_tag_is_a_tag_like_any_other(tmp_path: Path) -> None:
    clock = SystemClock()
    async with running(tmp_path, PLANT, clock, clock) as (app, simulation):
        found = Running(app, simulation)
        await eventually(lambda: _rows(app), 30.0)
        first = ids(app)
        async with found.api() as get:
            await eventually(lambda: _good(get), 30.0)
            (item,) = (await get("/api/data/latest", tag="shop.active_power"))["items"]
            assert (item["unit"], item["machine"], item["quantity"]) == ("kW", "all", "active_power")
            alerts = (await get("/api/alerts/active"))["items"]
            assert any(alert["tag"] == "shop.active_power" and alert["machine"] == "all" for alert in alerts)
            (machine,) = (await get("/api/machines"))["items"]
            assert machine["power_kw"] == pytest.approx(item["value"], rel=0.5)
            await _sums_are_right(found)

            before_us = clock.now_us()
            text = app.plant.export_yaml(ADMIN).replace("\n\nmachines:", LATER, 1)
            await app.plant.import_yaml(text, ADMIN)
            found.tags = {tag.name: tag for tag in app.live.tags()}
            await eventually(lambda: _computed_before(found, before_us), 30.0)
            period = await get("/api/data/period", tag="shop.half", step="raw", from_=before_us - 60_000_000, to=clock.now_us())
            assert period["series"][0]["unit"] == "kW"
        assert {name: ids(app)[name] for name in first} == first
        await app.database.writer.settled()
        assert balanced(app)
    async with running(tmp_path, PLANT, clock, clock) as (app, _):
        assert ids(app) == first
        await eventually(lambda: app.database.writer.books().kept > 0, 10.0)
        assert balanced(app)


def _rows(app: Application) -> bool:
    return bool(app.live.latest(tag="shop.active_power"))


async def _good(get: object) -> bool:
    assert callable(get)
    items = (await get("/api/data/latest", device="shop"))["items"]
    return len(items) == 2 and all(item["quality"] == "good" for item in items)


async def _computed_before(found: Running, time_us: int) -> bool:
    await asyncio.sleep(0.2)
    return any(us < time_us - 1_000_000 for us, value, _ in await found.stored("shop.half") if value is not None)


async def _sums_are_right(found: Running) -> None:
    """Every stored row is the sum of the last values before it, and lies on the grid."""
    rows = await found.stored("shop.energy_import")
    inputs = [await found.stored(f"{device}.energy_import") for device in ("m1", "m2")]
    tag: Tag = found.tags["shop.energy_import"]
    checked = 0
    for time_us, value, quality in rows:
        assert time_us % round(tag.interval_s * 1e6) == 0
        if quality == 0 and value is not None:
            last = [max(row for row in one if row[0] <= time_us)[1] for one in inputs]
            assert value == sum(part for part in last if part is not None)
            checked += 1
    assert checked >= 1
