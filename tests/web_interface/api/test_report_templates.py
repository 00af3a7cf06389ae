"""Report templates over the API: what is wrong in a body is named."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from domain.access import Role
from tests.web_interface.clients import client, make_key
from tests.web_interface.fake_reports import WORKBOOK
from tests.web_interface.fakes import FakeServices
from web_interface.api import models
from web_interface.api.report_templates import XLSX


@pytest.mark.parametrize("logo", ["не base64", "abc", "=?=?"])
async def test_a_logo_that_is_no_base64_is_named(app: FastAPI, services: FakeServices, logo: str) -> None:
    async with client(app, key=await make_key(services, Role.ENGINEER)) as c:
        answer = await c.put("/api/reports/templates/own", json={"name": "Own", "logo": logo})
    assert (answer.status_code, answer.json()["detail"]) == (422, "logo: is no base64")


async def test_a_workbook_is_sent_fetched_and_taken_away(app: FastAPI, services: FakeServices) -> None:
    path, kind = "/api/reports/templates/day/workbook", {"content-type": XLSX}
    async with client(app, key=await make_key(services, Role.ENGINEER)) as c:
        assert (await c.get(path)).status_code == 404
        sent = await c.put(f"{path}?version=1&file_name=форма.xlsx", content=WORKBOOK, headers=kind)
        assert sent.status_code == 200, sent.text
        models.ReportTemplateOut.model_validate(sent.json())
        assert sent.json()["workbook"]["file_name"] == "форма.xlsx"
        assert sent.json()["workbook"]["cells"] == [{"name": "EM_energy_kwh", "sheet": "Форма", "first": "B3", "count": 1}]
        assert (await c.put(f"{path}?version=1", content=WORKBOOK, headers=kind)).status_code == 409
        fetched = await c.get(path)
        assert (fetched.content, fetched.headers["content-type"]) == (WORKBOOK, XLSX)
        assert "filename*=UTF-8''%D1%84%D0%BE%D1%80%D0%BC%D0%B0.xlsx" in fetched.headers["content-disposition"]
        assert (await c.delete(f"{path}?version=2")).json()["workbook"] is None


async def test_what_is_no_workbook_is_refused_in_clear_words(app: FastAPI, services: FakeServices) -> None:
    path = "/api/reports/templates/day/workbook?version=1"
    async with client(app, key=await make_key(services, Role.ENGINEER)) as c:
        wrong = await c.put(path, content=b"%PDF-1.4", headers={"content-type": XLSX})
        assert (wrong.status_code, wrong.json()["detail"]) == (422, "workbook: is no workbook; expected an XLSX file")
        assert (await c.put(path, content=WORKBOOK, headers={"content-type": "application/pdf"})).status_code == 415
        assert (await c.put(path, content=b"0" * 6_000_000, headers={"content-type": XLSX})).status_code == 413


async def test_the_names_are_told_in_both_languages(app: FastAPI, services: FakeServices) -> None:
    async with client(app, key=await make_key(services, Role.VIEWER)) as c:
        found = {lang: (await c.get("/api/reports/workbook/names", params={"language": lang})).json() for lang in ("ru", "en")}
        assert (await c.get("/api/reports/workbook/example")).content.startswith(b"PK")
    models.WorkbookNames.model_validate(found["ru"])
    words = {lang: {item["name"]: (item["words"], item["listed"]) for item in body["items"]} for lang, body in found.items()}
    assert words["ru"]["EM_energy_kwh"] == ("Энергия за период, кВт·ч", False)
    assert words["en"]["EM_day_cost"] == ("Cost", True)
