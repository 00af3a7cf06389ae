"""What the pages and the API do with virtual tags: list, look at a draft, save, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from analysis.virtual.again import VirtualHistory
from analysis.virtual.plan import DevicePlan
from application.virtual_wiring import VirtualWiring
from config.plant_admin import PlantAdmin
from config.plant_virtual import read_draft
from domain.access import Actor, Role
from domain.errors import Forbidden, StorageError
from domain.formula import Binder, BoundTag, FormulaError
from domain.plant import Plant, Tag, tags_of
from domain.ports import Clock
from domain.quantity import Quantity
from domain.sample import TagId
from domain.virtual import FormulaCheck, FormulaProblem, PreviewPoint, VirtualTag, VirtualTagNow

PREVIEW_US = 3_600_000_000
PREVIEW_VALUES = 100_000  # read for one preview
PREVIEW_POINTS = 360


class VirtualTags:
    """Implements services.VirtualTagService."""

    def __init__(self, admin: PlantAdmin, wiring: VirtualWiring, tags: Callable[[], Sequence[Tag]], clock: Clock) -> None:
        self._admin, self._wiring, self._tags, self._clock = admin, wiring, tags, clock
        self._one_at_a_time = asyncio.Lock()

    def list(self) -> Sequence[VirtualTagNow]:
        """Those that run, in the order of the plant."""
        progress = self._wiring.history.progress()
        found: list[VirtualTagNow] = []
        plans = self._wiring.engine.plans
        bound = {one.virtual.tag: (one, plan) for plan in plans.values() for one in plan.bound}
        for virtual in self._admin.plant.virtual_tags:
            one, plan = bound.get(virtual.tag, (None, None))
            share = progress[virtual.device_id].share if virtual.device_id in progress else None
            if one is not None and plan is not None:
                found.append(VirtualTagNow(virtual, one.canonical_unit, one.inputs, plan.step_us / 1e6, share))
        return found

    async def check(self, draft: Mapping[str, object], actor: Actor) -> FormulaCheck:
        """See the service. Drafts are looked at one at a time."""
        _need(actor)
        async with self._one_at_a_time:
            return await self._checked(draft)

    async def save(self, fields: Mapping[str, object], actor: Actor, *, new: bool, known: int | None = None) -> VirtualTag:
        """See the service."""
        return await self._admin.save_virtual_tag(fields, actor, new=new, known=known)

    async def delete(self, tag: str, actor: Actor) -> None:
        """See the service."""
        await self._admin.delete_virtual_tag(tag, actor)

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _checked(self, draft: Mapping[str, object]) -> FormulaCheck:
        plant = self._admin.plant
        bare = not draft.get("quantity")  # only the formula is there yet
        name = str(draft.get("tag") or "draft.value")
        fields = {**draft, "tag": name, "quantity": draft.get("quantity") or Quantity.OTHER.value}
        devices = {device.id: device for device in plant.devices}
        virtual, problems = read_draft(fields, devices, ())
        found = [FormulaProblem(str(p.path[2]) if len(p.path) > 2 else "", _words(p.message, p.expected)) for p in problems]
        if virtual is None:
            return FormulaCheck(tuple(found))
        real = [tag for device in plant.devices for tag in tags_of(device)]
        binder = Binder(real, [*(other for other in plant.virtual_tags if other.tag != name), virtual])
        try:
            bound = binder.bind(name)
        except FormulaError as wrong:
            if bare and wrong.code == "result_unit":
                return FormulaCheck(tuple(found), formula_unit=str(wrong.params["found"]))
            return FormulaCheck((*found, _problem(wrong)))
        found += _broken(binder, plant, name)
        preview = await self._preview(bound)
        return FormulaCheck(tuple(found), bound.formula_unit, bound.canonical_unit, bound.inputs, bound.interval_s, preview)

    async def _preview(self, bound: BoundTag) -> tuple[PreviewPoint, ...]:
        """Rows of the last hour (less for very many inputs), thinned out; none while the database is away."""
        known = {tag.name: tag for tag in self._tags()}
        if any(name not in known for name in bound.inputs):
            return ()
        virtual, step_us = bound.virtual, max(1, round(bound.interval_s * 1e6))
        tag = Tag(TagId(0), virtual.tag, virtual.device_id, virtual.point, virtual.quantity, bound.canonical_unit)
        plan = DevicePlan(virtual.device_id, step_us, (tag,), (bound,), tuple(known[name] for name in bound.inputs))
        now_us = self._clock.now_us()
        span_us = min(PREVIEW_US, max(60, PREVIEW_VALUES // len(bound.inputs)) * step_us)
        try:
            return await _rows(self._wiring.history, plan, now_us - span_us, now_us)
        except StorageError:
            return ()


async def _rows(history: VirtualHistory, plan: DevicePlan, from_us: int, to_us: int) -> tuple[PreviewPoint, ...]:
    points = [
        PreviewPoint(batch.time_us, batch.values[0], batch.qualities[0])
        async for batches, _ in history.batches(plan, from_us, to_us) for batch in batches
    ]  # fmt: skip
    every = max(1, -(-len(points) // PREVIEW_POINTS))
    return tuple(reversed(points[::-1][::every]))


def _broken(binder: Binder, plant: Plant, changed: str) -> list[FormulaProblem]:
    """Other virtual tags that the draft would make wrong."""
    found = []
    for other in plant.virtual_tags:
        if other.tag == changed:
            continue
        try:
            binder.bind(other.tag)
        except FormulaError as wrong:
            params = {"name": other.tag, "reason": wrong.sentence}
            found.append(FormulaProblem("", f"the virtual tag {other.tag!r} would be wrong: {wrong.sentence}", "breaks", params))
    return found


def _problem(wrong: FormulaError) -> FormulaProblem:
    return FormulaProblem("formula", wrong.sentence, wrong.code, dict(wrong.params), wrong.at, wrong.length, wrong.caret())


def _words(message: str, expected: str) -> str:
    return f"{message}; expected {expected}" if expected else message


def _need(actor: Actor) -> None:
    if not actor.role.allows(Role.ENGINEER):
        raise Forbidden("virtual tags need the role engineer")
