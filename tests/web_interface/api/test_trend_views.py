"""Saved views of trends over the API: whose they are, who changes them, and what is told to who comes late."""

from __future__ import annotations

from fastapi import FastAPI

from domain.access import Role
from tests.web_interface.clients import client, make_key
from tests.web_interface.fakes import FakeServices
from web_interface.api.trend_views import TrendViewOut, TrendViewsOut

PATH = "/api/trends/views"
VIEW = {"name": "Ночь", "address": "tag=m1.active_power&period=today&compare=day", "shared": False}


async def test_a_view_is_saved_shared_changed_and_deleted(app: FastAPI, services: FakeServices) -> None:
    async with client(app, key=await make_key(services, Role.VIEWER)) as mine, client(app, key=await make_key(services, Role.ENGINEER)) as other:
        made = await mine.post(PATH, json=VIEW)
        assert made.status_code == 201, made.text
        body = made.json()
        TrendViewOut.model_validate(body)
        one = f"{PATH}/{body['id']}"
        assert (body["version"], made.headers["location"], body["href"]) == (1, one, f"/trends?view={body['id']}")
        assert (await mine.post(PATH, json=VIEW)).status_code == 409  # the name is taken
        assert (await other.get(one)).status_code == 404  # not shared
        assert (await other.get(PATH)).json() == {"items": []}
        shared = await mine.put(one, json={**VIEW, "shared": True, "version": 1})
        assert (shared.status_code, shared.json()["version"]) == (200, 2)
        listed = (await other.get(PATH)).json()
        TrendViewsOut.model_validate(listed)
        assert [view["name"] for view in listed["items"]] == ["Ночь"]
        late = await other.put(one, json={**VIEW, "name": "Поздно", "version": 1})
        assert late.status_code == 409
        assert "saved the view meanwhile" in late.json()["detail"]
        assert (await other.put(one, json={**VIEW, "name": "Вместе", "shared": True, "version": 2})).status_code == 200
        assert (await mine.delete(one)).status_code == 204
        assert (await mine.get(one)).status_code == 404


async def test_a_viewer_changes_no_view_of_others_and_a_wrong_one_is_named(app: FastAPI, services: FakeServices) -> None:
    async with client(app, key=await make_key(services, Role.ENGINEER)) as owner, client(app, key=await make_key(services, Role.VIEWER)) as viewer:
        one = f"{PATH}/{(await owner.post(PATH, json={**VIEW, 'shared': True})).json()['id']}"
        assert (await viewer.put(one, json={**VIEW, "version": 1})).status_code == 403
        assert (await viewer.delete(one)).status_code == 403
        for wrong, place in (({"name": " "}, "name"), ({"address": "period=today"}, "address"), ({"address": "x" * 5000}, "address")):
            answer = await viewer.post(PATH, json={**VIEW, **wrong})
            assert (answer.status_code, place in answer.text) == (422, True)
