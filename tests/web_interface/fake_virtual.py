"""Virtual tags of the invented shop: drafts are really parsed and bound, the preview is invented."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from domain.access import Actor, Role
from domain.errors import Forbidden
from domain.formula import Binder, FormulaError
from domain.quantity import Quantity
from domain.virtual import FormulaCheck, FormulaProblem, PreviewPoint, VirtualTag, VirtualTagNow
from tests.web_interface import fake_shop as shop


class FakeVirtualTags:
    """VirtualTagService: what is saved or deleted is only noted."""

    def __init__(self, clock: shop.ShopClock) -> None:
        self._clock = clock
        self.saved: list[VirtualTag] = []
        self.deleted: list[str] = []

    def list(self) -> Sequence[VirtualTagNow]:
        shares = (0.42, None, None)
        binder = Binder(shop.tags(), shop.VIRTUAL)
        found: list[VirtualTagNow] = []
        for virtual, share in zip(shop.VIRTUAL, shares, strict=True):
            bound = binder.bind(virtual.tag)
            found.append(VirtualTagNow(virtual, bound.canonical_unit, bound.inputs, bound.interval_s, share))
        return found

    async def check(self, draft: Mapping[str, object], actor: Actor) -> FormulaCheck:
        _need(actor)
        tag = _tag(draft)
        others = [known for known in shop.VIRTUAL if known.tag != tag.tag]
        try:
            bound = Binder(shop.tags(), [*others, tag]).bind(tag.tag)
        except FormulaError as wrong:
            if not draft.get("quantity") and wrong.code == "result_unit":
                return FormulaCheck((), formula_unit=str(wrong.params["found"]))
            problem = FormulaProblem(
                "formula", wrong.sentence, wrong.code, dict(wrong.params), wrong.at, wrong.length, wrong.caret()
            )
            return FormulaCheck((problem,))
        now_us = self._clock.now_us()
        preview = tuple(
            PreviewPoint(now_us - (360 - i) * 10 * shop.S, None if 100 < i < 110 else 40 + 12 * math.sin(i / 30), 64 * (100 < i < 110))
            for i in range(361)
        )
        return FormulaCheck((), bound.formula_unit, bound.canonical_unit, bound.inputs, bound.interval_s, preview)

    async def save(
        self, fields: Mapping[str, object], actor: Actor, *, new: bool, known: int | None = None
    ) -> VirtualTag:
        _need(actor)
        tag = _tag(fields)
        Binder(shop.tags(), [tag]).bind(tag.tag)
        self.saved.append(tag)
        return tag

    async def delete(self, tag: str, actor: Actor) -> None:
        _need(actor)
        self.deleted.append(tag)


def _need(actor: Actor) -> None:
    if not actor.role.allows(Role.ENGINEER):
        raise Forbidden("virtual tags need the role engineer")


def _tag(fields: Mapping[str, object]) -> VirtualTag:
    name = str(fields.get("quantity") or "other")
    quantity = Quantity(name) if name in {known.value for known in Quantity} else Quantity.OTHER
    return VirtualTag(
        str(fields.get("tag") or "draft.value"), str(fields["formula"]), quantity, str(fields.get("unit") or quantity.unit)
    )
