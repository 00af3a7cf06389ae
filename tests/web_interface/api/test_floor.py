"""The floor plan over the API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from domain.access import Role
from tests.web_interface.clients import client, make_key
from tests.web_interface.fake_floor import FLOOR_VERSION, NOT_PLACED, PICTURE, PLACES
from tests.web_interface.fakes import FakeServices
from web_interface.api.floor import Floor

PNG = {"content-type": "image/png"}


@pytest.fixture
async def engineer(app: FastAPI, services: FakeServices) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app, key=await make_key(services, Role.ENGINEER)) as c:
        yield c


async def test_the_plan_tells_places_and_what_has_none(viewer: httpx.AsyncClient) -> None:
    body = (await viewer.get("/api/floor")).json()
    Floor.model_validate(body)
    assert body["version"] == FLOOR_VERSION
    assert body["not_placed"] == [NOT_PLACED]
    assert {"machine": "lathe-1", "x_percent": PLACES["lathe-1"].x_percent, "y_percent": PLACES["lathe-1"].y_percent} in body["places"]


async def test_the_picture_is_answered_once_and_can_do_nothing(app: FastAPI, viewer: httpx.AsyncClient) -> None:
    answer = await viewer.get("/api/floor/picture")
    assert answer.content == PICTURE
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = await viewer.get("/api/floor/picture?v=1", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await viewer.get("/api/floor/picture", headers={"if-none-match": '"other"'})).status_code == 200
    async with client(app) as stranger:
        refused = await stranger.get("/api/floor/picture", headers={"if-none-match": answer.headers["etag"]})
        assert refused.status_code == 401


async def test_places_are_changed_by_who_saw_the_last_version(engineer: httpx.AsyncClient) -> None:
    wanted = {"version": FLOOR_VERSION, "places": [{"machine": "lathe-1", "x_percent": 10, "y_percent": 20.5}]}
    answer = await engineer.put("/api/floor/places", json=wanted)
    assert answer.status_code == 200, answer.text
    assert answer.json()["places"] == [{"machine": "lathe-1", "x_percent": 10.0, "y_percent": 20.5}]
    late = await engineer.put("/api/floor/places", json=wanted)
    assert late.status_code == 409
    assert "somebody else" in late.json()["detail"]


@pytest.mark.parametrize("place", [{"x_percent": 101}, {"y_percent": -1}, {"x_percent": "left"}, {"machine": ""}])
async def test_a_wrong_place_is_named(engineer: httpx.AsyncClient, place: dict[str, object]) -> None:
    body = {"version": FLOOR_VERSION, "places": [{"machine": "lathe-1", "x_percent": 1, "y_percent": 1, **place}]}
    answer = await engineer.put("/api/floor/places", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["name"] == f"places.0.{next(iter(place))}"


async def test_only_pictures_are_taken(engineer: httpx.AsyncClient) -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    disguised = await engineer.put("/api/floor/picture", content=svg, headers=PNG)
    assert (disguised.status_code, "PNG, JPEG or WebP" in disguised.text) == (422, True)
    assert (await engineer.put("/api/floor/picture", content=svg, headers={"content-type": "image/svg+xml"})).status_code == 415
    assert (await engineer.put("/api/floor/picture", content=PICTURE, headers=PNG)).status_code == 200
    assert (await engineer.get("/api/floor/picture")).content == PICTURE


async def test_a_picture_of_fifty_megabytes_is_refused_unread(engineer: httpx.AsyncClient) -> None:
    sent = 0

    async def endless():  # type: ignore[no-untyped-def]
        nonlocal sent
        for _ in range(50):
            sent += 1
            yield bytes(1024 * 1024)

    answer = await engineer.put("/api/floor/picture", content=endless(), headers=PNG)
    assert (answer.status_code, "larger than 5242880 bytes" in answer.text) == (413, True)
    assert sent < 10
    told = await engineer.put("/api/floor/picture", content=b"x", headers={**PNG, "content-length": str(50 * 1024 * 1024)})
    assert told.status_code == 413


async def test_taken_away_it_is_not_found_and_the_places_stay(engineer: httpx.AsyncClient) -> None:
    body = (await engineer.delete("/api/floor/picture")).json()
    assert (body["picture"], body["version"]) == (None, FLOOR_VERSION + 1)
    assert len(body["places"]) == len(PLACES) - 1
    assert (await engineer.get("/api/floor/picture")).status_code == 404
    late = await engineer.get("/api/floor/picture?v=fd569ffab56d8821")  # by a page that does not know it yet
    assert (late.status_code, late.content) == (204, b"")
