"""Who may note what about a machine."""

from __future__ import annotations

import pytest

from analysis.machine_notes import OLDEST_US, MachineNotes
from domain.access import Actor, Role
from domain.errors import ConfigError, Forbidden, NotFound
from tests.conftest import FakeClock
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_notes import MemoryNotes
from tests.web_interface.memory_stores import MemoryAudit

ANNA = Actor("anna", Role.OPERATOR, "page")


class Desk:
    def __init__(self) -> None:
        self.clock, self.store, self.audit = FakeClock(), MemoryNotes(), MemoryAudit()
        self.notes = MachineNotes(shop.plant, self.store, self.audit, self.clock)


async def test_a_note_is_kept_with_its_author_and_is_in_the_audit() -> None:
    desk = Desk()
    now_us = desk.clock.now_us()
    made = await desk.notes.add("lathe-1", now_us - 5, "  замена \n пластины ", ANNA)
    assert (made.text, made.author, made.time_us, made.written_us) == ("замена пластины", "anna", now_us - 5, now_us)
    assert await desk.notes.notes("lathe-1", now_us - 10, now_us) == [made]
    entry = desk.audit.log[-1]
    assert (entry.actor, entry.action, entry.new) == ("anna", "machine_note", "замена пластины")


async def test_a_viewer_is_refused_and_that_is_in_the_audit() -> None:
    desk = Desk()
    with pytest.raises(Forbidden):
        await desk.notes.add("lathe-1", desk.clock.now_us(), "x", Actor("viktor", Role.VIEWER, "page"))
    assert desk.audit.log[-1].action == "refused"
    assert desk.store.kept == []


@pytest.mark.parametrize(("text", "ago_us"), [("  ", 0), ("x" * 501, 0), ("x", OLDEST_US + 1), ("x", -120_000_000)])
async def test_empty_long_old_and_future_notes_are_refused(text: str, ago_us: int) -> None:
    desk = Desk()
    with pytest.raises(ConfigError):
        await desk.notes.add("lathe-1", desk.clock.now_us() - ago_us, text, ANNA)


async def test_an_unknown_machine_is_named() -> None:
    desk = Desk()
    with pytest.raises(NotFound):
        await desk.notes.add("lathe-99", desk.clock.now_us(), "x", ANNA)
    with pytest.raises(NotFound):
        await desk.notes.notes("lathe-99", 0, 1)
