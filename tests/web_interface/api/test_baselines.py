"""Baselines and the balance over the API: what stands in the answer, what is refused and how."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from domain.access import Role
from tests.web_interface.clients import client, make_key
from tests.web_interface.fake_baselines import as_at_start
from tests.web_interface.fakes import FakeServices

ORDER = {
    "name": "Лето", "subject": "site", "period": "day", "from": "2026-08-01T00:00:00Z", "to": "2026-10-30T00:00:00Z",
    "variables": [{"name": "parts", "kind": "parts", "source": "lathe-1"}],
}  # fmt: skip


@pytest.fixture
async def engineer(app: FastAPI, services: FakeServices) -> AsyncIterator[httpx.AsyncClient]:
    as_at_start(services.baselines)
    async with client(app, key=await make_key(services, Role.ENGINEER)) as c:
        yield c


async def test_a_baseline_tells_its_model_and_how_far_to_trust_it(viewer: httpx.AsyncClient) -> None:
    found = (await viewer.get("/api/baselines/1")).json()
    assert found["formula"] == "E_expected = a + b_parts * parts + b_hdd * hdd"
    assert found["fit"]["holds"] is True
    assert found["fit"]["coefficients"][0] == {
        "name": "parts", "value_kwh": 1.801, "std_error_kwh": 0.0103, "p_value": 0.0, "low": 12.0, "high": 696.0, "vif": 1.01,
    }
    refused = (await viewer.get("/api/baselines/2")).json()
    assert [r["key"] for r in refused["reasons"] if r["blocking"]] == ["low_r2", "high_cv_rmse", "high_p"]
    assert (await viewer.get("/api/baselines/99")).status_code == 404


async def test_savings_with_signal(viewer: httpx.AsyncClient) -> None:
    found = (await viewer.get("/api/baselines/1/savings", params={"from": "2026-10-29T21:00:00Z", "to": "2026-11-18T21:00:00Z"})).json()
    assert (found["counted"], found["missing"]) == (19, 1)
    assert found["saving_kwh"] == pytest.approx(15 * 55, rel=0.15)
    assert found["improvement"] == pytest.approx(found["saving_kwh"] / found["expected_kwh"])
    assert found["significant"] is True
    assert found["signal"]["direction"] == "saving"
    assert found["points"][0]["from"] == "2026-10-29T21:00:00.000Z"
    gap = next(p for p in found["points"] if p["status"] == "missing")
    assert gap["measured_kwh"] is None
    assert gap["saving_kwh"] is None


async def test_no_saving_by_a_model_that_does_not_hold(viewer: httpx.AsyncClient) -> None:
    found = (await viewer.get("/api/baselines/2/savings")).json()
    assert found["saving_kwh"] is found["expected_kwh"] is found["improvement"] is found["signal"] is None
    assert {r["key"] for r in found["reasons"]} >= {"low_r2", "high_p"}


async def test_fit_store_next_version_remove(engineer: httpx.AsyncClient) -> None:
    draft = (await engineer.post("/api/baselines/draft", json=ORDER)).json()
    assert draft["periods"] == draft["whole_periods"] == 89
    made = await engineer.post("/api/baselines", json=ORDER)
    assert (made.status_code, made.json()["version"]) == (201, 1)
    assert made.headers["location"] == f"/api/baselines/{made.json()['id']}"
    assert (await engineer.post("/api/baselines", json=ORDER)).status_code == 409
    again = await engineer.put(made.headers["location"], json={**ORDER, "from": "2026-09-01T00:00:00Z"})
    assert again.json()["version"] == 2
    assert (await engineer.get(made.headers["location"])).json() == made.json()
    assert (await engineer.delete(made.headers["location"])).status_code == 204
    assert (await engineer.get(made.headers["location"])).status_code == 404


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"to": "2026-08-05T00:00:00Z"}, "few_points"),
        ({"to": "2026-07-05T00:00:00Z"}, "from"),
        ({"variables": []}, "variables"),
        ({"variables": [{"name": "t", "kind": "tag", "source": "nowhere.x"}]}, "there is no tag 'nowhere.x'"),
        ({"subject": "lahte"}, "there is no 'lahte'"),
        ({"period": "year"}, "period"),
        ({"window": 3}, "there is no such parameter"),
    ],
)
async def test_orders_that_make_no_sense(engineer: httpx.AsyncClient, change: dict[str, object], words: str) -> None:
    answer = await engineer.post("/api/baselines", json={**ORDER, **change})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


async def test_the_balance_names_the_meters_at_fault(viewer: httpx.AsyncClient) -> None:
    found = (await viewer.get("/api/balance", params={"from": "2026-11-17T21:00:00Z", "to": "2026-11-18T21:00:00Z"})).json()
    (node,) = found["nodes"]
    assert (node["meter"], len(node["sub_meters"]), node["status"]) == ("main", 12, "beyond")
    assert node["difference_kwh"] == pytest.approx(node["main_kwh"] - node["sum_kwh"])
    assert len(node["intervals"]) == 96
    assert found["findings"][0]["fault"] == "reversed_phase"
    assert found["findings"][0]["meter"] == "m9"
    assert found["findings"][0]["words"]["phases"] == "L2"
    assert {m["status"] for m in found["meters"]} == {"within"}
    listed = (await viewer.get("/api/balance/findings")).json()["items"]
    assert listed[0]["fault"] == "reversed_phase"
