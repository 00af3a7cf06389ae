"""Profiles of the invented shop: the product's own service over a folder of this process with one own profile."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from config.plant_admin import PlantAdmin
from config.profile_admin import ProfileAdmin
from config.profile_catalog import ProfileCatalog

OWN = "acme-pm100"
_TEXT = """\
title: {ru: "ACME PM100", en: "ACME PM100"}
vendor: ACME
protocol: modbus
source: "ACME PM100 register map, rev. 1.4, tables 3 to 5"
confidence: H
quirks: {max_registers: 60}
address_base: 1
defaults: {table: holding, type: float32}
points:
  - {tag: active_power, quantity: active_power, unit: kW, address: 3060, plausible: [0, 400]}
  - {tag: voltage_l1, quantity: voltage, unit: V, address: 3028}
  - {tag: energy_import, quantity: energy_import, unit: Wh, address: 3204, type: int64}
  - {tag: door, quantity: state, address: 4000, bit: 3, enum: {0: closed, 1: open}}
"""


def fake_profiles(admin: PlantAdmin) -> ProfileAdmin:
    """Of the plant that runs by `admin`."""
    folder = Path(tempfile.mkdtemp(prefix="energy-profiles-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / f"{OWN}.yaml").write_text(_TEXT, encoding="utf-8")
    catalog = ProfileCatalog.load(folder)
    admin.catalog._profiles.update({OWN: catalog.get(OWN)})  # as if it had been there at the start
    return ProfileAdmin(admin, folder)
