"""/api/energy/specific and /api/kpi/oee: energy per part and program, times after ISO 22400-2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.kpi import KPIS, GroupKpis, SpecificEnergy
from web_interface.api.alerts import DAY_US
from web_interface.api.answers import Json, described
from web_interface.api.data import window
from web_interface.api.machines import WindowQuery
from web_interface.api.problems import TooLarge
from web_interface.api.roles import Need
from web_interface.api.times import rfc3339
from web_interface.services import Services

LONGEST_US = 100 * DAY_US
Viewer = Annotated[Actor, Need(Role.VIEWER)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class SpecificQuery(WindowQuery):
    machine: Name = Field(description="id of a machine")
    by: Literal["part", "program"] = "part"


class OeeQuery(WindowQuery):
    by: Literal["machine", "section", "site"] = "machine"
    subject: Name = Field("site", description='machine id, "section:<name>" or "site"')


class SpecificItem(BaseModel):
    program: str | None = Field(description="null: the whole window, or time in which the program is not known")
    seconds: float
    energy_kwh: float | None
    estimated_kwh: float
    parts: int | None = Field(description="null: no parts are counted")
    kwh_per_part: float | None
    norm_kwh_per_part: float | None
    completeness: float
    stretches: int


class Specific(BaseModel):
    machine: str
    by: Literal["part", "program"]
    from_: str = Field(alias="from")
    to: str
    items: list[SpecificItem]


class KpiReason(BaseModel):
    machine: str
    reason: str


class KpiItem(BaseModel):
    """Ratios of sums over the machines; null where an element is unknown. apt, aubt, pbt: see docs/formulas.md."""

    group: str
    machines: list[str]
    apt_s: float | None
    aubt_s: float | None
    pbt_s: float | None
    idle_s: float
    ideal_s: float | None
    parts: int | None
    good_parts: float | None
    availability: float | None
    utilisation: float | None
    allocation: float | None
    effectiveness: float | None
    quality: float | None
    oee: float | None
    production_time_share: float | None
    idle_time_share: float | None
    completeness: float
    reasons: list[KpiReason]


class Kpis(BaseModel):
    by: Literal["machine", "section", "site"]
    from_: str = Field(alias="from")
    to: str
    items: list[KpiItem]


def per_part_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """GET energy/specific, GET kpi/oee."""
    router = APIRouter(prefix="/api", tags=["machines"])

    def asked(query: WindowQuery) -> tuple[int, int]:
        begin, end = window(query.from_, query.to, now_us(), DAY_US)
        if end - begin > LONGEST_US:
            raise TooLarge("more than 100 days are not answered at once", 100)
        return begin, end

    @router.get(
        "/energy/specific", response_model=None, responses=described(Specific, 400, 404, 422, 503), summary="Energy per part"
    )
    async def specific(actor: Viewer, query: Annotated[SpecificQuery, Query()]) -> Response:
        """Of the window, or of each program in it, most energy first."""
        begin, end = asked(query)
        services.live.machine(query.machine)
        if query.by == "part":
            found = [await services.per_part.specific(query.machine, begin, end)]
        else:
            found = list(await services.per_part.by_program(query.machine, begin, end))
        body = {"machine": query.machine, "by": query.by, "from": rfc3339(begin), "to": rfc3339(end)}
        return Json({**body, "items": [specific_item(item) for item in found]})

    @router.get("/kpi/oee", response_model=None, responses=described(Kpis, 400, 404, 422, 503), summary="Times and OEE")
    async def oee(actor: Viewer, query: Annotated[OeeQuery, Query()]) -> Response:
        """Planned busy time is that of the shifts without their breaks; production time comes from the states."""
        begin, end = asked(query)
        found = await services.per_part.oee(query.by, begin, end, query.subject)
        body = {"by": query.by, "from": rfc3339(begin), "to": rfc3339(end)}
        return Json({**body, "items": [kpi_item(item) for item in found]})

    return router


def specific_item(item: SpecificEnergy) -> dict[str, Any]:
    return {
        "program": item.program, "seconds": item.seconds, "energy_kwh": item.energy_kwh, "estimated_kwh": item.estimated_kwh,
        "parts": item.parts, "kwh_per_part": item.kwh_per_part, "norm_kwh_per_part": item.norm_kwh_per_part,
        "completeness": item.completeness, "stretches": item.stretches,
    }  # fmt: skip


def kpi_item(item: GroupKpis) -> dict[str, Any]:
    """Elements and ratios of a group."""
    e, k = item.elements, item.kpis
    return {
        "group": item.group, "machines": list(item.members), "apt_s": e.apt_s, "aubt_s": e.aubt_s, "pbt_s": e.pbt_s,
        "idle_s": e.idle_s, "ideal_s": e.pri_pq_s, "parts": e.produced, "good_parts": e.good,
        **{name: getattr(k, name) for name in KPIS},
        "production_time_share": k.time_share, "idle_time_share": k.idle_time_share, "completeness": e.completeness,
        "reasons": [{"machine": machine, "reason": reason} for machine, reason in item.reasons],
    }  # fmt: skip
