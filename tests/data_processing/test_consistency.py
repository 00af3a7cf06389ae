"""Electrical sense of the values of one device, on made-up and on recorded values."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from data_processing.consistency import ConsistencyMonitor, residuals_of, triangle_residual
from domain.plant import Device, Plant, Site, tags_of
from domain.profile import ModbusPoint, Point, Profile
from domain.quantity import Quantity
from domain.sample import Batch, TagId

RIGHT = {
    "active_power": 6.0, "reactive_power": 8.0, "apparent_power": 10.0, "power_factor": 0.6,
    "active_power_l1": 2.0, "active_power_l2": 2.0, "active_power_l3": 2.0,
    "voltage_l1": 230.0, "current_l1": 10.0, "apparent_power_l1": 2.3,
}  # fmt: skip


def worst(values: dict[str, float]) -> tuple[str, float]:
    found = max(residuals_of(values), key=lambda r: r.residual)
    return found.rule, found.residual


def test_values_that_agree_leave_no_residual() -> None:
    assert {r.rule for r in residuals_of(RIGHT)} == {"triangle", "power_factor", "phases_p", "voltage_current"}
    assert worst(RIGHT)[1] < 1e-9


@pytest.mark.parametrize(
    ("change", "rule", "size"),
    [
        ({"reactive_power": 0.0}, "triangle", 0.4),
        ({"power_factor": 0.9}, "power_factor", 0.3),
        ({"active_power_l3": -2.0}, "phases_p", 4 / 6),
        ({"current_l1": 20.0}, "voltage_current", 1.0),
    ],
)
def test_each_disagreement_is_named_with_its_size(change: dict[str, float], rule: str, size: float) -> None:
    assert worst(RIGHT | change) == (rule, pytest.approx(size))


def test_no_load_and_missing_values_give_no_verdict() -> None:
    assert residuals_of({"active_power": 0.0, "reactive_power": 0.001, "apparent_power": 0.002}) == ()
    assert residuals_of({"active_power": 5.0}) == ()


def test_recorded_loads_hold_the_triangle(shared_data: Callable[..., Path]) -> None:
    for name in ("two_main", "three_main", "three_kettle"):
        with shared_data("data", "pq-lab-1hz", f"{name}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        column = {key.strip(): key for key in rows[0]}
        p, q, s = (
            [float(row[next(v for k, v in column.items() if k.startswith(word))]) / 1000 for row in rows]
            for word in ("Active", "Reactive", "Apparent")
        )
        residual = triangle_residual(p, q, s)
        assert len(residual) > 300
        assert residual.max() < 0.0045, name


def test_monitor_judges_the_last_batch_of_each_device() -> None:
    points = tuple(
        Point(name, quantity, unit, ModbusPoint("holding", i, "float32"))
        for i, (name, quantity, unit) in enumerate([
            ("active_power", Quantity.ACTIVE_POWER, "kW"),
            ("reactive_power", Quantity.REACTIVE_POWER, "kvar"),
            ("apparent_power", Quantity.APPARENT_POWER, "kVA"),
        ])
    )
    device = Device("m1", "l", Profile("p", {}, "v", "modbus", "t", "H", points))
    tags = [replace(tag, id=TagId(i + 1)) for i, tag in enumerate(tags_of(device))]
    monitor = ConsistencyMonitor(Plant(Site("s"), devices=(device,)), tags)
    ids = tuple(tag.id for tag in tags)
    monitor.on_batch(Batch("m1", 1_000_000, ids, [6.0, 8.0, 10.0], [0, 0, 0]))
    assert [v.consistent for v in monitor.verdicts()] == [True]
    monitor.on_batch(Batch("m1", 2_000_000, ids, [6.0, 8.0, 100.0], [0, 0, 0]))
    (verdict,) = monitor.verdicts()
    assert not verdict.consistent
    assert verdict.worst is not None
    assert verdict.worst.rule == "triangle"
    monitor.on_batch(Batch("m1", 3_000_000, ids, [6.0, 8.0, None], [0, 0, 65]))
    assert monitor.verdicts()[0].worst is None
