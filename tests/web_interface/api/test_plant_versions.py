"""Versions of the configuration over the API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from domain.access import Role
from tests.web_interface.clients import client, make_key
from tests.web_interface.fakes import FakeServices
from web_interface.api.plant_versions import DiffOut, VersionsOut


@pytest.fixture
async def admin(app: FastAPI, services: FakeServices) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app, key=await make_key(services, Role.ADMIN)) as c:
        yield c


async def test_versions_come_newest_first_with_what_they_changed(admin: httpx.AsyncClient) -> None:
    body = (await admin.get("/api/plant/versions")).json()
    VersionsOut.model_validate(body)
    newest, first = body["items"]
    assert (newest["version"], newest["author"], newest["action"], newest["running"]) == (2, "engineer", "machine_update", True)
    assert {"field": "rated_kw", "old": 110, "new": 11} in newest["changes"][0]["fields"]
    assert (first["running"], first["changes"], body["next"]) == (False, None, None)


async def test_parts_join(admin: httpx.AsyncClient) -> None:
    part = (await admin.get("/api/plant/versions?limit=1")).json()
    assert part["next"] == "/api/plant/versions?limit=1&before=2"
    rest = (await admin.get(part["next"])).json()
    assert ([item["version"] for item in rest["items"]], rest["next"]) == ([1], None)


async def test_a_version_is_a_plant_file_and_can_be_run_again(admin: httpx.AsyncClient) -> None:
    file = await admin.get("/api/plant/versions/1")
    assert file.headers["content-type"].startswith("application/yaml")
    assert "rated_kw: 110" in file.text
    diff = (await admin.get("/api/plant/versions/1/changes")).json()
    DiffOut.model_validate(diff)
    assert {change["section"] for change in diff["changes"]} == {"machines", "limits"}
    answer = await admin.post("/api/plant/versions/1/rollback", json={"known": diff["running"]})
    assert (answer.status_code, answer.json()) == (200, {"version": 3})
    again = await admin.post("/api/plant/versions/2/rollback", json={"known": diff["running"]})
    assert again.status_code == 409
    assert "meanwhile" in again.json()["detail"]


async def test_an_unknown_version_is_404_and_names_those_there_are(admin: httpx.AsyncClient) -> None:
    for answer in (await admin.get("/api/plant/versions/99"), await admin.post("/api/plant/versions/99/rollback")):
        assert answer.status_code == 404
        assert answer.json()["nearest"] == ["2", "1"]


async def test_a_plant_file_is_looked_at_without_being_stored(admin: httpx.AsyncClient) -> None:
    kind = {"content-type": "application/yaml"}
    answer = await admin.post("/api/plant/preview", content="site: {name: New}", headers=kind)
    assert answer.status_code == 200
    assert [c["section"] for c in answer.json()["changes"] if c["entry"] in {"", "tcp1"}] == ["site", "lines"]
    assert len((await admin.get("/api/plant/versions")).json()["items"]) == 2
    wrong = await admin.post("/api/plant/preview", content="site: {}", headers=kind)
    assert wrong.status_code == 422
    assert "name" in wrong.json()["detail"]
