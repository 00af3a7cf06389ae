"""/api/machines and /api/energy: states, efficiency cards, energy by interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.energy import Efficiency, EnergyAccount
from domain.note import LONGEST_NOTE, MachineNote
from domain.production import ProgramStretch
from domain.quality import FIRST_BAD
from domain.state import MachineState, StateInterval
from web_interface.api import models
from web_interface.api.alerts import DAY_US, NoParameters
from web_interface.api.answers import Json, Strict, described, large_json
from web_interface.api.data import window
from web_interface.api.problems import TooLarge
from web_interface.api.roles import Need
from web_interface.api.times import Time, rfc3339, rfc3339_or_none
from web_interface.services import Services
from web_interface.services.live import MachineNow

MOST_ITEMS = 100_000
LONGEST_STATES_US = 400 * DAY_US
LONGEST_PROGRAMS_US = 31 * DAY_US  # a longer window tells no programs
_WIDTHS_US = {"shift": DAY_US // 4, "day": DAY_US, "hour": DAY_US // 24}
Viewer = Annotated[Actor, Need(Role.VIEWER)]
MachineId = Annotated[str, Path(min_length=1, max_length=200)]


class WindowQuery(Strict):
    from_: Time | None = Field(None, alias="from", description="default: a day before the end")
    to: Time | None = Field(None, description="default: now")


class NoteIn(Strict):
    time: Time = Field(description="the instant the note is about")
    text: str = Field(min_length=1, max_length=LONGEST_NOTE)


class CardQuery(WindowQuery):
    card: Literal["K1", "K2", "K3", "K4", "K5", "K7"] | None = Field(None, description="default: the machine's own card")


class EnergyQuery(WindowQuery):
    by: Literal["shift", "day", "hour"] = "shift"


def machine_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """GET machines, states, efficiency, energy."""
    router = APIRouter(prefix="/api", tags=["machines"])

    @router.get("/machines", response_model=None, responses=described(models.Machines, 422), summary="Machines as they are now")
    async def machines(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """From memory."""
        return Json({"items": [machine_item(now) for now in services.live.shop().machines]})

    @router.get(
        "/machines/{machine_id}/states",
        response_model=None,
        responses=described(models.States, 400, 404, 422, 503),
        summary="States of a machine as intervals",
    )
    async def states(machine_id: MachineId, actor: Viewer, query: Annotated[WindowQuery, Query()]) -> Response:
        """Intervals of the window, in time order; `to` is null while one lasts."""
        begin, end = window(query.from_, query.to, now_us(), DAY_US)
        services.live.machine(machine_id)
        if end - begin > LONGEST_STATES_US:
            raise TooLarge("more than 400 days of states are not answered at once", 400)
        found = await services.energy.states(machine_id, begin, end)
        stretches: Sequence[ProgramStretch] = ()
        if end - begin <= LONGEST_PROGRAMS_US:
            stretches = await services.production.programs(machine_id, begin, end, with_parts=False)
        items = [state_item(interval, program) for interval, program in zip(found, programs_of(found, stretches), strict=True)]
        body = {"machine": machine_id, "from": rfc3339(begin), "to": rfc3339(end), "items": items}
        return await large_json(body, len(found))

    @router.get(
        "/machines/{machine_id}/efficiency",
        response_model=None,
        responses=described(models.EfficiencyCard, 404, 422, 503),
        summary="Efficiency card of a machine",
    )
    async def efficiency(machine_id: MachineId, actor: Viewer, query: Annotated[CardQuery, Query()]) -> Response:
        """What the number is, what went in, how far to trust it. Ratios of several windows must not be averaged."""
        begin, end = window(query.from_, query.to, now_us(), DAY_US)
        services.live.machine(machine_id)
        found = await services.efficiency.efficiency(machine_id, begin, end, query.card)
        return Json(efficiency_card(machine_id, found, begin, end))

    _note_routes(router, services, now_us)

    @router.get("/energy", response_model=None, responses=described(models.Energy, 400, 422, 503), summary="Energy by interval")
    async def energy(actor: Viewer, query: Annotated[EnergyQuery, Query()]) -> Response:
        """One item for each machine and interval that begins in the window, from counters."""
        begin, end = window(query.from_, query.to, now_us(), DAY_US)
        intervals = (end - begin) // _WIDTHS_US[query.by] + 1
        if intervals * max(1, len(services.plant.plant.machines)) > MOST_ITEMS:
            raise TooLarge(f"that would be more than {MOST_ITEMS} intervals; ask for a shorter span", MOST_ITEMS)
        found = await services.energy.energy(query.by, begin, end)
        body = {"by": query.by, "from": rfc3339(begin), "to": rfc3339(end), "items": [energy_item(a) for a in found]}
        return await large_json(body, len(found))

    return router


def _note_routes(router: APIRouter, services: Services, now_us: Callable[[], int]) -> None:
    @router.get(
        "/machines/{machine_id}/notes", response_model=None, responses=described(models.MachineNotes, 400, 404, 422, 503),
        summary="Operators' notes on a machine",
    )
    async def notes(machine_id: MachineId, actor: Viewer, query: Annotated[WindowQuery, Query()]) -> Response:
        """Of the window, in order of the instants they are about; at most 400 days."""
        begin, end = window(query.from_, query.to, now_us(), DAY_US)
        if end - begin > LONGEST_STATES_US:
            raise TooLarge("more than 400 days of notes are not answered at once", 400)
        found = await services.notes.notes(machine_id, begin, end)
        body = {"machine": machine_id, "from": rfc3339(begin), "to": rfc3339(end), "items": [note_item(n) for n in found]}
        return await large_json(body, len(found))

    @router.post(
        "/machines/{machine_id}/notes", response_model=None, status_code=201,
        responses={201: {"model": models.MachineNote}, **described(None, 404, 422, 503)}, summary="Note something on a machine",
    )
    async def add_note(
        machine_id: MachineId, note: NoteIn, actor: Annotated[Actor, Need(Role.OPERATOR)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Needs the role operator; it is in the audit. Notes are not changed afterwards."""
        return Json(note_item(await services.notes.add(machine_id, note.time, note.text, actor)), 201)


def note_item(note: MachineNote) -> dict[str, Any]:
    return {
        "id": note.id,
        "machine": note.machine_id,
        "time": rfc3339(note.time_us),
        "text": note.text,
        "author": note.author,
        "written": rfc3339(note.written_us),
    }


def machine_item(now: MachineNow) -> dict[str, Any]:
    """A machine with its state and the figures of the running shift."""
    machine = now.machine
    return {
        "id": machine.id,
        "name": machine.name,
        "section": machine.section,
        "board": machine.board,
        "meter": machine.meter,
        "rated_kw": machine.rated_kw,
        "state": now.state.value,
        "since": rfc3339(now.state_since_us),
        "power_kw": now.power_kw,
        "quality": "good" if now.power_quality == 0 else "bad" if now.power_quality >= FIRST_BAD else "uncertain",
        "shift_energy_kwh": now.shift.energy_kwh if now.shift else None,
        "efficiency": now.kef.value if now.kef else None,
        "efficiency_card": now.kef.card if now.kef else None,
    }


def programs_of(intervals: Sequence[StateInterval], stretches: Sequence[ProgramStretch]) -> list[str | None]:
    """The program that was on longest in each interval (both in time order); None where none is known."""
    found: list[str | None] = []
    place = 0
    for interval in intervals:
        end_us = interval.to_us if interval.to_us is not None else stretches[-1].to_us if stretches else interval.from_us
        while place < len(stretches) and stretches[place].to_us <= interval.from_us:
            place += 1
        on: dict[str | None, int] = {}
        for stretch in islice(stretches, place, None):
            if stretch.from_us >= end_us:
                break
            on[stretch.program] = on.get(stretch.program, 0) + min(stretch.to_us, end_us) - max(stretch.from_us, interval.from_us)
        known = {name: us for name, us in on.items() if name is not None}
        found.append(max(known, key=lambda name: known[name]) if known else None)
    return found


def state_item(interval: StateInterval, program: str | None = None) -> dict[str, Any]:
    return {
        "state": interval.state.value,
        "from": rfc3339(interval.from_us),
        "to": rfc3339_or_none(interval.to_us),
        "energy_kwh": interval.energy_kwh,
        "program": program,
    }


def efficiency_card(machine_id: str, card: Efficiency, from_us: int, to_us: int) -> dict[str, Any]:
    """The card with its inputs by state."""
    account = card.account
    inputs = (
        {
            state.value: {"seconds": account.by_state_s.get(state, 0.0), "energy_kwh": account.by_state_kwh.get(state, 0.0)}
            for state in MachineState
        }
        if account is not None
        else {}
    )
    return {
        "machine": machine_id,
        "card": card.card,
        "version": card.version,
        "definition": card.formula,
        "from": rfc3339(from_us),
        "to": rfc3339(to_us),
        "value": card.value,
        "reason": card.reason,
        "numerator_kwh": card.numerator_kwh,
        "denominator_kwh": card.denominator_kwh,
        "completeness": card.completeness,
        "estimated_share": card.estimated_share,
        "complete": card.complete,
        "inputs": inputs,
        "terms": [{"symbol": t.symbol, "value": t.value, "unit": t.unit, "source": t.source} for t in card.terms],
        "source": account.source if account is not None else "none",
    }


def energy_item(account: EnergyAccount) -> dict[str, Any]:
    total = account.energy_kwh
    return {
        "machine": account.machine_id,
        "label": account.label,
        "from": rfc3339(account.from_us),
        "to": rfc3339(account.to_us),
        "energy_kwh": total,
        "estimated_kwh": account.estimated_kwh,
        "estimated_share": min(1.0, account.estimated_kwh / total) if total else 0.0,
        "completeness": account.completeness,
        "source": account.source,
        "running": account.running,
    }
