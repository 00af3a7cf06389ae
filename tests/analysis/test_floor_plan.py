"""Who may change the floor plan, what it takes and what it says."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from analysis.floor_drawing import drawn_floor
from analysis.floor_plan import FloorPlans, judged
from domain.access import Actor, Role
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.floor import LARGEST_BYTES, FloorPlan, Place
from domain.plant import Machine
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_floor import PICTURE, MemoryFloor
from tests.web_interface.memory_stores import MemoryAudit

EVA = Actor("eva", Role.ENGINEER, "page")
OLEG = Actor("oleg", Role.OPERATOR, "page")
MIDDLE = {"lathe-1": Place(50.0, 50.0)}


class Desk:
    def __init__(self, store: MemoryFloor | None = None) -> None:
        self.store, self.audit = store or MemoryFloor(), MemoryAudit()
        self.floor = FloorPlans(shop.plant, self.store, self.audit, shop.ShopClock())


async def test_places_are_kept_under_the_next_version_and_in_the_audit() -> None:
    desk = Desk()
    saved = await desk.floor.save_places(MIDDLE, 0, EVA)
    assert (saved.version, desk.floor.version) == (1, 1)
    assert (await desk.floor.plan()).places == MIDDLE
    entry = desk.audit.log[-1]
    assert (entry.actor, entry.action, entry.old, entry.new) == ("eva", "floor_places", "", "lathe-1 50.0/50.0")


async def test_the_second_of_two_people_is_told_and_changes_nothing() -> None:
    desk = Desk()
    await desk.floor.save_places(MIDDLE, 0, EVA)
    with pytest.raises(Conflict, match="changed by somebody else"):
        await desk.floor.save_places({}, 0, EVA)
    with pytest.raises(Conflict):
        await desk.floor.save_picture(PICTURE, 0, EVA)
    assert desk.store.kept.places == MIDDLE
    assert desk.audit.actions() == ["floor_places"]


async def test_below_an_engineer_all_changes_are_refused_and_that_is_in_the_audit() -> None:
    desk = Desk()
    with pytest.raises(Forbidden):
        await desk.floor.save_places(MIDDLE, 0, OLEG)
    with pytest.raises(Forbidden):
        await desk.floor.save_picture(PICTURE, None, OLEG)
    with pytest.raises(Forbidden):
        await desk.floor.draw(0, OLEG)
    assert desk.audit.actions() == ["refused"] * 3
    assert desk.store.kept == FloorPlan()


@pytest.mark.parametrize("place", [Place(-0.1, 5), Place(5, 100.1), Place(float("nan"), 5)])
async def test_a_place_is_on_the_picture(place: Place) -> None:
    with pytest.raises(ConfigError, match="lathe-1"):
        await Desk().floor.save_places({"lathe-1": place}, 0, EVA)


async def test_an_unknown_machine_is_told_and_one_that_went_disappears() -> None:
    desk = Desk(MemoryFloor(FloorPlan(3, {"gone": Place(1, 1), **MIDDLE})))
    with pytest.raises(NotFound):
        await desk.floor.save_places({"lathe-99": Place(1, 1)}, 3, EVA)
    assert (await desk.floor.plan()).places == MIDDLE


def test_a_picture_is_what_its_bytes_say() -> None:
    found = judged(PICTURE)
    assert (found.media_type, found.width, found.height, len(found.digest)) == ("image/png", 1600, 900, 64)
    with pytest.raises(ConfigError, match="PNG, JPEG or WebP"):
        judged(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    with pytest.raises(ConfigError, match=r"has 52\.4 MB; expected at most 5 MB"):
        judged(bytes(10 * LARGEST_BYTES))
    wide = io.BytesIO()
    Image.new("1", (4097, 1)).save(wide, "PNG")
    with pytest.raises(ConfigError, match="4097 x 1 pixels"):
        judged(wide.getvalue())


async def test_a_picture_taken_away_leaves_the_places() -> None:
    desk = Desk(MemoryFloor.drawn())
    before = await desk.floor.plan()
    assert (await desk.floor.picture())[1] == PICTURE
    await desk.floor.save_picture(None, before.version, EVA)
    assert (await desk.floor.plan()).places == before.places
    with pytest.raises(NotFound):
        await desk.floor.picture()


async def test_the_drawn_plan_has_every_machine_apart_from_the_others() -> None:
    desk = Desk()
    drawn = await desk.floor.draw(0, EVA)
    assert set(drawn.places) == {machine.id for machine in shop.plant().machines}
    assert (await desk.floor.plan()).picture == judged((await desk.floor.picture())[1])


@pytest.mark.parametrize(("sections", "each"), [(1, 1), (3, 4), (1, 40), (9, 7), (25, 4)])
def test_any_shop_can_be_drawn(sections: int, each: int) -> None:
    machines = [Machine(f"m{s}-{n}", "x", f"section {s}", "", None) for s in range(sections) for n in range(each)]
    picture, places = drawn_floor(machines)
    with Image.open(io.BytesIO(picture)) as image:
        image.load()
        assert image.size == (1600, 900)
    assert len({(place.x_percent, place.y_percent) for place in places.values()}) == sections * each
    assert all(2 < p.x_percent < 98 and 2 < p.y_percent < 98 for p in places.values())


def test_a_shop_without_machines_is_a_hall() -> None:
    assert drawn_floor([])[1] == {}


def hollow(content: bytes, at: int) -> bytes:
    return content[:at] + b"\x00" * 400 + content[at + 400 :]


@pytest.mark.parametrize(("kind", "damage"), [
    ("PNG", lambda good: hollow(good, 200)), ("PNG", lambda good: good[: len(good) // 2] + good[-40:]),
    ("JPEG", lambda good: hollow(good, 20)), ("WEBP", lambda good: good[: len(good) // 2]),
])  # fmt: skip
def test_a_damaged_picture_with_a_good_head_is_refused(kind: str, damage: Callable[[bytes], bytes]) -> None:
    """A hole in the middle of a JPEG or WebP is drawn grey by every viewer, and passes."""
    out = io.BytesIO()
    Image.effect_noise((300, 200), 60).convert("RGB").save(out, kind)
    good = out.getvalue()
    assert judged(good).width == 300
    with pytest.raises(ConfigError, match=r"cannot be drawn|no picture"):
        judged(damage(good))
