"""Curves over the API: tiers, bands, marks, comparison; what is wrong costs nothing else."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any

import httpx
import openpyxl
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from tests.web_interface.fake_shop import LOST_US
from tests.web_interface.fakes import FakeServices
from web_interface.api.trends import Trend
from web_interface.trends.reader import MOST_TAGS
from web_interface.trends.tiers import MOST_POINTS

NOON = {"from": "2026-11-19T10:20:00Z", "to": "2026-11-19T10:42:00Z"}


async def get(c: httpx.AsyncClient, status: int = 200, **params: Any) -> dict[str, Any]:
    answer = await c.get("/api/trends", params=params)
    assert answer.status_code == status, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def test_a_short_window_is_of_samples_and_a_long_one_has_a_band(viewer: httpx.AsyncClient) -> None:
    body = await get(viewer, tag="m1.active_power", **NOON)
    Trend.model_validate(body)
    (near,) = body["curves"]
    assert (near["step"], near["columns"], len(near["points"]), near["marks"]) == ("raw", ["time_ms", "value"], 1320, [])
    (far,) = (await get(viewer, tag="m1.active_power", **{**NOON, "from": "2026-11-12T10:00:00Z"}))["curves"]
    assert (far["step"], far["columns"]) == ("15m", ["time_ms", "value", "low", "high"])
    assert all(low <= value <= high for _, value, low, high in far["points"])
    assert len(far["points"]) <= MOST_POINTS


async def test_a_lost_meter_is_marked_with_its_reason_beside_one_that_is_there(viewer: httpx.AsyncClient) -> None:
    lost, there = (await get(viewer, tag=["m7.active_power", "m1.active_power"], **NOON))["curves"]
    assert [(m["kind"], m["reason"], m["from_ms"]) for m in lost["marks"]] == [("bad", "timeout", -(-LOST_US // 10**6) * 1000)]
    assert lost["points"][-1][1] is None
    assert there["marks"] == []


async def test_alerts_of_the_shown_machines_stand_on_the_axis_in_the_users_words(viewer: httpx.AsyncClient) -> None:
    asked = {"from": "2026-11-19T04:00:00Z", "to": "2026-11-19T11:00:00Z"}
    (alert,) = (await get(viewer, tag="m11.active_power", **asked))["alerts"]
    assert (alert["id"], alert["priority"], alert["machine"], alert["tag"]) == (1, "critical", "furnace-1", "m11.current_l2")
    assert "75" in alert["words"]
    assert alert["raised_ms"] == 1_795_084_272_000
    english = (await get(viewer, tag=["m11.active_power", "ctx.spindle_load"], language="en", **asked))["alerts"]
    assert [a["id"] for a in english] == [5, 1]
    assert not any("а" <= c.lower() <= "я" for c in english[1]["words"].partition(". ")[2])
    assert (await get(viewer, tag="m1.active_power", **asked))["alerts"] == []
    before = {"from": "2026-11-19T10:40:00Z", "to": "2026-11-19T11:00:00Z"}
    assert (await get(viewer, tag="m11.active_power", **before))["alerts"] == []  # raised earlier: its mark stands there


async def test_an_earlier_period_comes_at_the_shown_times(viewer: httpx.AsyncClient) -> None:
    body = await get(viewer, tag="m1.active_power", earlier_s=86_400, **NOON)
    (shown,), (compared,) = body["curves"], body["compared"]
    assert [p[0] for p in shown["points"]] == [p[0] for p in compared["points"]]
    assert [p[1] for p in shown["points"]] != [p[1] for p in compared["points"]]
    assert (await get(viewer, tag="m1.active_power", **NOON))["compared"] == []


async def test_unknown_and_text_tags_are_told_and_a_removed_one_has_its_history(viewer: httpx.AsyncClient) -> None:
    body = await get(viewer, tag=["m1.active_powr", "ctx.program", "m0.active_power", "m1.active_power"], **NOON)
    assert body["missing"] == ["m1.active_powr", "ctx.program"]
    assert [curve["tag"] for curve in body["curves"]] == ["m0.active_power", "m1.active_power"]
    assert len(body["curves"][0]["points"]) == 1320


async def test_counters_by_reading_and_by_growth(viewer: httpx.AsyncClient) -> None:
    (reading,) = (await get(viewer, tag="m1.energy_import", **NOON))["curves"]
    (growth,) = (await get(viewer, tag="m1.energy_import", counters="growth", **NOON))["curves"]
    assert growth["step"] == "1m"
    assert sum(point[1] for point in growth["points"]) == pytest.approx(growth["growth"], abs=1e-4)
    assert 0 < growth["points"][0][1] < reading["points"][0][1]


async def test_a_hundred_years_and_nothing_in_them(viewer: httpx.AsyncClient) -> None:
    (curve,) = (await get(viewer, tag="m1.active_power", **{"from": "1970-01-02T00:00:00Z", "to": "2070-01-01T00:00:00Z"}))["curves"]
    assert curve["step"] == "1d"
    assert len(curve["points"]) <= MOST_POINTS
    (old,) = (await get(viewer, tag="m1.active_power", **{"from": "2036-01-02T00:00:00Z", "to": "2070-01-01T00:00:00Z"}))["curves"]
    assert (old["points"], old["marks"], old["min"]) == ([], [], None), "the future is no gap"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "tag"),
        ({"tag": [f"t{n}" for n in range(MOST_TAGS + 1)]}, "tag"),
        ({"tag": "m1.active_power", "from": "2026-11-19T10:00:00Z", "to": "2026-11-19T09:00:00Z"}, "before"),
        ({"tag": "m1.active_power", "earlier_s": -1}, "earlier_s"),
        ({"tag": "m1.active_power", "earlier_s": 4_000_000_000}, "before 1970"),
        ({"tag": "m1.active_power", "counters": "what"}, "counters"),
        ({"tag": "m1.active_power", "what": "1"}, "what"),
    ],
)
async def test_what_is_wrong_is_named(viewer: httpx.AsyncClient, params: dict[str, Any], words: str) -> None:
    assert words in (await get(viewer, 422, **params))["detail"]


async def file(c: httpx.AsyncClient, **params: Any) -> httpx.Response:
    answer = await c.get("/api/trends/file", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="trends-2026-11-19.{params["format"]}"'
    return answer


async def test_what_is_shown_as_csv_and_parquet(viewer: httpx.AsyncClient) -> None:
    asked = {"tag": ["m1.active_power", "m1.energy_import"], "earlier_s": 86_400, **NOON}
    rows = list(csv.DictReader(io.StringIO((await file(viewer, format="csv", **asked)).text)))
    assert {(row["tag"], row["period"], row["step"]) for row in rows} == {
        (tag, period, "raw") for tag in asked["tag"] for period in ("shown", "compared")
    }
    assert (rows[0]["time"], rows[0]["unit"], rows[0]["quality"]) == ("2026-11-19T10:20:00.000Z", "kW", "good")
    table = pq.read_table(io.BytesIO((await file(viewer, format="parquet", **asked)).content))
    assert table.num_rows == len(rows)
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"
    assert table.column("value")[0].as_py() == pytest.approx(float(rows[0]["value"]))


async def test_a_workbook_has_real_numbers_and_dates_of_the_sites_clock(viewer: httpx.AsyncClient, services: FakeServices) -> None:
    answer = await file(viewer, tag="m7.active_power", format="xlsx", language="en", **NOON)
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    heads = [cell.value for cell in sheet[4]]
    assert heads == ["Tag", "Unit", "Time (Europe/Moscow)", "Value", "Quality", "Step"]
    first, last = ([cell.value for cell in sheet[row]] for row in (5, sheet.max_row))
    assert (first[0], first[1], first[2], first[4]) == ("m7.active_power", "kW", datetime.fromisoformat("2026-11-19T13:20"), "good")
    assert isinstance(first[3], float)
    assert (last[3], last[4]) == (None, "bad")
    assert services.audit_store.log[-1].action == "trend_export"
    assert "m7.active_power" in services.audit_store.log[-1].subject


async def test_nothing_to_export_is_not_found(viewer: httpx.AsyncClient) -> None:
    answer = await viewer.get("/api/trends/file", params={"tag": "nix.da", "format": "csv"})
    assert answer.status_code == 404
