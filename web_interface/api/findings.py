"""/api/findings and /api/anomalies: what the detectors found, what they would have found, and the models behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.detector import RULES
from domain.errors import Conflict, NotFound
from domain.finding import AnomalyModel, Finding, FindingRehearsal, TrainingState
from web_interface.api.alerts import DAY_US, NoParameters
from web_interface.api.answers import Json, Strict, described
from web_interface.api.data import window
from web_interface.api.machines import WindowQuery
from web_interface.api.problems import TooLarge
from web_interface.api.roles import Need
from web_interface.api.times import Time, rfc3339, rfc3339_or_none
from web_interface.services import Services

LONGEST_US = 400 * DAY_US
LONGEST_CHANGES_US = 60 * DAY_US
Viewer = Annotated[Actor, Need(Role.VIEWER)]
Engineer = Annotated[Actor, Need(Role.ENGINEER)]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class FindingsQuery(WindowQuery):
    machine: Name | None = Field(None, description='machine id, or "site" for the supply')
    rule: Name | None = None
    limit: int = Field(1000, ge=1, le=10_000, description="most items of one answer, the newest")


class ChangesQuery(WindowQuery):
    machine: Name
    channel: Name = Field("active_power", description="point of the machine's meter")


class ModelsQuery(Strict):
    machine: Name | None = None


class RehearseBody(Strict):
    rule: Name
    machine: Name
    days: int = Field(30, ge=1, le=60)
    parameters: dict[str, float] = Field(default_factory=dict, max_length=20, description="in place of the set ones")


class TrainBody(Strict):
    machine: Name
    days: int = Field(14, ge=1, le=60, description="of the past that are learned from, without from and to")
    from_: Time | None = Field(None, alias="from", description="begin of the good period; with it also to")
    to: Time | None = Field(None, description="end of the good period")
    keep: bool = Field(True, description="false: only tell what the model would have done")


class DetectorsQuery(Strict):
    machine: Name | None = Field(None, description="without it: what holds for all machines")


class DetectorsBody(Strict):
    machine: Name | None = Field(None, description="without it: for all machines")
    rules: dict[str, dict[str, float | bool]] = Field(max_length=40, description="rule -> parameter -> value; enabled: false")


class DetectorsOut(BaseModel):
    machine: str | None
    rules: dict[str, dict[str, float | bool]] = Field(description="what is said; all else holds as GET /api/findings/rules tells")


class EvidenceOut(BaseModel):
    name: str
    value: float
    unit: str
    limit: float | None = Field(description="what it was compared with, in the same unit")


class ContributionOut(BaseModel):
    tag: str
    share: float = Field(description="0 to 1; the shares of a finding add up to 1")


class FindingOut(BaseModel):
    rule: str
    version: int = Field(description="of the rule")
    machine: str | None = Field(description="null: the supply of the site")
    from_: str = Field(alias="from")
    to: str | None = Field(description="null while it lasts")
    severity: Literal["low", "medium"]
    evidence: list[EvidenceOut]
    waste_kwh: float | None
    waste_cost: float | None
    contributions: list[ContributionOut]
    detail: str


class FindingsOut(BaseModel):
    items: list[FindingOut]


class ParameterOut(BaseModel):
    name: str
    default: float
    low: float
    high: float
    unit: str


class RuleOut(BaseModel):
    rule: str
    parameters: list[ParameterOut]


class RulesOut(BaseModel):
    items: list[RuleOut]


class RehearsalOut(BaseModel):
    rule: str
    machine: str
    from_: str = Field(alias="from")
    to: str
    count: int = Field(description="findings it would have told")
    minutes: float = Field(description="their total length")
    waste_kwh: float | None
    busiest_day: str | None = Field(description="begin (UTC) of the day with the most")
    busiest_day_count: int
    known_minutes: int = Field(description="minutes of the window that could be judged")
    examples: list[FindingOut] = Field(description="the longest ones")


class ModelOut(BaseModel):
    machine: str
    version: int
    trained: str
    from_: str = Field(alias="from")
    to: str
    rows: int = Field(description="minutes it was trained on")
    trained_by: str
    channels: list[str]
    groups: list[str] = Field(description="states it has a picture of")
    above: dict[str, float] = Field(description="state -> share of the training minutes above the threshold")
    alpha: float


class ModelsOut(BaseModel):
    items: list[ModelOut]


class TrainedOut(BaseModel):
    kept: bool
    model: ModelOut
    rehearsal: RehearsalOut


class ChangeOut(BaseModel):
    time: str
    before: float
    after: float


class ChangesOut(BaseModel):
    machine: str
    channel: str
    items: list[ChangeOut]


def finding_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """GET findings, running, rules, models, changes; POST rehearse, train."""
    router = APIRouter(prefix="/api", tags=["findings"])
    _add_findings(router, services, now_us)
    _add_anomalies(router, services, now_us)
    return router


def _add_findings(router: APIRouter, services: Services, now_us: Callable[[], int]) -> None:
    @router.get(
        "/findings", response_model=None, responses=described(FindingsOut, 400, 404, 422, 503), summary="What detectors found"
    )
    async def findings(actor: Viewer, query: Annotated[FindingsQuery, Query()]) -> Response:
        """All that overlap the window, newest first."""
        begin, end = window(query.from_, query.to, now_us(), 7 * DAY_US)
        if end - begin > LONGEST_US:
            raise TooLarge("findings of more than 400 days are not listed at once", 400)
        found = await services.findings.findings(begin, end, machine=query.machine, rule=query.rule, limit=query.limit)
        return Json({"items": [finding_item(finding) for finding in found]})

    @router.get("/findings/running", response_model=None, responses=described(FindingsOut, 422), summary="Findings that last")
    async def running(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """From memory."""
        return Json({"items": [finding_item(finding) for finding in services.findings.running()]})

    @router.get("/findings/rules", response_model=None, responses=described(RulesOut, 422), summary="Rules and their parameters")
    async def rules(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """Defaults, bounds and units; they are changed in the section `detectors` of the plant."""
        items = [
            {
                "rule": rule,
                "parameters": [
                    {"name": name, "default": p.default, "low": p.low, "high": p.high, "unit": p.unit}
                    for name, p in parameters.items()
                ],
            }
            for rule, parameters in RULES.items()
        ]
        return Json({"items": items})

    @router.get(
        "/findings/detectors", response_model=None, responses=described(DetectorsOut, 404, 422),
        summary="Parameters as they are set",
    )  # fmt: skip
    async def detectors(actor: Viewer, query: Annotated[DetectorsQuery, Query()]) -> Response:
        """Of one machine, or of all."""
        return Json(_detectors_body(services, query.machine))

    @router.put(
        "/findings/detectors", response_model=None, responses=described(DetectorsOut, 400, 404, 408, 409, 413, 415, 422, 503),
        summary="Set parameters",
    )  # fmt: skip
    async def set_detectors(
        actor: Engineer, query: Annotated[NoParameters, Query()], body: Annotated[DetectorsBody, Body()]
    ) -> Response:
        """All that is said of the machine, or of all machines: what is left out has the value below it again. Live at once."""
        await services.plant.save_detectors(body.machine, body.rules, actor)
        return Json(_detectors_body(services, body.machine))

    @router.post(
        "/findings/rehearse",
        response_model=None,
        responses=described(RehearsalOut, 400, 404, 408, 409, 413, 415, 422, 503),
        summary="What a rule would have told",
    )
    async def rehearse(
        actor: Engineer, query: Annotated[NoParameters, Query()], body: Annotated[RehearseBody, Body()]
    ) -> Response:
        """The last days replayed through the code that runs live, with other parameters. Nothing is changed by it."""
        found = await services.findings.rehearse(body.rule, body.machine, days=body.days, parameters=body.parameters)
        return Json(rehearsal_body(found))


def _add_anomalies(router: APIRouter, services: Services, now_us: Callable[[], int]) -> None:
    @router.get(
        "/anomalies/models", response_model=None, responses=described(ModelsOut, 404, 422, 503), summary="Trained models"
    )
    async def models(actor: Viewer, query: Annotated[ModelsQuery, Query()]) -> Response:
        """All versions; the highest of a machine is in use."""
        return Json({"items": [model_item(model) for model in await services.findings.models(query.machine)]})

    @router.post(
        "/anomalies/train",
        response_model=None,
        responses=described(TrainedOut, 400, 404, 408, 409, 413, 415, 422, 503),
        summary="Learn a machine's electrical picture",
    )
    async def train(actor: Engineer, query: Annotated[NoParameters, Query()], body: Annotated[TrainBody, Body()]) -> Response:
        """Takes some seconds, in a process of its own. Tells how often the model would have fired in the last 30 days."""
        model, rehearsal = await _trained(services, body, actor, now_us())
        return Json({"kept": body.keep, "model": model_item(model), "rehearsal": rehearsal_body(rehearsal)})

    @router.get(
        "/anomalies/changes", response_model=None, responses=described(ChangesOut, 400, 404, 422, 503), summary="Changes of level"
    )
    async def changes(actor: Viewer, query: Annotated[ChangesQuery, Query()]) -> Response:
        """Where the level of a channel changed while the machine produced, looking back over the whole window (PELT)."""
        begin, end = window(query.from_, query.to, now_us(), 14 * DAY_US)
        if end - begin > LONGEST_CHANGES_US:
            raise TooLarge("changes of level are looked for in at most 60 days", 60)
        found = await services.findings.changes(query.machine, query.channel, begin, end)
        items = [{"time": rfc3339(time_us), "before": before, "after": after} for time_us, before, after in found]
        return Json({"machine": query.machine, "channel": query.channel, "items": items})


def _above(groups: object) -> dict[str, float]:
    """Versions of before did not tell it."""
    named = groups.items() if isinstance(groups, dict) else ()
    return {str(name): float(found["above"]) for name, found in named if "above" in found}


def _detectors_body(services: Services, machine_id: str | None) -> dict[str, Any]:
    known = [machine.id for machine in services.plant.plant.machines]
    if machine_id is not None and machine_id not in known:
        raise NotFound("machine", machine_id, tuple(known[:5]))
    return {"machine": machine_id, "rules": {rule: dict(said) for rule, said in services.plant.detectors(machine_id).items()}}


async def _trained(
    services: Services, body: TrainBody, actor: Actor, now_us: int
) -> tuple[AnomalyModel, FindingRehearsal]:
    """Of the last days, or of a chosen period, waited for. Raises ConfigError, Conflict."""
    if body.from_ is None and body.to is None:
        return await services.findings.train(body.machine, actor, days=body.days, keep=body.keep)
    begin, end = window(body.from_, body.to, now_us, body.days * DAY_US)
    job = await services.findings.start_training(body.machine, begin, end, actor, keep=body.keep)
    while job.state is TrainingState.RUNNING:
        job = await services.findings.trainings.wait(job.id, 60)
    if job.model is None or job.rehearsal is None:
        raise Conflict(job.error or "the training was cancelled")
    return job.model, job.rehearsal


def finding_item(finding: Finding) -> dict[str, Any]:
    """One finding as the API shows it."""
    return {
        "rule": finding.rule, "version": finding.version, "machine": None if finding.subject == "site" else finding.subject,
        "from": rfc3339(finding.from_us), "to": rfc3339_or_none(finding.to_us), "severity": finding.severity.value,
        "evidence": [{"name": e.name, "value": e.value, "unit": e.unit, "limit": e.limit} for e in finding.evidence],
        "waste_kwh": finding.waste_kwh, "waste_cost": finding.waste_cost,
        "contributions": [{"tag": c.tag, "share": c.share} for c in finding.contributions], "detail": finding.detail,
    }  # fmt: skip


def rehearsal_body(rehearsal: FindingRehearsal) -> dict[str, Any]:
    """A rehearsal as the API shows it."""
    return {
        "rule": rehearsal.rule, "machine": rehearsal.machine_id,
        "from": rfc3339(rehearsal.from_us), "to": rfc3339(rehearsal.to_us),
        "count": rehearsal.count, "minutes": rehearsal.minutes, "waste_kwh": rehearsal.waste_kwh,
        "busiest_day": rfc3339_or_none(rehearsal.busiest_day_us), "busiest_day_count": rehearsal.busiest_day_count,
        "known_minutes": rehearsal.known_minutes, "examples": [finding_item(finding) for finding in rehearsal.examples],
    }  # fmt: skip


def model_item(model: AnomalyModel) -> dict[str, Any]:
    """A model without its matrices."""
    groups = model.numbers.get("groups")
    return {
        "machine": model.machine_id, "version": model.version, "trained": rfc3339(model.trained_us),
        "from": rfc3339(model.from_us), "to": rfc3339(model.to_us), "rows": model.rows, "trained_by": model.trained_by,
        "channels": model.numbers.get("channels"), "groups": list(groups) if isinstance(groups, dict) else [],
        "above": _above(groups),
        "alpha": model.numbers.get("alpha"),
    }  # fmt: skip
