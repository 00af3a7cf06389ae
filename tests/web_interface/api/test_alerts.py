"""Shelving, comments, rules, rehearsals and hygiene over the API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from domain.access import Role
from tests.web_interface.clients import client, make_key
from tests.web_interface.fakes import FakeServices

RULE = {"id": "hot", "scope": {"tag": "m1.active_power"}, "high": 12, "hysteresis": 0.5}


@pytest.fixture
async def engineer(app: FastAPI, services: FakeServices) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app, key=await make_key(services, Role.ENGINEER)) as c:
        yield c


async def test_a_shelved_alert_is_held_until_its_time(engineer: httpx.AsyncClient) -> None:
    answer = await engineer.post("/api/alerts/1/shelve", json={"minutes": 60, "reason": "Электрик вызван"})
    assert answer.status_code == 200, answer.text
    hold = answer.json()["hold"]
    assert (hold["kind"], hold["reason"], hold["until"] > hold["since"]) == ("shelved", "Электрик вызван", True)
    assert 1 not in [a["id"] for a in (await engineer.get("/api/alerts/active")).json()["items"]]
    assert 1 in [a["id"] for a in (await engineer.get("/api/alerts/held")).json()["items"]]
    one = (await engineer.get("/api/alerts/1")).json()
    assert [c["action"] for c in one["transitions"]] == ["raise", "shelve"]
    assert (await engineer.post("/api/alerts/1/unshelve")).json()["hold"] is None
    assert (await engineer.post("/api/alerts/1/unshelve")).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {"minutes": 60}, {"minutes": 60, "reason": ""}, {"reason": "x"}, {"minutes": 1441, "reason": "x"},
        {"minutes": 5, "until": "2026-11-19T12:00:00Z", "reason": "x"}, {"until": "2020-01-01T00:00:00Z", "reason": "x"},
    ],
)  # fmt: skip
async def test_a_shelf_without_end_or_reason_is_refused(engineer: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert (await engineer.post("/api/alerts/1/shelve", json=body)).status_code == 422
    assert len((await engineer.get("/api/alerts/active")).json()["items"]) == 5


async def test_many_at_once_and_a_comment(engineer: httpx.AsyncClient) -> None:
    answer = (await engineer.post("/api/alerts/bulk-acknowledge", json={"ids": [1, 3, 99], "note": "обход"})).json()
    assert [item["error"] is None for item in answer["items"]] == [True, False, False]
    commented = (await engineer.post("/api/alerts/2/comment", json={"text": "Жду связи"})).json()
    assert (commented["note"], commented["state"]) == ("Жду связи", "unacknowledged")


async def test_rules_are_made_changed_taken_out_of_service_and_removed(engineer: httpx.AsyncClient) -> None:
    made = await engineer.post("/api/alert-rules", json={"rule": RULE})
    assert made.status_code == 201
    assert made.json()["rule"] == {"kind": "level", **RULE, "high": 12.0}
    assert (await engineer.post("/api/alert-rules", json={"rule": RULE})).status_code == 409
    changed = (await engineer.put("/api/alert-rules/hot", json={"rule": RULE | {"high": 14}})).json()
    assert changed["version"] != made.json()["version"]
    out = (await engineer.post("/api/alert-rules/hot/out-of-service", json={"reason": "датчик"})).json()
    assert out["out_of_service"]["reason"] == "датчик"
    assert (await engineer.post("/api/alert-rules/hot/in-service")).json()["out_of_service"] is None
    listed = {item["id"]: item["source"] for item in (await engineer.get("/api/alert-rules")).json()["items"]}
    assert listed == {"hot": "alert_rules", "limit-m11.current_l2": "limits", "limit-main.active_power": "limits"}
    assert (await engineer.delete("/api/alert-rules/limit-main.active_power")).status_code == 409
    assert (await engineer.delete("/api/alert-rules/hot")).status_code == 204
    assert (await engineer.delete("/api/alert-rules/hot")).status_code == 404


async def test_a_rule_that_contradicts_itself_is_refused_with_the_fix(engineer: httpx.AsyncClient) -> None:
    for path in ("/api/alert-rules", "/api/alert-rules/rehearse"):
        answer = await engineer.post(path, json={"rule": RULE | {"low": 11.8}})
        assert answer.status_code == 422
        assert "less than the band between the borders" in answer.json()["detail"]


async def test_a_rehearsal_and_a_filter(engineer: httpx.AsyncClient) -> None:
    found = (await engineer.post("/api/alert-rules/rehearse", json={"rule": RULE, "days": 7})).json()
    assert (found["state"], found["progress"]) == ("done", 1.0)
    assert found["result"]["alerts"] == sum(day["count"] for day in found["result"]["by_day"])
    again = (await engineer.get(f"/api/alert-rules/rehearsals/{found['id']}")).json()
    assert again == found
    refused = (await engineer.post("/api/alert-rules/rehearse-filter", json={"tag": "m1.active_power", "high": 50})).json()
    assert refused["result"]["changed_kwh"] == -0.4
    assert (await engineer.post("/api/alert-rules/rehearse-filter", json={"tag": "no.such", "high": 5})).status_code == 404


async def test_hygiene_and_duty(engineer: httpx.AsyncClient) -> None:
    found = (await engineer.get("/api/alerts/hygiene", params={"positions": 2})).json()
    assert (found["positions"], found["raises"], found["band"]) == (2, 7, "acceptable")
    assert (found["top_share"], found["kinds"]) == (None, len(found["top"])), "seven raises tell no share"
    assert sum(found["by_priority"].values()) == pytest.approx(1.0)
    assert (await engineer.get("/api/alerts/hygiene", params={"positions": 0})).status_code == 422
    assert (await engineer.get("/api/duty")).json() == {"users": []}
