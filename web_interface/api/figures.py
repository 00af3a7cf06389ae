"""/api/energy/...: cost, carbon, idling, demand, power factor, load curve, stand-by advice, hourly prices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from domain.access import Actor, Role
from web_interface.api import figure_items as item
from web_interface.api import figure_models as models
from web_interface.api.alerts import DAY_US, NoParameters
from web_interface.api.answers import Json, Strict, described, large_json
from web_interface.api.data import window
from web_interface.api.machines import WindowQuery
from web_interface.api.problems import TooLarge, problem
from web_interface.api.roles import Need
from web_interface.api.times import Time
from web_interface.services import Services

LONGEST_US = 400 * DAY_US
Viewer = Annotated[Actor, Need(Role.VIEWER)]
Subject = Annotated[str, Field(min_length=1, max_length=200)]
_FILE_TYPES = {"text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/octet-stream"}

_BINARY: dict[str, Any] = {"schema": {"type": "string"}}


class CostQuery(WindowQuery):
    by: Literal["machine", "section", "site", "hour"] = "machine"
    subject: Subject = Field("site", description='with by=hour: a machine id, "section:<name>" or "site"')


class GroupQuery(WindowQuery):
    by: Literal["machine", "section", "site"] = "machine"


class SubjectQuery(WindowQuery):
    subject: Subject = "site"


class PriceQuery(Strict):
    table: str = Field(min_length=1, max_length=60, description="name of the table, as a tariff's field `table` holds it")
    unit: Literal["kWh", "MWh"] = "kWh"
    keep: bool = Field(False, description="false: only look into the file")


class NoteIn(Strict):
    machine: str = Field(min_length=1, max_length=200)
    from_: Time = Field(alias="from")
    to: Time
    text: str = Field(min_length=1, max_length=500)


def figure_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """All routes of this module."""
    router = APIRouter(prefix="/api/energy", tags=["energy figures"])
    _cost_routes(router, services, now_us)
    _network_routes(router, services, now_us)
    _idle_routes(router, services, now_us)
    _price_routes(router, services)
    return router


def _span(query: WindowQuery, now: int) -> tuple[int, int]:
    begin, end = window(query.from_, query.to, now, DAY_US)
    if end - begin > LONGEST_US:
        raise TooLarge("more than 400 days are not answered at once", 400)
    return begin, end


def _cost_routes(router: APIRouter, services: Services, now_us: Callable[[], int]) -> None:
    @router.get("/cost", response_model=None, responses=described(models.Costs, 400, 404, 422, 503), summary="Cost of energy")
    async def cost(actor: Viewer, query: Annotated[CostQuery, Query()]) -> Response:
        """By the tariff of each quarter hour; energy without a price is told as `unpriced_kwh`."""
        begin, end = _span(query, now_us())
        money = services.money
        if query.by == "hour":
            found, hours = [await money.cost(query.subject, begin, end)], await money.cost_hours(query.subject, begin, end)
        else:
            found, hours = list(await money.costs(query.by, begin, end)), ()
        body = {
            **item.span(begin, end), "currency": services.plant.plant.site.currency, "items": [item.cost(c) for c in found],
            "hours": [item.cost_hour(h) for h in hours],
        }  # fmt: skip
        return await large_json(body, len(hours))

    @router.get("/co2", response_model=None, responses=described(models.Co2, 400, 422, 503), summary="CO2 and conventional fuel")
    async def co2(actor: Viewer, query: Annotated[GroupQuery, Query()]) -> Response:
        """By the dated factors of the plant; null where there is none."""
        begin, end = _span(query, now_us())
        found = await services.money.costs(query.by, begin, end)
        return Json({**item.span(begin, end), "items": [item.co2(c) for c in found]})

    @router.get(
        "/load-curve", response_model=None, responses=described(models.LoadCurves, 400, 422, 503),
        summary="Coefficients of the load curve",
    )  # fmt: skip
    async def load_curve(actor: Viewer, query: Annotated[GroupQuery, Query()]) -> Response:
        """Ratios of sums: they must not be averaged. See docs/formulas.md."""
        begin, end = _span(query, now_us())
        found = await services.money.load_curves(query.by, begin, end)
        return Json({**item.span(begin, end), "items": [item.load_curve(c) for c in found]})


def _network_routes(router: APIRouter, services: Services, now_us: Callable[[], int]) -> None:
    @router.get("/demand", response_model=None, responses=described(models.DemandOut, 400, 422, 503), summary="Demand")
    async def demand(actor: Viewer, query: Annotated[WindowQuery, Query()]) -> Response:
        """Closed windows, the highest peaks with the machines that made them, and where the running window will end."""
        begin, end = _span(query, now_us())
        found = await services.money.demand(begin, end)
        return await large_json(item.demand(found, services.money.running_demand()), len(found.windows))

    @router.get(
        "/power-factor", response_model=None, responses=described(models.PowerFactorOut, 400, 404, 422, 503),
        summary="tg φ and cos φ against the limit",
    )  # fmt: skip
    async def power_factor(actor: Viewer, query: Annotated[SubjectQuery, Query()]) -> Response:
        """Of the period, of each demand window, and of the hours of high load with the capacitors the limit asks for."""
        begin, end = _span(query, now_us())
        found = await services.money.power_factor(query.subject, begin, end)
        return await large_json(item.power_factor(found), len(found.windows))


def _idle_routes(router: APIRouter, services: Services, now_us: Callable[[], int]) -> None:
    @router.get("/idle", response_model=None, responses=described(models.Idle, 400, 422, 503), summary="Idle ledger")
    async def idle(actor: Viewer, query: Annotated[WindowQuery, Query()]) -> Response:
        """Hours, energy and money per machine, shift and reason; who wasted most; who is left on now."""
        begin, end = _span(query, now_us())
        ledger, left = await services.money.idle_ledger(begin, end), await services.money.left_on()
        body = {"currency": services.plant.plant.site.currency, **item.idle(ledger), "left_on": [item.left_on(x) for x in left]}
        return await large_json(body, len(ledger.entries))

    @router.post(
        "/idle/notes", response_model=None, status_code=201, responses=_created(models.NoteOut), summary="Say why a machine idled"
    )
    async def note(
        note: NoteIn, actor: Annotated[Actor, Need(Role.OPERATOR)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Needs the role operator; it is in the audit."""
        made = await services.money.add_idle_note(note.machine, note.from_, note.to, note.text, actor)
        return Json(item.note(made), 201)

    @router.get("/standby", response_model=None, responses=described(models.Standbys, 422, 503), summary="Switch off or keep on?")
    async def standby(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """For every machine: break-even time, the pause to be expected, and the advice while it idles."""
        found = await services.money.standby()
        return Json({"currency": services.plant.plant.site.currency, "items": [item.standby(a) for a in found]})


def _price_routes(router: APIRouter, services: Services) -> None:
    @router.get("/prices", response_model=None, responses=described(models.PriceTables, 422, 503), summary="Hourly price tables")
    async def prices(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """What has been imported."""
        return Json({"items": [item.price_table(*table) for table in await services.money.price_tables()]})

    @router.post(
        "/prices", response_model=None, responses=described(models.PriceImport, 408, 413, 415, 422, 503),
        summary="Look into a file of hourly prices, or keep it",
        openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(sorted(_FILE_TYPES), _BINARY)}},
    )  # fmt: skip
    async def load(
        request: Request, actor: Annotated[Actor, Need(Role.ENGINEER)], query: Annotated[PriceQuery, Query()]
    ) -> Response:
        """CSV or XLSX: day, hour and price a row, or a day and 24 prices a row. Needs the role engineer."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _FILE_TYPES:
            return problem(415, "send the file as text/csv or as a table of Excel")
        content = await request.body()
        found = await services.money.import_prices(query.table, "", content, query.unit, actor, keep=query.keep)
        return Json(item.price_import(found))


def _created(model: Any) -> dict[int | str, dict[str, Any]]:
    answers = described(None, 404, 422, 503)
    answers[201] = {"model": model}
    return answers


