"""/api/feeds/modbus, /api/feeds/opcua_server: the servers that others ask, their clients, and what lies at which register."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.served import Register, ServedClient, ServerStatus
from web_interface.api.alerts import NoParameters
from web_interface.api.answers import Json, Strict, described, large_json
from web_interface.api.problems import problem
from web_interface.api.roles import Need
from web_interface.api.tables import safe_cell
from web_interface.api.times import rfc3339, rfc3339_or_none
from web_interface.locale import t
from web_interface.services import Services

Viewer = Annotated[Actor, Need(Role.VIEWER)]
Admin = Annotated[Actor, Need(Role.ADMIN)]
COLUMNS = ("address", "count", "type", "block", "subject", "field", "unit", "decimals")
KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
OFF = "the Modbus server is off; ENERGY_MODBUS_SERVER__HOST switches it on"


class RegistersIn(Strict):
    format: Literal["json", "csv", "xlsx"] = "json"
    language: Literal["ru", "en"] | None = Field(None, description="of a workbook's heads; default: the site's")


class RegisterItem(BaseModel):
    address: int = Field(description="of the first register, counted from 0")
    count: int = Field(description="registers of 16 bits")
    type: str = Field(description="uint16, int16, uint32, int32, uint64, int64, float32 or text; the high word first")
    block: Literal["header", "machine", "tag", "machine_directory", "tag_directory"]
    subject: str = Field(description="machine or tag; empty in the header")
    field: str
    unit: str
    decimals: int = Field(description="the value is what is read divided by 10 to this power")


class RegisterList(BaseModel):
    items: list[RegisterItem]


class ClientItem(BaseModel):
    address: str
    since: str
    requests: int
    last: str | None = Field(description="newest whole request")


class ServerOut(BaseModel):
    state: Literal["off", "starting", "ok", "failed"]
    target: str
    since: str | None
    last_error: str | None
    requests: int = Field(description="since the start")


class ModbusOut(ServerOut):
    refused: dict[str, int] = Field(
        description="by kind: client, connections, per_address, frame, idle, function, address, value, unit"
    )
    clients: list[ClientItem]
    left_out: int = Field(description="machines and tags the map has no room for")


class OpcUaClientItem(ClientItem):
    user: str = Field(description="who signed in; empty before that")
    application: str = Field(description="URI of the client's program")
    subscriptions: int
    items: int = Field(description="values it watches")


class OpcUaOut(ServerOut):
    refused: dict[str, int] = Field(description="by kind: certificate_untrusted, login, connections, frame ...")
    clients: list[OpcUaClientItem]
    valid_until: str | None = Field(description="end of the server's own certificate")
    waiting: int = Field(description="certificates of clients that nobody has approved or rejected yet")


def feed_routes(services: Services) -> APIRouter:
    """GET the server's state and its map."""
    router = APIRouter(prefix="/api/feeds", tags=["feeds"])

    @router.get("/modbus", response_model=None, responses=described(ModbusOut, 422), summary="The Modbus server and its clients")
    async def server(actor: Admin, _: Annotated[NoParameters, Query()]) -> Response:
        return Json(server_out(services))

    @router.get(
        "/opcua_server", response_model=None, responses=described(OpcUaOut, 422), summary="The OPC UA server and its clients"
    )
    async def opcua_server(actor: Admin, _: Annotated[NoParameters, Query()]) -> Response:
        return Json(opcua_out(services.opcua_server.status()))

    @router.get(
        "/modbus/registers", response_model=None, summary="What lies at which register",
        responses=described(RegisterList, 409, 422, content={kind: {} for kind in KINDS.values()}),
    )
    async def registers(actor: Viewer, query: Annotated[RegistersIn, Query()]) -> Response:
        """409 while the server is off."""
        found = services.modbus.registers()
        if found is None:
            return problem(409, OFF)
        if query.format == "json":
            return await large_json({"items": [register_item(one) for one in found]}, len(found))
        language = query.language or services.plant.plant.site.language
        content = await asyncio.to_thread(
            lambda: as_csv(found) if query.format == "csv" else as_workbook(services, found, language)
        )
        headers = {"content-disposition": f'attachment; filename="modbus-registers.{query.format}"'}
        return Response(content, media_type=KINDS[query.format], headers=headers)

    return router


def server_out(services: Services) -> dict[str, Any]:
    status = services.modbus.status()
    clients = [] if status is None else [client_item(client) for client in status.clients]
    return {**_server(status), "clients": clients, "left_out": 0 if status is None else status.left_out}


def opcua_out(status: ServerStatus | None) -> dict[str, Any]:
    clients = [] if status is None else [
        {
            **client_item(client), "user": client.user, "application": client.application,
            "subscriptions": client.subscriptions, "items": client.items,
        }
        for client in status.clients
    ]  # fmt: skip
    return {
        **_server(status), "clients": clients, "waiting": 0 if status is None else status.waiting,
        "valid_until": None if status is None else rfc3339_or_none(status.valid_until_us),
    }  # fmt: skip


def _server(status: ServerStatus | None) -> dict[str, Any]:
    if status is None:
        return {"state": "off", "target": "", "since": None, "last_error": None, "requests": 0, "refused": {}}
    return {
        "state": status.state, "target": status.target, "since": rfc3339(status.since_us), "last_error": status.last_error,
        "requests": status.requests, "refused": dict(status.refused),
    }  # fmt: skip


def client_item(client: ServedClient) -> dict[str, Any]:
    return {
        "address": client.address, "since": rfc3339(client.since_us), "requests": client.requests,
        "last": rfc3339_or_none(client.last_us),
    }  # fmt: skip


def register_item(one: Register) -> dict[str, Any]:
    return {name: getattr(one, name) for name in COLUMNS}


def as_csv(registers: Sequence[Register]) -> bytes:
    """UTF-8, comma."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for one in registers:
        values = (getattr(one, name) for name in COLUMNS)
        writer.writerow([safe_cell(value) if isinstance(value, str) else value for value in values])
    return buffer.getvalue().encode()


def as_workbook(services: Services, registers: Sequence[Register], language: str) -> bytes:
    """XLSX; CPU-bound."""
    heads = [t(f"feeds.registers.{name}", language) for name in COLUMNS]
    columns = [[getattr(one, name) for one in registers] for name in COLUMNS]
    title, note = t("feeds.registers.title", language), t("feeds.registers.note", language)
    return services.trends.workbook(title, note, heads, columns)
