"""/api/balance: meters against each other, and what the balance doctor found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from domain.balance import BalanceFinding, BalanceReport, MeterBalance, NodeBalance
from web_interface.api.alerts import DAY_US
from web_interface.api.answers import Json, described, large_json
from web_interface.api.data import window
from web_interface.api.machines import Viewer, WindowQuery
from web_interface.api.times import rfc3339
from web_interface.services import Services

Status = Literal["within", "beyond", "unknown"]


class NodeIntervalItem(BaseModel):
    from_: str = Field(alias="from")
    main_kwh: float | None
    sum_kwh: float | None


class NodeItem(BaseModel):
    meter: str
    sub_meters: list[str]
    main_kwh: float | None
    sum_kwh: float | None
    difference_kwh: float | None = Field(description="main minus sum")
    tolerance_kwh: float
    completeness: float
    status: Status
    intervals: list[NodeIntervalItem]


class MeterItem(BaseModel):
    meter: str
    counter_kwh: float | None
    integrated_kwh: float | None = Field(description="integral of the power where the counter is known too")
    tolerance_kwh: float
    completeness: float
    status: Status


class FindingItem(BaseModel):
    id: int
    fault: str
    meter: str
    confidence: float
    from_: str = Field(alias="from")
    to: str
    since: str = Field(description="begin of the first day in a row that shows it")
    figures: dict[str, float]
    words: dict[str, str]
    rule_version: int


class Balance(BaseModel):
    from_: str = Field(alias="from")
    to: str
    interval_s: int
    nodes: list[NodeItem]
    meters: list[MeterItem]
    findings: list[FindingItem]
    rule_version: int


class FindingList(BaseModel):
    items: list[FindingItem]


def balance_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """GET the balance of a window, GET what was found day by day."""
    router = APIRouter(prefix="/api/balance", tags=["balance"])

    @router.get("", response_model=None, responses=described(Balance, 422, 503), summary="Balance of the meters in a window")
    async def balance(actor: Viewer, query: Annotated[WindowQuery, Query()]) -> Response:
        """At most 62 days; quarter hours up to two days, hours beyond. Computed now, nothing is stored."""
        begin, end = window(query.from_, query.to, now_us(), DAY_US)
        report = await services.balance.report(begin, end)
        return await large_json(balance_item(report), sum(len(node.intervals) for node in report.nodes))

    @router.get(
        "/findings", response_model=None, responses=described(FindingList, 422, 503), summary="What the daily runs found"
    )
    async def findings(actor: Viewer, query: Annotated[WindowQuery, Query()]) -> Response:
        """Newest first."""
        begin, end = window(query.from_, query.to, now_us(), 30 * DAY_US)
        return Json({"items": [finding_item(f) for f in await services.balance.findings(begin, end)]})

    return router


def balance_item(report: BalanceReport) -> dict[str, Any]:
    return {
        "from": rfc3339(report.from_us), "to": rfc3339(report.to_us), "interval_s": report.interval_s,
        "nodes": [node_item(node) for node in report.nodes], "meters": [meter_item(meter) for meter in report.meters],
        "findings": [finding_item(found) for found in report.findings], "rule_version": report.rule_version,
    }  # fmt: skip


def node_item(node: NodeBalance) -> dict[str, Any]:
    return {
        "meter": node.device_id, "sub_meters": list(node.children), "main_kwh": node.main_kwh, "sum_kwh": node.sum_kwh,
        "difference_kwh": node.difference_kwh, "tolerance_kwh": node.tolerance_kwh, "completeness": node.completeness,
        "status": node.status,
        "intervals": [{"from": rfc3339(i.from_us), "main_kwh": i.main_kwh, "sum_kwh": i.sum_kwh} for i in node.intervals],
    }  # fmt: skip


def meter_item(meter: MeterBalance) -> dict[str, Any]:
    return {
        "meter": meter.device_id, "counter_kwh": meter.counter_kwh, "integrated_kwh": meter.integrated_kwh,
        "tolerance_kwh": meter.tolerance_kwh, "completeness": meter.completeness, "status": meter.status,
    }  # fmt: skip


def finding_item(found: BalanceFinding) -> dict[str, Any]:
    return {
        "id": found.id, "fault": found.kind.value, "meter": found.device_id, "confidence": found.confidence,
        "from": rfc3339(found.from_us), "to": rfc3339(found.to_us), "since": rfc3339(found.since_us),
        "figures": dict(found.figures), "words": dict(found.words), "rule_version": found.rule_version,
    }  # fmt: skip
