"""/api/alert-rules: the rules that raise alerts, and what they would have done."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.alert import KeyHold
from domain.errors import ConfigError, Conflict, NotFound
from domain.rehearsal import FilterRehearsal, RehearsalJob, RuleRehearsal
from web_interface.api import models
from web_interface.api.alerts import NoParameters, hold_item
from web_interface.api.answers import Json, Strict, described
from web_interface.api.roles import Need
from web_interface.api.times import rfc3339, rfc3339_or_none
from web_interface.rule_fields import limit_fields, rule_fields
from web_interface.services import Services

LONGEST_WAIT_S = 20.0


class RuleBody(Strict):
    rule: dict[str, Any] = Field(description="the fields of a plant file's rule: docs/plant-file.md")


class Reason(Strict):
    reason: str = Field(min_length=1, max_length=1000)


class RehearseRule(RuleBody):
    days: int = Field(30, ge=1, le=31)
    wait_s: float = Field(10.0, ge=0, le=LONGEST_WAIT_S, description="answer after so long, also when it goes on")


class RehearseFilter(Strict):
    tag: str = Field(max_length=200)
    low: float | None = Field(None, description="plausible range, canonical unit of the tag")
    high: float | None = None
    spike: bool = Field(False, description="the spike filter")
    days: int = Field(30, ge=1, le=31)
    wait_s: float = Field(10.0, ge=0, le=LONGEST_WAIT_S)


_WRITE = (400, 404, 408, 409, 413, 415, 422, 503)


def alert_rule_routes(services: Services) -> APIRouter:
    """Reading for all, changing and rehearsing for engineers."""
    router = APIRouter(prefix="/api", tags=["alert rules"])
    _add_rules(router, services)
    _add_service(router, services)
    _add_rehearsals(router, services)

    @router.get("/duty", response_model=None, responses=described(models.DutyOut, 422), summary="Who is on duty now")
    async def duty(actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[NoParameters, Query()]) -> Response:
        """User names, by the duty calendar of the plant."""
        return Json({"users": list(services.alerts.on_duty())})

    return router


def _add_rules(router: APIRouter, services: Services) -> None:
    @router.get("/alert-rules", response_model=None, responses=described(models.AlertRules, 422), summary="All rules")
    async def rules(actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[NoParameters, Query()]) -> Response:
        """Those of the section alert_rules, and the limits as the rules they are."""
        return Json({"items": rule_items(services)})

    @router.post(
        "/alert-rules", response_model=None, status_code=201, summary="Add a rule",
        responses={**described(None, *_WRITE), 201: {"model": models.AlertRuleItem}},
    )  # fmt: skip
    async def add(
        body: RuleBody, actor: Annotated[Actor, Need(Role.ENGINEER)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Needs the role engineer. 422 names each wrong field, the reason and the fix; 409 when the id is taken."""
        saved = await services.plant.save_alert_rule(_named(body.rule), actor, new=True)
        return Json(rule_item(services, saved.id), 201)

    changed = described(models.AlertRuleItem, *_WRITE)

    @router.put("/alert-rules/{rule_id}", response_model=None, responses=changed, summary="Change a rule")
    async def change(
        rule_id: str, body: RuleBody, actor: Annotated[Actor, Need(Role.ENGINEER)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Needs the role engineer. The whole rule; its id stays."""
        _own(services, rule_id)
        saved = await services.plant.save_alert_rule({**body.rule, "id": rule_id}, actor, new=False)
        return Json(rule_item(services, saved.id))

    gone = described(None, *_WRITE)

    @router.delete("/alert-rules/{rule_id}", response_model=None, status_code=204, responses=gone, summary="Remove a rule")
    async def remove(
        rule_id: str, actor: Annotated[Actor, Need(Role.ENGINEER)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Needs the role engineer. Its alerts are over at once."""
        _own(services, rule_id)
        await services.plant.delete_alert_rule(rule_id, actor)
        return Response(status_code=204)


def _add_service(router: APIRouter, services: Services) -> None:
    @router.post(
        "/alert-rules/{rule_id}/out-of-service",
        response_model=None, responses=described(models.AlertRuleItem, *_WRITE), summary="Take a rule out of service",
    )  # fmt: skip
    async def out_of_service(
        rule_id: str, body: Reason, actor: Annotated[Actor, Need(Role.ENGINEER)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Needs the role engineer. Its alerts are kept out of the list until it is taken back."""
        _own(services, rule_id)
        await services.alerts.take_out_of_service(rule_id, body.reason, actor)
        return Json(rule_item(services, rule_id))

    @router.post(
        "/alert-rules/{rule_id}/in-service",
        response_model=None, responses=described(models.AlertRuleItem, *_WRITE), summary="Take it back into service",
    )  # fmt: skip
    async def in_service(
        rule_id: str, actor: Annotated[Actor, Need(Role.ENGINEER)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Needs the role engineer. 409 when it is in service."""
        _own(services, rule_id)
        await services.alerts.put_in_service(rule_id, actor)
        return Json(rule_item(services, rule_id))


def _add_rehearsals(router: APIRouter, services: Services) -> None:
    answers = described(models.RehearsalOut, *_WRITE)

    @router.post("/alert-rules/rehearse", response_model=None, responses=answers, summary="What a rule would have done")
    async def rehearse(
        body: RehearseRule, actor: Annotated[Actor, Need(Role.ENGINEER)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Needs the role engineer. Replays the last days through the code that runs live; nothing is saved.

        When it takes longer than `wait_s`, `state` is running: ask again under its id.
        """
        rule = await services.plant.draft_alert_rule({"id": "draft", **body.rule})
        job = services.rehearsals.start_rule(rule, body.days)
        return Json(job_out(await services.rehearsals.wait(job.id, body.wait_s)))

    @router.post("/alert-rules/rehearse-filter", response_model=None, responses=answers, summary="What a filter would refuse")
    async def rehearse_filter(
        body: RehearseFilter, actor: Annotated[Actor, Need(Role.ENGINEER)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Needs the role engineer. A plausible range or the spike filter over the good samples of a tag."""
        tag = services.live.tag(body.tag)
        if body.low is None and body.high is None and not body.spike:
            raise ConfigError("low: nothing is filtered; expected low, high or spike")
        job = services.rehearsals.start_filter(tag, body.low, body.high, spike=body.spike, days=body.days)
        return Json(job_out(await services.rehearsals.wait(job.id, body.wait_s)))

    @router.get("/alert-rules/rehearsals/{job_id}", response_model=None, responses=answers, summary="A rehearsal's progress")
    async def job(job_id: str, actor: Annotated[Actor, Need(Role.ENGINEER)], query: Annotated[NoParameters, Query()]) -> Response:
        """Needs the role engineer."""
        return Json(job_out(services.rehearsals.job(job_id)))

    @router.delete("/alert-rules/rehearsals/{job_id}", response_model=None, responses=answers, summary="Cancel a rehearsal")
    async def cancel(
        job_id: str, actor: Annotated[Actor, Need(Role.ENGINEER)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Needs the role engineer. A finished one stays as it is."""
        return Json(job_out(services.rehearsals.cancel(job_id)))


def _named(rule: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(rule.get("id"), str) or not rule["id"]:
        raise ConfigError("rule.id: is missing; expected a name such as overload")
    return rule


def _own(services: Services, rule_id: str) -> None:
    """It is a rule of the section alert_rules. Raises NotFound, Conflict."""
    if rule_id in {rule.id for rule in services.plant.plant.alert_rules}:
        return
    if rule_id in {f"limit-{limit.tag}" for limit in services.plant.plant.limits}:
        raise Conflict(f"{rule_id} is a limit of a tag: change it under limits")
    raise NotFound("rule", rule_id, tuple(rule.id for rule in services.plant.plant.alert_rules[:5]))


def rule_items(services: Services) -> list[dict[str, Any]]:
    """All rules as the API shows them."""
    plant = services.plant.plant
    held = {hold.key: hold for hold in services.alerts.holds()}
    own = [_item(rule_fields(rule), "alert_rules", rule.version, held) for rule in plant.alert_rules]
    return [*own, *(_item(limit_fields(limit), "limits", "", held) for limit in plant.limits)]


def rule_item(services: Services, rule_id: str) -> dict[str, Any]:
    """One of them. Raises NotFound."""
    found = next((item for item in rule_items(services) if item["id"] == rule_id), None)
    if found is None:
        raise NotFound("rule", rule_id)
    return found


def _item(fields: dict[str, Any], source: str, version: str, held: dict[str, KeyHold]) -> dict[str, Any]:
    hold = held.get(f"rule:{fields['id']}:")
    return {
        "id": fields["id"], "source": source, "version": version,
        "out_of_service": None if hold is None else hold_item(hold.hold), "rule": fields,
    }  # fmt: skip


def job_out(job: RehearsalJob) -> dict[str, Any]:
    """A rehearsal with its result."""
    result = None
    if isinstance(job.result, RuleRehearsal):
        result = _rule_out(job.result)
    elif job.result is not None:
        result = _filter_out(job.result)
    return {"id": job.id, "state": job.state.value, "progress": job.progress, "error": job.error, "result": result}


def _rule_out(found: RuleRehearsal) -> dict[str, Any]:
    busiest = found.busiest_day
    return {
        "rule_version": found.rule_version, "from": rfc3339(found.from_us), "to": rfc3339(found.to_us),
        "subjects": found.subjects, "alerts": found.alerts, "standing_s": found.standing_s, "suppressed_s": found.suppressed_s,
        "busiest_day": None if busiest is None else {"day": busiest[0], "count": busiest[1]},
        "by_day": [{"day": day, "count": count} for day, count in found.by_day],
        "examples": [
            {
                "subject": o.subject, "side": o.side, "from": rfc3339(o.from_us), "to": rfc3339_or_none(o.to_us),
                "value": o.value, "limit": o.limit,
            }
            for o in found.examples
        ],
        "fine": found.fine,
    }  # fmt: skip


def _filter_out(found: FilterRehearsal) -> dict[str, Any]:
    return {
        "tag": found.tag, "from": rfc3339(found.from_us), "to": rfc3339(found.to_us), "samples": found.samples,
        "changed": found.changed, "changed_kwh": found.changed_kwh,
        "restored": found.restored, "changed_state_s": found.changed_state_s, "fine": found.fine,
        "by_day": [{"day": day, "count": count} for day, count in found.by_day],
        "examples": [{"time": rfc3339(time_us), "value": value} for time_us, value in found.examples],
    }  # fmt: skip
