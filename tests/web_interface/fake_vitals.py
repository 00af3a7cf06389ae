"""How the invented shop's process does: four hours of readings with a busy minute, and a silent meter."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from domain.health import Vitals
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_status import FakeStatus
from web_interface.vitals import VitalSigns, VitalSources

READINGS = 480


def fake_vitals(clock: shop.ShopClock, status: FakeStatus) -> VitalSigns:
    """The real keeper over invented sources; its past is put in."""
    made = VitalSigns(clock, VitalSources(
        lambda: 0.0, lambda: 214_000_000, lambda: 3.2, lambda: 4.1, lambda: 0, lambda: 0, status.storage, status.devices,
    ))  # fmt: skip
    for n in range(READINGS):
        wave = (n * 37) % 41 / 41
        reading = Vitals(
            clock.now_us() - (READINGS - n) * 30 * shop.S, 0.16 + 0.05 * wave, 212_000_000 + 40_000 * (n % 60), 2.0 + 3 * wave,
            3.0 + 4 * wave, 0, 20 + round(30 * wave), 118.0 + 4 * wave, 4.0 + 2 * wave,
        )  # fmt: skip
        made._readings.append(replace(reading, loop_lag_ms=64.0, cpu=0.71) if n == 300 else reading)
    hour = clock.now_us() // 3_600_000_000
    made._by_hour.update({hour - 1: Counter({("m7", "timeout"): 13}), hour: Counter({("m7", "timeout"): 61})})
    return made
