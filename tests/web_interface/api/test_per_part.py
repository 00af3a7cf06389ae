"""GET /api/energy/specific and /api/kpi/oee."""

from __future__ import annotations

import httpx
import pytest

from web_interface.api.per_part import Kpis, Specific


async def test_energy_per_part_and_per_program(viewer: httpx.AsyncClient) -> None:
    whole = Specific.model_validate((await viewer.get("/api/energy/specific?machine=lathe-1")).json())
    assert (whole.items[0].parts, whole.items[0].norm_kwh_per_part) == (23, 3.9)
    programs = Specific.model_validate((await viewer.get("/api/energy/specific?machine=lathe-1&by=program")).json())
    assert [item.program for item in programs.items] == ["VAL_2041.NC", "FLANEC_12.NC"]


async def test_times_and_oee(viewer: httpx.AsyncClient) -> None:
    found = Kpis.model_validate((await viewer.get("/api/kpi/oee?by=site")).json())
    item = found.items[0]
    assert (item.parts, item.good_parts, item.apt_s, item.oee) == (23, 22.0, 18000.0, 0.587)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/energy/specific", 422), ("/api/energy/specific?machine=no-such", 404), ("/api/energy/specific?machine=lathe-1&by=x", 422),
        ("/api/kpi/oee?by=board", 422), ("/api/kpi/oee?subject=no-such", 404),
        ("/api/kpi/oee?from=2026-01-01T00:00:00Z", 400),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(viewer: httpx.AsyncClient, path: str, code: int) -> None:
    assert (await viewer.get(path)).status_code == code
