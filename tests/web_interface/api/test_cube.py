"""GET /api/energy/cube, /api/energy/plan, /api/calendar."""

from __future__ import annotations

import csv
import io

import httpx
import pytest

from tests.web_interface.api.test_routes import get
from web_interface.api import cube

DAY = {"from": "2026-11-18T21:00:00Z", "to": "2026-11-19T21:00:00Z"}


async def test_every_grouping_has_the_same_total(viewer: httpx.AsyncClient) -> None:
    whole = await get(viewer, "/api/energy/cube", by="", **DAY)
    cube.Cube.model_validate(whole)
    for by in ("shift,state", "machine", "section,hour", "day,break,crew", "shift,shift_day"):
        body = await get(viewer, "/api/energy/cube", by=by, **DAY)
        cube.Cube.model_validate(body)
        assert sum(item["energy_kwh"] for item in body["items"]) == pytest.approx(whole["total"]["energy_kwh"], rel=1e-12)
        assert all(list(item["key"]) == by.split(",") for item in body["items"])


async def test_the_cube_of_one_machine_and_one_section(viewer: httpx.AsyncClient) -> None:
    one = await get(viewer, "/api/energy/cube", by="machine", machine="lathe-1", **DAY)
    assert [item["key"] for item in one["items"]] == [{"machine": "lathe-1"}]
    missing = await get(viewer, "/api/energy/cube", 404, machine="lathe-9")
    assert "lathe-1" in missing["nearest"]


@pytest.mark.parametrize(
    ("query", "code"),
    [({"by": "shift,weather"}, 422), ({"by": "day,day"}, 422), ({"from": "2020-01-01T00:00:00Z"}, 400), ({"format": "xml"}, 422)],
)
async def test_what_is_refused(viewer: httpx.AsyncClient, query: dict[str, str], code: int) -> None:
    await get(viewer, "/api/energy/cube", code, **query)


async def test_the_cube_as_a_table(viewer: httpx.AsyncClient) -> None:
    answer = await viewer.get("/api/energy/cube", params={"by": "section,state", "format": "csv", **DAY})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    body = await get(viewer, "/api/energy/cube", by="section,state", **DAY)
    assert [float(row["energy_kwh"]) for row in rows] == [item["energy_kwh"] for item in body["items"]]
    assert list(rows[0]) == ["section", "state", *cube.CSV_HEAD]


async def test_plan_against_fact(viewer: httpx.AsyncClient) -> None:
    body = await get(viewer, "/api/energy/plan", by="shift", **DAY)
    cube.Plans.model_validate(body)
    site = body["items"][0]
    assert (site["scope"], site["running"], site["energy_kwh"]["deviation"]) == ("site", True, pytest.approx(322.0))
    assert body["items"][1]["parts"] is None
    await get(viewer, "/api/energy/plan", 400, **{**DAY, "from": "2026-01-01T00:00:00Z"})


async def test_days_of_the_calendar(viewer: httpx.AsyncClient) -> None:
    body = await get(viewer, "/api/calendar", **DAY)
    cube.CalendarDays.model_validate(body)
    (day,) = body["items"]
    assert (day["day"], day["kind"]) == ("2026-11-19", "ordinary")
    assert day["shifts"]
