"""/api/energy/...: what the money service says, with completeness and estimated share; changing needs its role."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from domain.access import Role
from tests.web_interface.clients import client, make_key
from tests.web_interface.fakes import FakeServices


@pytest.fixture
async def operator(app: FastAPI, services: FakeServices) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app, key=await make_key(services, Role.OPERATOR)) as c:
        yield c


@pytest.fixture
async def engineer(app: FastAPI, services: FakeServices) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app, key=await make_key(services, Role.ENGINEER)) as c:
        yield c


WINDOW = {"from": "2026-11-18T20:00:00.000Z", "to": "2026-11-19T04:00:00.000Z"}


@pytest.mark.parametrize("path", ["cost", "co2", "load-curve", "demand", "power-factor", "idle"])
async def test_every_figure_tells_how_far_to_trust_it(viewer: httpx.AsyncClient, path: str) -> None:
    body = (await viewer.get(f"/api/energy/{path}", params=WINDOW)).json()
    assert (body["from"], body["to"]) == (WINDOW["from"], WINDOW["to"])
    for held in [body, *body["items"]] if path in {"demand", "power-factor", "idle"} else body["items"]:
        if held is body or path not in {"demand", "power-factor", "idle"}:
            assert 0 <= held["completeness"] <= 1
            assert 0 <= held["estimated_share"] <= 1


async def test_cost_by_hour_adds_up(viewer: httpx.AsyncClient) -> None:
    body = (await viewer.get("/api/energy/cost", params={**WINDOW, "by": "hour", "subject": "dmu-50"})).json()
    assert [item["subject"] for item in body["items"]] == ["dmu-50"]
    assert sum(hour["cost"] for hour in body["hours"]) == pytest.approx(body["items"][0]["cost"])
    assert body["currency"] == "₽"


async def test_an_unknown_subject_is_named_and_a_wrong_parameter_too(viewer: httpx.AsyncClient) -> None:
    answer = await viewer.get("/api/energy/power-factor", params={**WINDOW, "subject": "dmu-51"})
    assert answer.status_code == 404
    assert "dmu-50" in answer.json()["detail"]
    assert (await viewer.get("/api/energy/cost", params={"by": "moon"})).status_code == 422
    too_long = {"from": "2020-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
    assert (await viewer.get("/api/energy/demand", params=too_long)).status_code == 400


async def test_the_worst_machine_and_those_left_on_stand_in_the_ledger(viewer: httpx.AsyncClient) -> None:
    body = (await viewer.get("/api/energy/idle", params=WINDOW)).json()
    assert body["worst"]["machine"] == "dmu-50"
    assert body["worst"]["longest"]["reason"] == "left_on"
    assert [left["machine"] for left in body["left_on"]] == ["borer-1"]


async def test_an_operator_gives_a_reason(operator: httpx.AsyncClient, viewer: httpx.AsyncClient) -> None:
    note = {"machine": "dmu-50", **WINDOW, "text": "ждали заготовки"}
    assert (await viewer.post("/api/energy/idle/notes", json=note)).status_code == 403
    answer = await operator.post("/api/energy/idle/notes", json=note)
    assert answer.status_code == 201
    items = (await viewer.get("/api/energy/idle", params=WINDOW)).json()["items"]
    assert [item["note"] for item in items if item["machine"] == "dmu-50"] == ["ждали заготовки"]


async def test_prices_are_looked_into_and_kept_on_demand(engineer: httpx.AsyncClient) -> None:
    headers = {"content-type": "text/csv"}
    looked = await engineer.post("/api/energy/prices?table=s", content="2026-11-19;10;5.2", headers=headers)
    assert (looked.status_code, looked.json()["kept"]) == (200, False)
    assert (await engineer.get("/api/energy/prices")).json() == {"items": []}
    kept = await engineer.post("/api/energy/prices?table=s&keep=true", content="2026-11-19;10;5.2", headers=headers)
    assert kept.json()["kept"] is True
    assert [t["table"] for t in (await engineer.get("/api/energy/prices")).json()["items"]] == ["s"]
    wrong = await engineer.post("/api/energy/prices?table=s", content="x", headers={"content-type": "image/png"})
    assert wrong.status_code == 415
