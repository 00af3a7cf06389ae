"""What no table can hold over the API, the state of keeping, and what the page says of both."""

from __future__ import annotations

import csv
import io
from zoneinfo import ZoneInfo

import httpx

from tests.web_interface.api.test_plant_versions import admin  # noqa: F401 - a fixture
from tests.web_interface.clients import ADMIN
from tests.web_interface.fake_shop import START_US
from tests.web_interface.fakes import FakeServices
from web_interface.api.models import StorageOut
from web_interface.api.quarantine import COLUMNS, RefusedList
from web_interface.format import Format
from web_interface.locale import LANGUAGES
from web_interface.pages.status_view import StatusView
from web_interface.pages.table_refused import whole

PATH = "/api/quarantine"


async def test_entries_are_looked_at_taken_as_a_file_and_discarded_on_purpose(
    admin: httpx.AsyncClient, services: FakeServices,  # noqa: F811
) -> None:
    found = RefusedList.model_validate((await admin.get(PATH, params={"limit": 2})).json())
    assert (found.entries, found.by_kind, [one.id for one in found.items]) == (3, {"sample": 2, "text": 1}, [3, 2])
    far, words = found.items
    assert (far.tag, far.device, far.time, far.reason) == ("m1.active_power", "m1", None, "time out of range")
    assert (words.kind, words.time is not None) == ("text", True)
    table = await admin.get(PATH, params={"format": "csv"})
    assert 'filename="refused.csv"' in table.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert (rows[0], len(rows)) == (list(COLUMNS), 4)
    assert rows[2][COLUMNS.index("value")].startswith("'=cmd")  # foreign text stays text in a spreadsheet
    asked = await admin.post(f"{PATH}/discard", json={"ids": [2, 3]})
    assert (asked.status_code, asked.json()["items"]) == (409, 2)
    assert (await admin.post(f"{PATH}/discard", json={"ids": [2, 3], "confirm": True})).json() == {"entries": 2}
    (entry,) = [one for one in services.audit_store.log if one.action == "refused_discard"]
    assert (entry.actor, entry.subject) == ("key:admin-key", "database")
    assert "m1.active_power = 1.0: time out of range" in str(entry.old)
    assert (await admin.post(f"{PATH}/discard", json={"ids": [2], "confirm": True})).status_code == 404
    assert (await admin.post(f"{PATH}/discard", json={"confirm": True})).json() == {"entries": 1}
    assert (await admin.get("/api/status/storage")).json()["refused"]["entries"] == 0


async def test_the_storage_says_how_it_does_in_plain_words(admin: httpx.AsyncClient, services: FakeServices) -> None:  # noqa: F811
    found = StorageOut.model_validate((await admin.get("/api/status/storage", params={"language": "en"})).json())
    assert (found.engine, found.state, found.words) == ("sqlite", "ok", "Data are being kept, the books balance")
    assert (found.size_bytes, found.disk_free_bytes, found.oldest_waiting) == (3 << 30, 38 << 30, None)
    assert found.last_write is not None
    assert found.refused is not None
    assert found.refused.newest is not None
    assert (found.refused.entries, found.refused.newest.tag) == (3, "m1.active_power")
    services.status.storage_state = "journal"  # type: ignore[attr-defined]
    away = StorageOut.model_validate((await admin.get("/api/status/storage", params={"language": "ru"})).json())
    assert away.words.startswith("База недоступна")
    assert (away.backlog_samples, away.oldest_waiting is not None) == (15_600, True)


async def test_the_page_says_what_was_refused_last_and_why(services: FakeServices) -> None:
    for lang in LANGUAGES:
        fmt = Format(lang, ZoneInfo("UTC"), "₽")
        view = StatusView(services, fmt, START_US)
        (told,) = [item for item in view.todo()["items"] if "m1.active_power" in item["words"]]
        assert "time out of range" in told["words"]
        assert view.storage()["refused"][1] == "3"
    (far, *_) = await services.refused.rows(ADMIN)
    assert ("Time of the value", "—") in whole(services, far, Format("en", ZoneInfo("UTC")))


async def test_a_part_of_a_backlog_is_given_up_after_its_cost_is_told(admin: httpx.AsyncClient) -> None:  # noqa: F811
    path = "/api/feeds/influxdb/backlog/discard"
    told = await admin.post(path, json={"keep": 90})
    assert (told.status_code, told.json()["items"]) == (409, 900)
    assert "900 entries, of 2026-" in told.json()["detail"]
    assert (await admin.post(path, json={"keep": 90, "confirm": True})).json() == {"items": 900}
    assert (await admin.post(path, json={"before": "2026-11-19T10:00:00Z", "confirm": True})).json() == {"items": 240}
    for wrong in ({"keep": 0}, {"keep": 5, "before": "2026-11-19T10:00:00Z"}, {"before": "yesterday"}):
        assert (await admin.post(path, json=wrong)).status_code == 422
