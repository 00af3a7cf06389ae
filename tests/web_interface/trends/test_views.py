"""Saved views: whose they are, who may change them, and what happens when two do so at once."""

from __future__ import annotations

import json

import pytest

from domain.access import Actor, Role
from domain.errors import ConfigError, Conflict, Forbidden, NotFound, StorageError
from tests.web_interface.fake_shop import ShopClock
from tests.web_interface.memory_stores import MemoryAudit, MemoryTrendViews
from web_interface.trends.views import LONGEST_NAME, TrendViews, ViewChanged

ANNA, BORIS, EVA = Actor("anna", Role.VIEWER), Actor("boris", Role.OPERATOR), Actor("eva", Role.ENGINEER)
ADDRESS = "tag=m1.active_power&period=today"


@pytest.fixture
def audit() -> MemoryAudit:
    return MemoryAudit()


@pytest.fixture
def views(audit: MemoryAudit) -> TrendViews:
    return TrendViews(MemoryTrendViews(), audit, ShopClock(running=False))


async def test_ones_own_is_seen_by_nobody_else_until_it_is_shared(views: TrendViews, audit: MemoryAudit) -> None:
    own = await views.create(" Печь ", ADDRESS, ANNA, shared=False)
    assert (own.name, own.version, own.owner) == ("Печь", 1, "anna")
    assert await views.visible(BORIS) == []
    with pytest.raises(NotFound):
        await views.get(own.id, EVA)
    shared = await views.save(own, ANNA, name="Печь", address=ADDRESS, shared=True)
    assert [view.id for view in await views.visible(BORIS)] == [own.id]
    assert await views.get(own.id, BORIS) == shared
    assert audit.actions() == ["trend_view_create", "trend_view_update"]
    assert json.loads(audit.log[-1].old or "")["shared"] is False
    assert json.loads(audit.log[-1].new or "")["shared"] is True


async def test_a_shared_one_is_changed_by_its_owner_and_engineers_only(views: TrendViews, audit: MemoryAudit) -> None:
    view = await views.create("a", ADDRESS, ANNA, shared=True)
    assert [views.may_change(view, actor) for actor in (ANNA, BORIS, EVA)] == [True, False, True]
    with pytest.raises(Forbidden):
        await views.save(view, BORIS, name="b", address=ADDRESS, shared=True)
    with pytest.raises(Forbidden):
        await views.delete(view.id, BORIS)
    assert audit.actions()[-2:] == ["refused", "refused"]
    changed = await views.save(view, EVA, name="b", address=ADDRESS, shared=True)
    assert (changed.owner, changed.changed_by, changed.version) == ("anna", "eva", 2)
    await views.delete(view.id, ANNA)
    assert await views.visible(ANNA) == []
    assert audit.actions()[-1] == "trend_view_delete"


async def test_who_saves_over_anothers_saving_is_told_and_loses_nothing(views: TrendViews) -> None:
    seen = await views.create("a", ADDRESS, ANNA, shared=True)
    theirs = await views.save(seen, EVA, name="a", address="tag=m2.active_power", shared=True)
    assert views.newer_than(seen) == theirs
    assert views.newer_than(theirs) is None
    with pytest.raises(ViewChanged) as told:
        await views.save(seen, ANNA, name="a", address="tag=m3.active_power", shared=True)
    assert told.value.now == theirs
    assert await views.get(seen.id, ANNA) == theirs
    mine = await views.save(theirs, ANNA, name="a", address="tag=m3.active_power", shared=True)
    assert (mine.version, mine.address) == (3, "tag=m3.active_power")


async def test_names_are_once_an_owner_and_addresses_our_own(views: TrendViews, audit: MemoryAudit) -> None:
    first = await views.create("a", ADDRESS, ANNA, shared=False)
    await views.create("a", ADDRESS, BORIS, shared=False)
    other = await views.create("b", ADDRESS, ANNA, shared=False)
    with pytest.raises(Conflict):
        await views.create("a", ADDRESS, ANNA, shared=False)
    with pytest.raises(Conflict):
        await views.save(other, ANNA, name=first.name, address=ADDRESS, shared=False)
    for name in ("", "  ", "x" * (LONGEST_NAME + 1), "a\nb"):
        with pytest.raises(ConfigError, match="name"):
            await views.create(name, ADDRESS, ANNA, shared=False)
    for address in ("", "period=today", "tag=" + "x" * 5000):
        with pytest.raises(ConfigError, match="address"):
            await views.create("c", address, ANNA, shared=False)
    assert audit.actions() == ["trend_view_create"] * 3, "what was refused is not told as done"
    kept = await views.create("d", f"{ADDRESS}&view=7&evil=%3Cscript%3E", ANNA, shared=False)
    assert kept.address == ADDRESS


async def test_what_the_audit_cannot_keep_is_not_done(views: TrendViews, audit: MemoryAudit) -> None:
    audit.broken = True
    with pytest.raises(StorageError):
        await views.create("a", ADDRESS, ANNA, shared=False)
    audit.broken = False
    assert await views.visible(ANNA) == []
