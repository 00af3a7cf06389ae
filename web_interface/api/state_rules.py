"""/api/machines/{id}/states/…: borders learned from the machine's power, tried on the past, set; the past judged anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.state import MachineState, StateThresholds
from domain.state_rule import LearnedBorders, Recompute, Rehearsal, StateTotals
from domain.substate import SubStates
from web_interface.api.alerts import DAY_US, NoParameters
from web_interface.api.answers import Json, described
from web_interface.api.data import window
from web_interface.api.machines import MachineId, Viewer, WindowQuery
from web_interface.api.models import State
from web_interface.api.problems import TooLarge
from web_interface.api.roles import Need
from web_interface.api.times import rfc3339, rfc3339_or_none
from web_interface.services import Services

LONGEST_SUBSTATES_US = 7 * DAY_US
Engineer = Annotated[Actor, Need(Role.ENGINEER)]


class Borders(BaseModel):
    """kW and s."""

    model_config = ConfigDict(extra="forbid")

    idle_above_kw: float = Field(gt=0, le=100_000)
    production_above_kw: float = Field(gt=0, le=100_000)
    min_dwell_s: float = Field(10.0, ge=0, le=3600)
    hysteresis_kw: float | None = Field(None, ge=0, le=100_000)

    def domain(self) -> StateThresholds:
        return StateThresholds(self.idle_above_kw, self.production_above_kw, self.min_dwell_s, self.hysteresis_kw)


class Bin(BaseModel):
    from_kw: float
    to_kw: float
    seconds: float


class PowerLevel(BaseModel):
    level_kw: float
    seconds: float


class Learned(BaseModel):
    machine: str
    from_: str = Field(alias="from")
    to: str
    covered_s: float
    borders: Borders | None = Field(description="null where the power shows none")
    present: Borders | None
    confidence: float = Field(description="0..1")
    reasons: list[Literal["too_little_data", "one_mode", "two_modes", "modes_overlap", "never_off"]]
    modes: list[PowerLevel]
    histogram: list[Bin] = Field(description="bins without any time are left out")


class StateChange(BaseModel):
    state: State
    now_s: float
    then_s: float
    changed_minutes: float
    now_kwh: float
    then_kwh: float
    changed_kwh: float


class Moved(BaseModel):
    now: State
    then: State
    seconds: float


class RehearsalOut(BaseModel):
    machine: str
    from_: str = Field(alias="from")
    to: str
    proposed: Borders
    changed_minutes: float = Field(description="time whose state would be another")
    states: list[StateChange]
    moved: list[Moved]


class RecomputeItem(BaseModel):
    machine: str
    rule: str
    from_: str = Field(alias="from")
    to: str
    done_until: str
    progress: float
    status: Literal["running", "done", "cancelled"]
    started: str
    ended: str | None


class Recomputes(BaseModel):
    items: list[RecomputeItem]


class SubStateItem(BaseModel):
    state: Literal["off", "standby", "warm_up", "ready", "processing", "alarm", "no_data"]
    from_: str = Field(alias="from")
    to: str
    seconds: float


class SubStatesOut(BaseModel):
    machine: str
    from_: str = Field(alias="from")
    to: str
    split_kw: float | None = Field(description="border of stand-by and ready; null where one level of waiting is seen")
    settled_kw: float | None = Field(description="median power while waiting")
    items: list[SubStateItem]


def state_rule_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """Learned borders, rehearsal, setting, re-computing."""
    router = APIRouter(prefix="/api", tags=["states"])

    @router.get(
        "/machines/{machine_id}/states/learned", response_model=None, responses=described(Learned, 404, 422, 503),
        summary="Borders of states learned from the machine's power",
    )
    async def learned(machine_id: MachineId, actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """Histogram of the power of the last two weeks, the borders it shows, how far to trust them and why."""
        present = services.live.machine(machine_id).machine.states
        return Json(learned_item(await services.states.learned(machine_id), present))

    @router.get(
        "/machines/{machine_id}/substates", response_model=None, responses=described(SubStatesOut, 400, 404, 422, 503),
        summary="Finer states of a machine",
    )
    async def substates(machine_id: MachineId, actor: Viewer, query: Annotated[WindowQuery, Query()]) -> Response:
        """Idle split into stand-by, warm-up and ready where the power shows them; at most seven days."""
        begin, end = window(query.from_, query.to, now_us(), DAY_US)
        services.live.machine(machine_id)
        if end - begin > LONGEST_SUBSTATES_US:
            raise TooLarge("more than 7 days of finer states are not answered at once", 7)
        return Json(substates_item(machine_id, await services.states.substates(machine_id, begin, end), begin, end))

    @router.post(
        "/machines/{machine_id}/states/rehearsal", response_model=None, responses=described(RehearsalOut, 404, 422, 503),
        summary="What other borders would have changed in the last 30 days",
    )
    async def rehearsal(machine_id: MachineId, actor: Engineer, borders: Annotated[Borders, Body()]) -> Response:
        """Nothing is saved. Energies are integrated power."""
        services.live.machine(machine_id)
        return Json(rehearsal_item(await services.states.rehearse(machine_id, borders.domain())))

    @router.put(
        "/machines/{machine_id}/states/borders", response_model=None, responses=described(Borders, 404, 409, 422, 503),
        summary="Set the borders of a machine's states",
    )
    async def set_borders(machine_id: MachineId, actor: Engineer, borders: Annotated[Borders, Body()]) -> Response:
        """They hold at once; the past is judged anew in the background."""
        services.live.machine(machine_id)
        entry = {**services.plant.entry("machines", machine_id), "states": border_fields(borders.domain())}
        saved = await services.plant.save_machine(entry, actor, new=False)
        return Json(borders_item(saved.states))

    @router.get(
        "/states/recompute", response_model=None, responses=described(Recomputes, 422), summary="The past being judged anew"
    )
    async def recomputes(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """The last one of each machine."""
        return Json({"items": [recompute_item(job) for job in services.states.recomputes()]})

    @router.post(
        "/states/recompute/{machine_id}/cancel", response_model=None, responses=described(RecomputeItem, 404, 422, 503),
        summary="Stop judging a machine's past anew",
    )
    async def cancel(machine_id: MachineId, actor: Engineer) -> Response:
        """What is done stays."""
        return Json(recompute_item(await services.states.cancel(machine_id, actor)))

    return router


def border_fields(thresholds: StateThresholds) -> dict[str, object]:
    """As a plant file holds them; no hysteresis means the usual one."""
    fields: dict[str, object] = {
        "idle_above_kw": thresholds.idle_above_kw, "production_above_kw": thresholds.production_above_kw,
        "min_dwell_s": thresholds.min_dwell_s,
    }  # fmt: skip
    return fields if thresholds.hysteresis_kw is None else {**fields, "hysteresis_kw": thresholds.hysteresis_kw}


def borders_item(thresholds: StateThresholds | None) -> dict[str, Any] | None:
    if thresholds is None:
        return None
    return {**border_fields(thresholds), "hysteresis_kw": thresholds.hysteresis_kw}


def learned_item(found: LearnedBorders, present: StateThresholds | None) -> dict[str, Any]:
    return {
        "machine": found.machine_id, "from": rfc3339(found.from_us), "to": rfc3339(found.to_us), "covered_s": found.covered_s,
        "borders": borders_item(found.thresholds), "present": borders_item(present), "confidence": found.confidence,
        "reasons": list(found.reasons), "modes": [{"level_kw": kw, "seconds": s} for kw, s in found.modes],
        "histogram": [{"from_kw": b.from_kw, "to_kw": b.to_kw, "seconds": b.seconds} for b in found.bins],
    }  # fmt: skip


def rehearsal_item(found: Rehearsal) -> dict[str, Any]:
    moved = [{"now": a.value, "then": b.value, "seconds": s} for (a, b), s in found.moved_s.items()]
    return {
        "machine": found.machine_id, "from": rfc3339(found.from_us), "to": rfc3339(found.to_us),
        "proposed": borders_item(found.proposed), "changed_minutes": found.changed_s / 60,
        "states": [_change(state, found.now, found.then) for state in MachineState], "moved": moved,
    }  # fmt: skip


def _change(state: MachineState, now: StateTotals, then: StateTotals) -> dict[str, Any]:
    now_s, then_s = now.seconds.get(state, 0.0), then.seconds.get(state, 0.0)
    now_kwh, then_kwh = now.energy_kwh.get(state, 0.0), then.energy_kwh.get(state, 0.0)
    return {
        "state": state.value, "now_s": now_s, "then_s": then_s, "changed_minutes": (then_s - now_s) / 60,
        "now_kwh": now_kwh, "then_kwh": then_kwh, "changed_kwh": then_kwh - now_kwh,
    }  # fmt: skip


def substates_item(machine_id: str, found: SubStates, from_us: int, to_us: int) -> dict[str, Any]:
    items = [
        {
            "state": i.sub_state.value, "from": rfc3339(i.from_us), "to": rfc3339(i.to_us),
            "seconds": (i.to_us - i.from_us) / 1e6,
        }
        for i in found.intervals
    ]  # fmt: skip
    return {
        "machine": machine_id, "from": rfc3339(from_us), "to": rfc3339(to_us), "split_kw": found.split_kw,
        "settled_kw": found.settled_kw, "items": items,
    }  # fmt: skip


def recompute_item(job: Recompute) -> dict[str, Any]:
    return {
        "machine": job.machine_id, "rule": job.rule, "from": rfc3339(job.from_us), "to": rfc3339(job.to_us),
        "done_until": rfc3339(job.done_us), "progress": job.progress, "status": job.status.value,
        "started": rfc3339(job.started_us), "ended": rfc3339_or_none(job.ended_us),
    }  # fmt: skip
