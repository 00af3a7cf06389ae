"""The Modbus server over the API: its clients, its map in three formats."""

from __future__ import annotations

import csv
import io
from zoneinfo import ZoneInfo

import httpx
from openpyxl import load_workbook

from tests.web_interface.api.test_plant_versions import admin  # noqa: F401 - a fixture
from tests.web_interface.fake_served import FakeOpcUaServer, FakeServed
from tests.web_interface.fakes import FakeServices
from web_interface.api.destinations import Quarantine
from web_interface.api.feeds import COLUMNS, ModbusOut, OpcUaOut, RegisterList
from web_interface.format import Format
from web_interface.locale import LANGUAGES, has
from web_interface.pages.admin_feeds import server_words
from web_interface.pages.status_view import StatusView

UTC = ZoneInfo("UTC")
REGISTERS = "/api/feeds/modbus/registers"


def served(services: FakeServices) -> FakeServed:
    assert isinstance(services.modbus, FakeServed)
    return services.modbus


async def test_the_map_says_the_same_in_three_formats_and_foreign_text_stays_text(admin: httpx.AsyncClient) -> None:  # noqa: F811
    body = (await admin.get(REGISTERS)).json()
    items = RegisterList.model_validate(body).items
    power = next(item for item in items if (item.subject, item.field) == ("m1.active_power", "value_int"))
    assert (power.address, power.count, power.type, power.unit, power.decimals) == (5002, 2, "int32", "kW", 3)
    table = await admin.get(REGISTERS, params={"format": "csv"})
    assert 'filename="modbus-registers.csv"' in table.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(table.text)))
    assert rows[0] == list(COLUMNS)
    assert len(rows) == len(items) + 1
    assert ["5002", "2", "int32", "tag", "m1.active_power", "value_int", "kW", "3"] in rows
    assert {row[4] for row in rows if "cmd" in row[4]} == {"'=cmd.x"}
    book = await admin.get(REGISTERS, params={"format": "xlsx", "language": "ru"})
    sheet = load_workbook(io.BytesIO(book.content)).active
    assert sheet is not None
    assert sheet.cell(4, 1).value == "Адрес"
    assert sheet.cell(5, 1).value == 0
    assert sheet.max_row == len(items) + 4


async def test_clients_and_refusals_and_what_is_said_while_it_is_off(
    admin: httpx.AsyncClient, services: FakeServices,  # noqa: F811
) -> None:
    found = ModbusOut.model_validate((await admin.get("/api/feeds/modbus")).json())
    assert (found.state, found.clients[0].address, found.requests, found.refused) == (
        "ok", "192.168.10.20", 4210, {"client": 3, "function": 1},
    )  # fmt: skip
    assert 'energy_modbus_server_refused_total{kind="client"} 3.0' in (await admin.get("/metrics")).text
    served(services).on = False
    assert (await admin.get("/api/feeds/modbus")).json()["state"] == "off"
    answer = await admin.get(REGISTERS)
    assert (answer.status_code, "ENERGY_MODBUS_SERVER__HOST" in answer.json()["detail"]) == (409, True)
    assert "energy_modbus_server" not in (await admin.get("/metrics")).text


async def test_entries_of_the_quarantine_come_leaf_by_leaf_and_are_taken_out_one_by_one(admin: httpx.AsyncClient) -> None:  # noqa: F811
    quarantine = "/api/feeds/influxdb/quarantine"
    leaf = Quarantine.model_validate((await admin.get(quarantine, params={"limit": 2, "offset": 8})).json())
    assert [(one.id, one.device, one.reason) for one in leaf.items] == [(9, "m1", "field type conflict"), (10, "m1", "too long")]
    assert (leaf.entries, leaf.items[0].refused is not None, leaf.items[0].samples[0].tag) == (10, True, "m1.active_power")
    text = leaf.items[1].texts[0]
    assert (len(text.text), text.length) == (1000, 3003)
    done = await admin.post(f"{quarantine}/retry", json={"ids": [2, 3, 99]})
    assert (done.status_code, done.json()) == (200, {"items": 2, "entries": 2})
    assert (await admin.post(f"{quarantine}/retry", json={"ids": [2]})).status_code == 404
    asked = await admin.post(f"{quarantine}/discard", json={"ids": [4, 5]})
    assert (asked.status_code, asked.json()["items"]) == (409, 2)
    done = await admin.post(f"{quarantine}/discard", json={"ids": [4], "confirm": True})
    assert done.json() == {"items": 1, "entries": 1}
    left = Quarantine.model_validate((await admin.get(quarantine)).json())
    assert [one.id for one in left.items] == [1, 5, 6, 7, 8, 9, 10]
    for wrong in ({"ids": []}, {"ids": list(range(1001))}, {"id": 4}, {"ids": ["x"]}):
        assert (await admin.post(f"{quarantine}/retry", json=wrong)).status_code == 422
    assert (await admin.post(f"{quarantine}/retry")).json()["items"] == 10  # no body: all of it


async def test_the_opc_ua_server_tells_who_watches_what(admin: httpx.AsyncClient, services: FakeServices) -> None:  # noqa: F811
    found = OpcUaOut.model_validate((await admin.get("/api/feeds/opcua_server")).json())
    status = services.opcua_server.status()
    assert status is not None
    assert (found.state, found.target, found.refused, found.waiting) == ("ok", status.target, status.refused, status.waiting)
    told = [(one.address, one.user, one.subscriptions, one.items) for one in found.clients]
    assert told == [(one.address, one.user, one.subscriptions, one.items) for one in status.clients] != []
    assert isinstance(services.opcua_server, FakeOpcUaServer)
    services.opcua_server.on = False
    assert (await admin.get("/api/feeds/opcua_server")).json()["state"] == "off"


def test_the_pages_say_who_asks_and_who_was_refused(services: FakeServices) -> None:
    status = served(services).status()
    assert status is not None
    for lang in LANGUAGES:
        fmt = Format(lang, UTC)
        words = server_words(status, fmt, services.clock.now_us())
        assert "192.168.10.20" in words
        assert "feeds." not in words
        row = StatusView(services, fmt, services.clock.now_us()).servers()[1][0]
        assert (row["cells"]["clients"]["sort"], row["cells"]["refusals"]["sort"]) == (1, 4)
    served(services).on = False
    rows = StatusView(services, Format("en", UTC), services.clock.now_us()).servers()[1]
    assert [row["id"] for row in rows] == ["opcua_server"]
    opcua(services).on = False
    assert StatusView(services, Format("en", UTC), services.clock.now_us()).servers()[1] == []


def opcua(services: FakeServices) -> FakeOpcUaServer:
    assert isinstance(services.opcua_server, FakeOpcUaServer)
    return services.opcua_server


def test_the_opc_ua_servers_clients_are_told_with_who_they_are_and_what_is_to_be_done(services: FakeServices) -> None:
    server = opcua(services)
    status = server.status()
    assert status is not None
    for lang in LANGUAGES:
        fmt, now_us = Format(lang, UTC), services.clock.now_us()
        words = server_words(status, fmt, now_us)
        assert "192.168.10.30 scada UaExpert" in words
        assert "opcua_server." not in words
        todo = [item["title"] for item in StatusView(services, fmt, now_us).todo()["items"]]
        assert not [title for title in todo if "OPC UA" in title]
    server.waiting, server.valid_until_us = 2, services.clock.now_us() + 29 * 86_400_000_000
    found = [item for item in StatusView(services, Format("en", UTC), services.clock.now_us()).todo()["items"] if "OPC UA" in item["title"]]
    assert [item["tone"] for item in found] == ["high", "hint"]
    assert found[1]["title"] == "OPC UA server: 2 client certificates wait for approval"


def test_every_refusal_of_the_opc_ua_server_has_words() -> None:
    kinds = {"frame", "message", "malformed", "policy", "certificate_untrusted", "certificate_expired", "certificate_early",
             "certificate_weak", "certificate_broken", "certificate_uri", "signature", "login", "anonymous", "activation", "slow", "subscriptions",
             "items", "history", "nodes"}  # fmt: skip
    for kind in kinds:
        for lang in LANGUAGES:
            assert has(f"feeds.refusal.opcua_server.{kind}", lang), (kind, lang)


async def test_the_opc_ua_server_is_in_the_metrics(admin: httpx.AsyncClient) -> None:  # noqa: F811
    assert "energy_opcua_server_clients 1.0" in (await admin.get("/metrics")).text
