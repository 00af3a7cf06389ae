"""Backups and the log over the API."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from domain.access import Role
from tests.web_interface.api.test_plant_versions import admin  # noqa: F401 - a fixture
from tests.web_interface.clients import client, make_key
from tests.web_interface.fake_upkeep import FIRST, OLD
from tests.web_interface.fakes import FakeServices
from web_interface.api.backups import BackupsOut, LogOut


async def test_backups_are_listed_fetched_and_deleted(admin: httpx.AsyncClient, services: FakeServices) -> None:  # noqa: F811
    body = (await admin.get("/api/backups")).json()
    BackupsOut.model_validate(body)
    assert {item["name"]: item["fits"] for item in body["items"]} == {FIRST: True, OLD: False}
    item = next(item for item in body["items"] if item["name"] == FIRST)
    file = await admin.get(item["file"])
    assert (file.status_code, file.content[:2], len(file.content)) == (200, b"PK", item["size_bytes"])
    assert f'filename="{FIRST}"' in file.headers["content-disposition"]
    assert (await admin.delete(f"/api/backups/{FIRST}")).status_code == 204
    assert [item["name"] for item in (await admin.get("/api/backups")).json()["items"]] == [OLD]
    assert {"backup_download", "backup_delete"} <= set(services.audit_store.actions())


async def test_one_is_asked_for_and_a_second_waits(admin: httpx.AsyncClient) -> None:  # noqa: F811
    first = await admin.post("/api/backups")
    assert (first.status_code, first.json()["state"]) == (202, "running")
    assert (await admin.post("/api/backups")).status_code == 409
    assert (await admin.get("/api/backups")).json()["job"]["name"] == first.json()["name"]


@pytest.mark.parametrize("name", ["..", "%2e%2e%2fkeys%2fsecrets.key", "..%2fenergy.db", "%2fetc%2fpasswd", "x.zip%00", ".hidden.zip"])
async def test_no_path_leads_out_of_the_folder(admin: httpx.AsyncClient, name: str) -> None:  # noqa: F811
    for answer in (await admin.get(f"/api/backups/{name}/file"), await admin.delete(f"/api/backups/{name}")):
        assert answer.status_code in {404, 405}, answer.text


async def test_the_log_is_filtered_by_level_and_text(admin: httpx.AsyncClient) -> None:  # noqa: F811
    body = (await admin.get("/api/log")).json()
    LogOut.model_validate(body)
    times = [item["time"] for item in body["items"]]
    assert times == sorted(times, reverse=True)
    worse = (await admin.get("/api/log?level=WARNING")).json()["items"]
    assert [item["level"] for item in worse] == ["ERROR", "WARNING"]
    assert [i["logger"] for i in (await admin.get("/api/log?text=ZERODIVISION")).json()["items"]] == ["runtime.supervisor"]
    assert len((await admin.get("/api/log?limit=2")).json()["items"]) == 2
    assert (await admin.get("/api/log?level=LOUD")).status_code == 422


async def test_an_operator_reads_neither(app: FastAPI, services: FakeServices) -> None:
    async with client(app, key=await make_key(services, Role.OPERATOR)) as c:
        for path in ("/api/log", "/api/backups", f"/api/backups/{FIRST}/file"):
            assert (await c.get(path)).status_code == 403
