"""Inspected items and quality models over the API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from domain.access import Role
from tests.web_interface.clients import client, make_key
from tests.web_interface.fakes import FakeServices
from web_interface.api.inspection import (
    CamerasOut,
    CountsOut,
    ItemOut,
    ItemsOut,
    QualityModelOut,
    QualityModelsOut,
    RehearsalCountsOut,
)


@pytest.fixture
async def engineer(app: FastAPI, services: FakeServices) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app, key=await make_key(services, Role.ENGINEER)) as c:
        yield c


async def test_items_come_newest_first_and_page_by_page(viewer: httpx.AsyncClient) -> None:
    first = (await viewer.get("/api/inspection/items?device=cell&limit=4")).json()
    ItemsOut.model_validate(first)
    assert [item["number"] for item in first["items"]] == [30, 29, 28, 27]
    odd = first["items"][-1]
    assert (odd["outcome"], odd["model"], odd["features"]) == ("reject", "limits 1", {"spindle_load.max": 78.0})
    assert odd["reasons"] == ["spindle_load.max: 78 > 45.2"]
    assert odd["causes"] == [{"code": "above", "feature": "spindle_load.max", "value": 78.0, "border": 45.2}]
    second = (await viewer.get(first["next"])).json()
    assert [item["number"] for item in second["items"]] == [26, 25, 24, 23]
    rejected = (await viewer.get("/api/inspection/items?device=cell&outcome=reject")).json()
    assert ([item["number"] for item in rejected["items"]], rejected["next"]) == ([27], None)
    window = {"device": "cell", "from": first["items"][2]["closed"], "to": first["items"][0]["closed"]}
    within = (await viewer.get("/api/inspection/items", params=window)).json()
    assert [item["number"] for item in within["items"]] == [29, 28]


async def test_items_are_counted_by_verdict_and_label(engineer: httpx.AsyncClient) -> None:
    answer = await engineer.put("/api/inspection/items/cell/27/label", json={"label": "reject"})
    ItemOut.model_validate(answer.json())
    assert (answer.json()["number"], answer.json()["label"]) == (27, "reject")
    counts = (await engineer.get("/api/inspection/counts?device=cell")).json()
    CountsOut.model_validate(counts)
    assert counts["items"] == 30
    assert counts["outcomes"] == {"none": 0, "good": 29, "reject": 1, "unsure": 0}
    assert counts["labels"] == {"none": 29, "good": 0, "reject": 1, "unsure": 0}
    assert (counts["written_back"], counts["late"]) == (0, 0)


async def test_a_model_is_learned_rehearsed_and_switched_on(engineer: httpx.AsyncClient) -> None:
    await engineer.put("/api/inspection/items/cell/27/label", json={"label": "reject"})
    learned = await engineer.post("/api/inspection/models", json={"device": "cell", "kind": "limits"})
    assert learned.status_code == 201, learned.text
    QualityModelOut.model_validate(learned.json())
    assert (learned.json()["version"], learned.json()["active"], learned.json()["items"]) == (2, False, 29)
    assert learned.json()["features"] == ["spindle_load.max"]
    rehearsal = (await engineer.get("/api/inspection/models/cell/2/rehearsal")).json()
    RehearsalCountsOut.model_validate(rehearsal)
    assert (rehearsal["true_reject"], rehearsal["precision"], rehearsal["recall"]) == (1, 1.0, 1.0)
    switched = (await engineer.put("/api/inspection/models/cell/active", json={"version": 2})).json()
    QualityModelsOut.model_validate(switched)
    assert [(m["version"], m["active"]) for m in switched["items"]] == [(2, True), (1, False)]
    off = (await engineer.put("/api/inspection/models/cell/active", json={"version": None})).json()
    assert not any(m["active"] for m in off["items"])


async def test_an_item_has_its_picture_and_what_of_it_deviates(viewer: httpx.AsyncClient) -> None:
    (odd,) = (await viewer.get("/api/inspection/items?device=cell&outcome=reject")).json()["items"]
    ItemOut.model_validate(odd)
    assert odd["picture"] == {
        "href": "/api/inspection/items/cell/27/picture", "width": 640, "height": 480,
        "region": {"x": 356, "y": 323, "width": 56, "height": 56},
    }
    answer = await viewer.get(odd["picture"]["href"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.content.startswith(b"\xff\xd8\xff")
    assert "no-store" in answer.headers["cache-control"]
    assert (await viewer.get("/api/inspection/items?device=cell&before=2")).json()["items"][0]["picture"] is None
    for gone in ("cell/1", "cell/999", "nobody/27"):
        assert (await viewer.get(f"/api/inspection/items/{gone}/picture")).status_code == 404


async def test_how_the_cameras_fare(viewer: httpx.AsyncClient) -> None:
    answer = (await viewer.get("/api/inspection/cameras")).json()
    CamerasOut.model_validate(answer)
    (camera,) = answer["items"]
    assert (camera["device"], camera["taken"], camera["missing"]) == ("cell", 128, {"late": 2, "unreachable": 1})


@pytest.mark.parametrize(("method", "path", "body", "status", "word"), [
    ("GET", "/api/inspection/items?device=nobody", None, 404, "nobody"),
    ("GET", "/api/inspection/items", None, 422, "device"),
    ("GET", "/api/inspection/items?device=cell&outcome=fine", None, 422, "outcome"),
    ("GET", "/api/inspection/items?device=cell&limit=0", None, 422, "limit"),
    ("GET", "/api/inspection/items?device=cell&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", None, 422, "before to"),
    ("GET", "/api/inspection/counts?device=nobody", None, 404, "nobody"),
    ("GET", "/api/inspection/models?device=nobody", None, 404, "nobody"),
    ("GET", "/api/inspection/models/cell/9/rehearsal", None, 404, "cell 9"),
    ("PUT", "/api/inspection/items/cell/999/label", {"label": "good"}, 404, "999"),
    ("PUT", "/api/inspection/items/cell/1/label", {"label": "fine"}, 422, "label"),
    ("PUT", "/api/inspection/models/cell/active", {"version": 9}, 404, "cell 9"),
    ("POST", "/api/inspection/models", {"device": "cell", "kind": "oracle"}, 422, "kind"),
    ("POST", "/api/inspection/models", {"device": "nobody", "kind": "limits"}, 404, "nobody"),
])
async def test_what_is_wrong_is_named(
    engineer: httpx.AsyncClient, method: str, path: str, body: object, status: int, word: str
) -> None:
    answer = await engineer.request(method, path, json=body) if body is not None else await engineer.request(method, path)
    assert answer.status_code == status, answer.text
    assert word in answer.text
