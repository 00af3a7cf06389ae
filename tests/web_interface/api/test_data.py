"""Latest values and periods: names, fields, units, steps and the three formats."""

import csv
import io
import math
from typing import Any

import httpx
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from domain.ports import RawSeries
from domain.sample import TagId
from tests.web_interface.fake_shop import START_US
from tests.web_interface.fakes import FakeServices
from web_interface.api.models import Latest, Period
from web_interface.api.series import AUTO_POINTS, MOST_POINTS
from web_interface.api.tables import safe_cell
from web_interface.api.times import parse_time, rfc3339, rfc3339_column

HOUR = {"from": "2026-11-19T09:00:00Z", "to": "2026-11-19T10:00:00Z"}


async def get(c: httpx.AsyncClient, path: str, status: Any = 200, **params: Any) -> dict[str, Any]:
    answer = await c.get(path, params=params or None)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/json" if status == 200 else "application/problem+json")
    return answer.json()  # type: ignore[no-any-return]


async def test_latest_names_fields_and_units(viewer: httpx.AsyncClient) -> None:
    body = await get(viewer, "/api/data/latest")
    Latest.model_validate(body)
    assert body["time"] == "2026-11-19T10:42:08.000Z"
    power = next(item for item in body["items"] if item["tag"] == "m1.active_power")
    assert power == {
        "device": "m1", "machine": "lathe-1", "tag": "m1.active_power", "quantity": "active_power", "value": pytest.approx(6.8),
        "unit": "kW", "quality": "good", "reason": None, "time": "2026-11-19T10:42:08.000Z", "last_good": None,
        "last_good_time": None,
    }  # fmt: skip


async def test_a_lost_tag_is_bad_with_its_reason_and_the_time_of_the_last_good_value(viewer: httpx.AsyncClient) -> None:
    (item,) = (await get(viewer, "/api/data/latest", tag="m7.active_power"))["items"]
    assert (item["value"], item["quality"], item["reason"]) == (None, "bad", "timeout")
    assert item["last_good_time"] == "2026-11-19T10:36:07.000Z"
    assert item["last_good"] > 0


async def test_what_is_no_longer_renewed_does_not_look_live(
    viewer: httpx.AsyncClient, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    live: Any = services.live
    old = [live.value(live.tag(name)) for name in ("m1.active_power", "m1.energy_import")]
    monkeypatch.setattr(services.live, "latest", lambda **_: old)
    services.clock.advance(9)
    power, energy = (await get(viewer, "/api/data/latest"))["items"]
    assert power["quality"] == "good"
    services.clock.advance(2)
    power, energy = (await get(viewer, "/api/data/latest"))["items"]
    assert (power["value"], power["quality"], power["reason"]) == (None, "bad", "stale")
    assert (power["last_good"], power["last_good_time"]) == (pytest.approx(6.8), "2026-11-19T10:42:08.000Z")
    assert energy["quality"] == "good", "energy is read each minute"


async def test_filters_and_text(viewer: httpx.AsyncClient) -> None:
    of_device = await get(viewer, "/api/data/latest", device="m2")
    assert {item["device"] for item in of_device["items"]} == {"m2"}
    of_machine = await get(viewer, "/api/data/latest", machine="lathe-2")
    assert of_machine["items"] == of_device["items"]
    (program,) = (await get(viewer, "/api/data/latest", tag="ctx.program"))["items"]
    assert program["value"] == "VAL_2041.NC"


@pytest.mark.parametrize(
    ("query", "near"),
    [({"tag": "m1.active_powr"}, "m1.active_power"), ({"machine": "lathe1"}, "lathe-1"), ({"device": "mian"}, "main")],
)
async def test_an_unknown_name_is_answered_with_the_nearest(viewer: httpx.AsyncClient, query: dict[str, str], near: str) -> None:
    body = await get(viewer, "/api/data/latest", 404, **query)
    assert near in body["nearest"]
    assert near in body["detail"]


async def test_raw_period(viewer: httpx.AsyncClient) -> None:
    body = await get(viewer, "/api/data/period", tag="m7.active_power", step="raw", **{"from": "2026-11-19T10:36:00Z"})
    Period.model_validate(body)
    (series,) = body["series"]
    assert (body["from"], body["to"], body["step"]) == ("2026-11-19T10:36:00.000Z", "2026-11-19T10:42:08.000Z", "raw")
    assert (series["tag"], series["unit"], series["columns"]) == ("m7.active_power", "kW", ["time", "value", "quality"])
    good = [p for p in series["points"] if p[2] == "good"]
    bad = [p for p in series["points"] if p[2] == "bad"]
    assert good[-1][0] == "2026-11-19T10:36:07.000Z"
    assert all(p[1] is None for p in bad)
    assert len(good) + len(bad) == 368


async def test_rollups_and_consumption_of_counters(viewer: httpx.AsyncClient) -> None:
    params = {"tag": ["m1.active_power", "m1.energy_import"], "step": "15m", **HOUR}
    body = await get(viewer, "/api/data/period", **params)
    power, energy = body["series"]
    assert power["columns"] == ["time", "mean", "min", "max", "count", "good_share"]
    assert energy["columns"] == ["time", "mean", "min", "max", "count", "good_share", "consumption"]
    assert [p[0] for p in power["points"]] == [f"2026-11-19T09:{m:02d}:00.000Z" for m in (0, 15, 30, 45)]
    assert sum(p[6] for p in energy["points"]) == pytest.approx(6.8)
    assert {p[5] for p in energy["points"]} == {1.0}


@pytest.mark.parametrize(
    ("hours", "step"), [(1, "raw"), (2, "1m"), (24 * 3, "1m"), (24 * 5, "15m"), (24 * 60, "1h"), (24 * 365, "1d")]
)
async def test_auto_takes_the_finest_step_that_fits(viewer: httpx.AsyncClient, hours: int, step: str) -> None:
    begin = rfc3339(START_US - hours * 3_600_000_000)
    body = await get(viewer, "/api/data/period", tag="m1.active_power", **{"from": begin})
    assert body["step"] == step
    assert len(body["series"][0]["points"]) <= AUTO_POINTS + 1


async def test_auto_never_answers_more_than_the_bound_for_many_tags(viewer: httpx.AsyncClient) -> None:
    tags = [f"m{n}.voltage_l{p}" for n in range(1, 13) for p in (1, 2, 3)]
    body = await get(viewer, "/api/data/period", tag=tags, max_points=100_000)
    assert body["step"] == "1m"
    assert sum(len(s["points"]) for s in body["series"]) <= MOST_POINTS


async def test_a_step_that_gives_too_much_is_400_with_the_limit(viewer: httpx.AsyncClient) -> None:
    body = await get(viewer, "/api/data/period", 400, tag="m1.active_power", step="raw", **{"from": "2026-11-10T00:00:00Z"})
    assert body["limit"] == MOST_POINTS
    body = await get(viewer, "/api/data/period", 400, tag="m1.active_power", step="1m", **{"from": "2020-01-01T00:00:00Z"})
    assert body["limit"] == MOST_POINTS


async def test_more_raw_samples_than_the_interval_promises_fall_back_to_rollups(
    viewer: httpx.AsyncClient, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dense(_tag: str, from_us: int, _to_us: int, limit: int) -> RawSeries:
        n = min(limit, 20_000)
        return RawSeries(TagId(1), range(from_us, from_us + n), [1.0] * n, [0] * n)

    monkeypatch.setattr(services.history, "raw", dense)
    body = await get(viewer, "/api/data/period", tag="m1.active_power", **HOUR)
    assert body["step"] == "1m"


async def test_a_number_that_is_none_becomes_null(
    viewer: httpx.AsyncClient, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def odd(_tag: str, from_us: int, _to_us: int, _limit: int) -> RawSeries:
        return RawSeries(TagId(1), [from_us, from_us + 1], [math.nan, math.inf], [0, 250])

    monkeypatch.setattr(services.history, "raw", odd)
    body = await get(viewer, "/api/data/period", tag="m1.active_power", step="raw", **HOUR)
    assert [p[1:] for p in body["series"][0]["points"]] == [[None, "good"], [None, "bad"]]


async def test_csv(viewer: httpx.AsyncClient) -> None:
    answer = await viewer.get(
        "/api/data/period", params={"tag": ["m1.active_power", "m1.energy_import"], "step": "1h", "format": "csv", **HOUR}
    )
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["tag"] for row in rows] == ["m1.active_power", "m1.energy_import"]
    assert list(rows[0]) == ["tag", "unit", "time", "mean", "min", "max", "count", "good_share", "consumption"]
    assert rows[0]["consumption"] == ""
    assert float(rows[1]["consumption"]) == pytest.approx(6.8)
    assert rows[0]["time"] == "2026-11-19T09:00:00.000Z"


async def test_parquet_holds_what_json_says(viewer: httpx.AsyncClient) -> None:
    params = {"tag": ["m1.active_power", "m7.active_power"], "step": "raw", **HOUR}
    told = await get(viewer, "/api/data/period", **params)
    answer = await viewer.get("/api/data/period", params={**params, "format": "parquet"})
    table = pq.read_table(io.BytesIO(answer.content))
    assert table.column_names == ["tag", "unit", "time", "value", "quality"]
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"
    values = [p[1] for series in told["series"] for p in series["points"]]
    assert table["value"].to_pylist() == values
    assert rfc3339_column([t.value for t in table["time"][:1]]) == [told["series"][0]["points"][0][0]]


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({}, "tag"),
        ({"tag": "m1.active_power", "from": "yesterday"}, "from"),
        ({"tag": "m1.active_power", "from": "2026-11-19T09:00:00"}, "from"),
        ({"tag": "m1.active_power", "from": "2026-02-30T09:00:00Z"}, "from"),
        ({"tag": "m1.active_power", "to": "1969-01-01T00:00:00Z"}, "to"),
        ({"tag": "m1.active_power", "from": HOUR["to"], "to": HOUR["from"]}, "from"),
        ({"tag": "m1.active_power", "step": "5m"}, "step"),
        ({"tag": "m1.active_power", "format": "xml"}, "format"),
        ({"tag": "m1.active_power", "max_points": "0"}, "max_points"),
        ({"tag": "m1.active_power", "colour": "red"}, "colour"),
        ({"tag": "ctx.program"}, "tag"),
        ({"tag": [f"m1.t{n}" for n in range(51)]}, "tag"),
    ],
)
async def test_a_wrong_parameter_is_422_with_its_name(viewer: httpx.AsyncClient, params: dict[str, object], name: str) -> None:
    body = await get(viewer, "/api/data/period", 422, **params)
    assert [error["name"].split(".")[0] for error in body["errors"]] == [name]
    assert name in body["detail"]


async def test_a_plus_sign_in_an_offset_survives_a_sloppy_url(viewer: httpx.AsyncClient) -> None:
    answer = await viewer.get(
        "/api/data/period?tag=m1.active_power&step=1h&from=2026-11-19T12:00:00+03:00&to=2026-11-19T10:00:00Z"
    )
    assert answer.json()["from"] == "2026-11-19T09:00:00.000Z"


@pytest.mark.parametrize(
    ("text", "time_us"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-19T10:42:08.123456Z", START_US + 123_456),
        ("2026-11-19T10:42:08.123456789z", START_US + 123_456),
        ("2026-11-19t13:42:08.5+03:00", START_US + 500_000),
        ("2026-11-19 10:42:08Z", START_US),
    ],
)
def test_times(text: str, time_us: int) -> None:
    assert parse_time(text) == time_us
    assert rfc3339(time_us) == rfc3339_column([time_us])[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-19",
        "10:42",
        "2026-11-19T10:42:08",
        "2026-11-19T25:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "９０26-11-19T10:42:08Z",
    ],
)
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|no such"):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("m1.active_power", "m1.active_power"), ("=1+1", "'=1+1"), ("  =1+1", "'  =1+1"), ("+7", "'+7"), ("-x", "'-x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"), ("\r=1", "'\r=1"), ("\x00=1", "'=1"), ("a\x07b", "ab"), ("°C", "°C"), ("＝1", "'＝1"),
    ],
)  # fmt: skip
def test_text_that_a_spreadsheet_would_run(text: str, safe: str) -> None:
    assert safe_cell(text) == safe
