"""/api/efficiency: cards of machines, sections and the site by interval."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.efficiency import CARDS, GroupEfficiency
from web_interface.api.alerts import DAY_US
from web_interface.api.answers import described, large_json
from web_interface.api.data import window
from web_interface.api.machines import WindowQuery
from web_interface.api.problems import TooLarge
from web_interface.api.roles import Need
from web_interface.api.times import rfc3339
from web_interface.services import Services

MOST_VALUES = 20_000
_WIDTHS_US = {"hour": DAY_US // 24, "shift": DAY_US // 4, "day": DAY_US}
Viewer = Annotated[Actor, Need(Role.VIEWER)]
CardName = Literal["K1", "K2", "K3", "K4", "K5", "K7"]


class EfficiencyQuery(WindowQuery):
    by: Literal["machine", "section", "site"] = "machine"
    step: Literal["hour", "shift", "day", "total"] = "shift"
    card: CardName | None = Field(None, description="default: the card of each machine")


class LeftOut(BaseModel):
    machine: str
    reason: str


class EfficiencyItem(BaseModel):
    """Sums over the machines and the interval: `value` = `numerator_kwh` / `denominator_kwh`, never a mean of ratios."""

    group: str = Field(description="machine id, section, or site")
    label: str
    from_: str = Field(alias="from")
    to: str
    card: str
    version: int
    definition: str
    value: float | None
    reason: str | None = Field(description="why there is no value, as a key")
    numerator_kwh: float
    denominator_kwh: float
    completeness: float
    estimated_share: float
    complete: bool
    machines: list[str]
    left_out: list[LeftOut] = Field(description="machines of this card without a value")
    mixed: bool = Field(description="the group holds machines of other cards too; they have items of their own")


class EfficiencyList(BaseModel):
    by: str
    step: str
    from_: str = Field(alias="from")
    to: str
    items: list[EfficiencyItem]


class CardItem(BaseModel):
    id: str
    version: int
    definition: str
    inputs: list[str]
    valid_states: list[str]
    unit: str
    aggregation: str
    source: str


class Cards(BaseModel):
    items: list[CardItem]


def efficiency_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """GET efficiency, GET efficiency/cards."""
    router = APIRouter(prefix="/api/efficiency", tags=["machines"])

    @router.get("", response_model=None, responses=described(EfficiencyList, 400, 422, 503), summary="Efficiency by interval")
    async def efficiency(actor: Viewer, query: Annotated[EfficiencyQuery, Query()]) -> Response:
        """One item for each group, interval that begins in the window, and card: cards of different kinds are never mixed."""
        begin, end = window(query.from_, query.to, now_us(), DAY_US)
        intervals = 1 if query.step == "total" else (end - begin) // _WIDTHS_US[query.step] + 1
        if intervals * max(1, len(services.plant.plant.machines)) > MOST_VALUES:
            raise TooLarge(f"that would be more than {MOST_VALUES} values; ask for a shorter span or a longer step", MOST_VALUES)
        found = await services.efficiency.grouped(query.by, query.step, begin, end, query.card)
        body = {"by": query.by, "step": query.step, "from": rfc3339(begin), "to": rfc3339(end)}
        return await large_json({**body, "items": [efficiency_item(item) for item in found]}, len(found))

    @router.get("/cards", response_model=None, responses=described(Cards), summary="Definitions of the efficiency cards")
    async def cards(actor: Viewer) -> Response:
        """What each card is, and what a machine must tell for it."""
        items = [
            {
                "id": card.id, "version": card.version, "definition": card.formula, "inputs": list(card.inputs),
                "valid_states": sorted(state.value for state in card.valid_states), "unit": card.unit,
                "aggregation": card.aggregation, "source": card.source,
            }
            for card in CARDS.values()
        ]  # fmt: skip
        return await large_json({"items": items}, len(items))

    return router


def efficiency_item(item: GroupEfficiency) -> dict[str, Any]:
    """A group's card as JSON."""
    value = item.value
    return {
        "group": item.group, "label": item.label, "from": rfc3339(item.from_us), "to": rfc3339(item.to_us), "card": value.card,
        "version": value.version, "definition": value.formula, "value": value.value, "reason": value.reason,
        "numerator_kwh": value.numerator_kwh, "denominator_kwh": value.denominator_kwh, "completeness": value.completeness,
        "estimated_share": value.estimated_share, "complete": value.complete, "machines": list(item.members),
        "left_out": [{"machine": machine, "reason": reason} for machine, reason in item.left_out], "mixed": item.mixed,
    }  # fmt: skip
