"""/api/baselines: energy baselines after ISO 50006, and savings against them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.baseline import (
    Baseline,
    BaselineDefinition,
    BaselineDraft,
    BaselineFit,
    Period,
    Reason,
    SavingPoint,
    Savings,
    Variable,
    VariableKind,
)
from web_interface.api.alerts import DAY_US, NoParameters, Number
from web_interface.api.answers import Json, Strict, described, large_json
from web_interface.api.data import window
from web_interface.api.machines import Viewer, WindowQuery
from web_interface.api.problems import BadParameter
from web_interface.api.roles import Need
from web_interface.api.times import Time, rfc3339
from web_interface.services import Services

Engineer = Annotated[Actor, Need(Role.ENGINEER)]
PERIODS = Literal["hour", "shift", "day", "week"]
KINDS = Literal["parts", "hours", "on_hours", "heating_degree_days", "cooling_degree_days", "shifts", "tag"]


class VariableOrder(Strict):
    name: str = Field(max_length=30, description="symbol in the formula", examples=["parts"])
    kind: KINDS
    source: str = Field("", max_length=200, description="machine, section:<name>, site or tag; empty: the subject")
    base_c: float | None = Field(None, description="degree-days: base temperature, °C")
    statistic: Literal["mean", "min", "max", "sum"] = "mean"


class BaselineOrder(Strict):
    name: str = Field(max_length=100)
    subject: str = Field(max_length=220, description="machine id, section:<name> or site")
    period: PERIODS = "day"
    variables: list[VariableOrder] = Field(max_length=20)
    from_: Time = Field(alias="from", description="training window")
    to: Time


class ReasonItem(BaseModel):
    key: str
    values: dict[str, float | str]
    blocking: bool = Field(description="true: no saving is shown while it stands")


class CoefficientItem(BaseModel):
    name: str
    value_kwh: float = Field(description="kWh per unit of the variable")
    std_error_kwh: float | None
    p_value: float | None
    low: float = Field(description="least value in training")
    high: float
    vif: float | None


class FitItem(BaseModel):
    n: int
    missing: int
    intercept_kwh: float
    coefficients: list[CoefficientItem]
    r2: float
    adjusted_r2: float
    cv_rmse: float = Field(description="share")
    nmbe: float = Field(description="share")
    sigma_kwh: float
    condition: float
    autocorrelation: float = Field(description="lag 1 of the residuals; 0 where it may be chance")
    holds: bool


class VariableItem(BaseModel):
    name: str
    kind: KINDS
    source: str
    base_c: float | None
    statistic: str
    unit: str


class BaselineItem(BaseModel):
    id: int
    name: str
    version: int
    subject: str
    period: PERIODS
    variables: list[VariableItem]
    from_: str = Field(alias="from")
    to: str
    formula: str
    fit: FitItem | None = Field(description="null in a draft that gives no model")
    reasons: list[ReasonItem]
    rule_version: int
    fitted: str
    fitted_by: str


class BaselineList(BaseModel):
    items: list[BaselineItem]


class Draft(BaseModel):
    fit: FitItem | None
    reasons: list[ReasonItem]
    periods: int
    whole_periods: int


class PointItem(BaseModel):
    from_: str = Field(alias="from")
    to: str
    label: str
    status: Literal["counted", "missing", "extrapolated"]
    values: list[float | None]
    outside: list[str]
    measured_kwh: float | None
    expected_kwh: float | None
    saving_kwh: float | None
    cusum_kwh: float | None


class SignalItem(BaseModel):
    direction: Literal["saving", "waste"]
    time: str
    since: str
    statistic_sigma: float


class SavingsAnswer(BaseModel):
    baseline: int
    version: int
    from_: str = Field(alias="from")
    to: str
    saving_kwh: float | None = Field(description="null where the model does not hold: see reasons")
    uncertainty_kwh: float | None = Field(description="half width of the 90 % interval")
    significant: bool
    expected_kwh: float | None
    measured_kwh: float | None
    improvement: float | None = Field(description="saving over expected, a share")
    signal: SignalItem | None
    reasons: list[ReasonItem]
    counted: int
    missing: int
    extrapolated: int
    points: list[PointItem]


def baseline_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """CRUD and savings. An update is a new version: a stored baseline is never fitted anew in place."""
    router = APIRouter(prefix="/api/baselines", tags=["baselines"])
    _reading(router, services, now_us)
    _changing(router, services)
    return router


def _reading(router: APIRouter, services: Services, now_us: Callable[[], int]) -> None:
    @router.get("", response_model=None, responses=described(BaselineList, 422, 503), summary="All baselines, newest first")
    async def listed(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """Every version."""
        return Json({"items": [baseline_item(b) for b in await services.baselines.all()]})

    @router.get("/{baseline_id}", response_model=None, responses=described(BaselineItem, 404, 422, 503), summary="One baseline")
    async def one(baseline_id: Number, actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """With its validity figures and what speaks against it."""
        return Json(baseline_item(await services.baselines.get(baseline_id)))

    @router.get(
        "/{baseline_id}/savings", response_model=None, responses=described(SavingsAnswer, 404, 422, 503),
        summary="Savings against a baseline",
    )
    async def savings(baseline_id: Number, actor: Viewer, query: Annotated[WindowQuery, Query()]) -> Response:
        """Whole periods within the window. Totals are null where the model does not hold, and `reasons` say why."""
        begin, end = window(query.from_, query.to, now_us(), 30 * DAY_US)
        found = await services.baselines.savings(baseline_id, begin, end)
        return await large_json(savings_item(found), len(found.points))


def _changing(router: APIRouter, services: Services) -> None:
    @router.post(
        "/draft", response_model=None, responses=described(Draft, 408, 413, 415, 422, 503), summary="Fit without storing"
    )
    async def draft(order: BaselineOrder, actor: Engineer, query: Annotated[NoParameters, Query()]) -> Response:
        """What the model would be; `fit` is null, with the reasons, where the points give none."""
        return Json(draft_item(await services.baselines.draft(definition_of(order))))

    @router.post(
        "", response_model=None, status_code=201, summary="Fit and store a baseline",
        responses={201: {"model": BaselineItem}, **described(None, 408, 409, 413, 415, 422, 503)},
    )
    async def create(order: BaselineOrder, actor: Engineer, query: Annotated[NoParameters, Query()]) -> Response:
        """Needs the role engineer. 409 when the name is taken, 422 when no model can be fitted."""
        made = await services.baselines.create(definition_of(order), actor)
        return Json(baseline_item(made), 201, {"location": f"/api/baselines/{made.id}"})

    @router.put(
        "/{baseline_id}", response_model=None, status_code=201, summary="Fit the next version of a baseline",
        responses={201: {"model": BaselineItem}, **described(None, 404, 408, 413, 415, 422, 503)},
    )
    async def fit_anew(
        baseline_id: Number, order: BaselineOrder, actor: Engineer, query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Under the same name; the version that is there stays as it is."""
        made = await services.baselines.fit_anew(baseline_id, definition_of(order), actor)
        return Json(baseline_item(made), 201, {"location": f"/api/baselines/{made.id}"})

    @router.delete("/{baseline_id}", response_model=None, status_code=204, summary="Remove one version",
                   responses=described(None, 404, 422, 503))  # fmt: skip
    async def delete(baseline_id: Number, actor: Engineer, query: Annotated[NoParameters, Query()]) -> Response:
        """Needs the role engineer."""
        await services.baselines.delete(baseline_id, actor)
        return Response(status_code=204)


def definition_of(order: BaselineOrder) -> BaselineDefinition:
    """Raises BadParameter for a window that ends before it begins."""
    if order.from_ >= order.to:
        raise BadParameter("from", "must lie before to")
    variables = tuple(
        Variable(v.name, VariableKind(v.kind), v.source, v.base_c, v.statistic) for v in order.variables
    )
    return BaselineDefinition(order.name, order.subject, Period(order.period), variables, order.from_, order.to)


def reason_items(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    return [{"key": r.key, "values": dict(r.values), "blocking": r.blocking} for r in reasons]


def fit_item(made: BaselineFit) -> dict[str, Any]:
    return {
        "n": made.n, "missing": made.missing, "intercept_kwh": made.intercept_kwh,
        "coefficients": [
            {
                "name": c.name, "value_kwh": c.value, "std_error_kwh": c.std_error, "p_value": c.p_value, "low": c.low,
                "high": c.high, "vif": c.vif,
            }
            for c in made.coefficients
        ],
        "r2": made.r2, "adjusted_r2": made.adjusted_r2, "cv_rmse": made.cv_rmse, "nmbe": made.nmbe,
        "sigma_kwh": made.sigma_kwh, "condition": made.condition, "autocorrelation": made.autocorrelation, "holds": made.holds,
    }  # fmt: skip


def formula_of(definition: BaselineDefinition) -> str:
    """E_expected = a + b_parts * parts + ..."""
    return "E_expected = a" + "".join(f" + b_{v.name} * {v.name}" for v in definition.variables)


def baseline_item(baseline: Baseline) -> dict[str, Any]:
    definition = baseline.definition
    variables = [
        {
            "name": v.name, "kind": v.kind.value, "source": v.source, "base_c": v.base_c, "statistic": v.statistic,
            "unit": v.unit,
        }
        for v in definition.variables
    ]  # fmt: skip
    return {
        "id": baseline.id, "name": definition.name, "version": baseline.version, "subject": definition.subject,
        "period": definition.period.value, "variables": variables, "from": rfc3339(definition.train_from_us),
        "to": rfc3339(definition.train_to_us), "formula": formula_of(definition), "fit": fit_item(baseline.fit),
        "reasons": reason_items(baseline.fit.reasons), "rule_version": baseline.rule_version,
        "fitted": rfc3339(baseline.fitted_us), "fitted_by": baseline.fitted_by,
    }  # fmt: skip


def draft_item(draft: BaselineDraft) -> dict[str, Any]:
    return {
        "fit": None if draft.fit is None else fit_item(draft.fit), "reasons": reason_items(draft.reasons),
        "periods": len(draft.rows), "whole_periods": sum(1 for row in draft.rows if row.whole),
    }  # fmt: skip


def point_item(point: SavingPoint) -> dict[str, Any]:
    row = point.row
    return {
        "from": rfc3339(row.from_us), "to": rfc3339(row.to_us), "label": row.label, "status": point.status,
        "values": list(row.values), "outside": list(point.outside), "measured_kwh": row.energy_kwh,
        "expected_kwh": point.expected_kwh, "saving_kwh": point.saving_kwh, "cusum_kwh": point.cusum_kwh,
    }  # fmt: skip


def savings_item(found: Savings) -> dict[str, Any]:
    signal = found.signal
    return {
        "baseline": found.baseline.id, "version": found.baseline.version, "from": rfc3339(found.from_us),
        "to": rfc3339(found.to_us), "saving_kwh": found.saving_kwh, "uncertainty_kwh": found.uncertainty_kwh,
        "significant": found.significant, "expected_kwh": found.expected_kwh, "measured_kwh": found.measured_kwh,
        "improvement": found.improvement,
        "signal": None if signal is None else {
            "direction": signal.direction, "time": rfc3339(signal.time_us), "since": rfc3339(signal.since_us),
            "statistic_sigma": signal.statistic_sigma,
        },
        "reasons": reason_items(found.reasons), "counted": found.counted, "missing": found.missing,
        "extrapolated": found.extrapolated, "points": [point_item(point) for point in found.points],
    }  # fmt: skip
