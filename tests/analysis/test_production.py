"""Parts and programs of a machine over windows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.production import Production
from domain.errors import NotFound
from domain.plant import Device, Machine, Plant, Site, Tag
from domain.production import ControlSignals
from domain.profile import Profile, Quirks
from domain.quantity import Quantity
from domain.sample import TagId, TextSample
from tests.analysis.fakes import MemoryHistory
from tests.conftest import FakeClock

S, H = 1_000_000, 3_600_000_000
START = 1_763_510_400_000_000  # an hour's begin
COUNTER = Tag(TagId(1), "io.counter_1", "io", "counter_1", Quantity.COUNT, "1", interval_s=60, wrap_at=65536)
PULSE = Tag(TagId(2), "io.di_1", "io", "di_1", Quantity.STATE, "1")
PROGRAM = Tag(TagId(3), "cnc.program", "cnc", "program", Quantity.TEXT, "")


class Texts:
    """EventStore, as far as texts go."""

    def __init__(self, *changes: tuple[int, str]) -> None:
        self.changes = {3: [TextSample(TagId(3), at, text) for at, text in changes]}

    def also(self, tag_id: int, *changes: tuple[int, str]) -> None:
        self.changes[tag_id] = [TextSample(TagId(tag_id), at, text) for at, text in changes]

    async def texts(self, tag_id: int, from_us: int, to_us: int) -> list[TextSample]:
        known = self.changes.get(tag_id, [])
        before = [c for c in known if c.time_us <= from_us][-1:]
        return before + [c for c in known if from_us < c.time_us < to_us]


def production(history: MemoryHistory, control: ControlSignals | None, texts: Texts | None = None, now_us: int = START + 100 * H):  # type: ignore[no-untyped-def]
    device = Device("io", "l", Profile("p", {}, "v", "modbus", "t", "H", (), Quirks()))
    machines = (Machine("a", "A", control=control), Machine("b", "B"))
    plant = Plant(Site("s"), devices=(device,), machines=machines)
    return Production(lambda: plant, lambda: [COUNTER, PULSE, PROGRAM], history, texts or Texts(), FakeClock(now_us))  # type: ignore[arg-type]


def counted(history: MemoryHistory, hours: int, every_s: int, *, start: int = 0, reset_at_h: float | None = None) -> None:
    rows: list[tuple[int, float | None, int]] = []
    shown = start
    for second in range(60, hours * 3600 + 1, 60):
        shown += second % every_s == 0
        if reset_at_h is not None and second == round(reset_at_h * 3600):
            shown = 0
        rows.append((START + second * S - 1, float(shown), 0))
    history.put(1, [(START - S, float(start), 0), *rows])


async def test_a_long_window_by_roll_ups_is_what_raw_readings_tell() -> None:
    history = MemoryHistory()
    counted(history, 96, 300, start=100, reset_at_h=20.5)
    service = production(history, ControlSignals(part_count="io.counter_1"))
    whole = await service.parts("a", START, START + 96 * H)
    hours = [await service.parts("a", START + n * H, START + (n + 1) * H) for n in range(96)]
    assert whole.parts == sum(count.parts or 0 for count in hours)
    assert whole.parts == 96 * 12 - 1  # the one that was counted and set back within the same minute
    assert len(whole.doubtful) == 1
    assert whole.completeness == pytest.approx(1.0, abs=0.02)


async def test_no_counter_no_number() -> None:
    service = production(MemoryHistory(), ControlSignals(part_count="io.counter_1"))
    assert (await service.parts("a", START, START + H)).parts is None
    assert (await service.parts("b", START, START + H)).parts is None
    with pytest.raises(NotFound):
        await service.parts("c", START, START + H)


async def test_parts_that_were_made_while_the_line_was_away_are_kept() -> None:
    history = MemoryHistory()
    history.put(1, [(START - S, 10.0, 0), (START + 600 * S, None, 64), (START + 3000 * S, 13.0, 0)])
    count = await production(history, ControlSignals(part_count="io.counter_1")).parts("a", START, START + H)
    assert count.parts == 3
    assert count.completeness < 0.2


async def test_pulses() -> None:
    history = MemoryHistory()
    history.put(2, [(START + n * S, float(n % 10 == 3), 0) for n in range(100)])
    count = await production(history, ControlSignals(part_count="io.di_1")).parts("a", START, START + 100 * S)
    assert count.parts == 10


async def test_programs_tile_the_window_with_their_parts() -> None:
    history = MemoryHistory()
    counted(history, 4, 300)
    texts = Texts((START - H, "O1"), (START + H, "O2"), (START + 2 * H, "O2"), (START + 3 * H, " "))
    control = ControlSignals(part_count="io.counter_1", program="cnc.program")
    found = await production(history, control, texts).programs("a", START, START + 4 * H)
    assert [(p.program, (p.from_us - START) / H, (p.to_us - START) / H) for p in found] == [("O1", 0, 1), ("O2", 1, 3), (None, 3, 4)]
    whole = await production(history, control, texts).parts("a", START, START + 4 * H)
    assert sum(p.parts or 0 for p in found) == whole.parts


async def test_a_program_that_is_called_names_the_chosen_one() -> None:
    texts = Texts((START - H, "MAIN"), (START + H, "DRILL"), (START + 2 * H, "MAIN"), (START + 3 * H, "OTHER"))
    texts.also(4, (START - H, "MAIN"), (START + 3 * H, "OTHER"))
    service = production(MemoryHistory(), ControlSignals(program="cnc.program"), texts)
    chosen = replace(PROGRAM, id=TagId(4), name="cnc.selected_program", point="selected_program")
    service._tags = lambda: [PROGRAM, chosen]  # type: ignore[method-assign]
    found = await service.programs("a", START, START + 4 * H)
    assert [(p.program, p.main, (p.from_us - START) / H, (p.to_us - START) / H) for p in found] == [
        ("MAIN", None, 0, 1), ("DRILL", "MAIN", 1, 2), ("MAIN", None, 2, 3), ("OTHER", None, 3, 4),
    ]  # fmt: skip


async def test_a_program_given_as_a_number() -> None:
    history = MemoryHistory()
    history.put(2, [(START + n * 60 * S, 7.0 if n < 30 else 8.0, 0) for n in range(60)])
    tag = replace(PULSE, enum={7: "O0007"})
    service = production(history, ControlSignals(program="io.di_1"))
    service._tags = lambda: [tag]  # type: ignore[method-assign]
    found = await service.programs("a", START, START + H)
    assert [p.program for p in found] == ["O0007", "8"]
