"""What the tables of the invented shop refused; the service over it is the program's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from application.refused import RefusedEntries
from domain.refused import RefusedRow, RefusedSummary
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_status import FakeStatus
from tests.web_interface.memory_stores import MemoryAudit


class MemoryRefused:
    """Implements domain.refused.RefusedStore."""

    def __init__(self) -> None:
        self.kept = [
            RefusedRow(1, "sample", 1, shop.LOST_US, "inf", 0, "no finite value although the quality is not bad", shop.LOST_US),
            RefusedRow(2, "text", 1, shop.LOST_US, "=cmd|'a\ufffdb'!A1", 0, "<b>invalid byte sequence</b>", shop.LOST_US + shop.S),
            RefusedRow(3, "sample", 1, 2**61, "1.0", 0, "time out of range", shop.LOST_US + 2 * shop.S),
        ]

    async def summary(self) -> RefusedSummary:
        return RefusedSummary(len(self.kept), Counter(one.kind for one in self.kept), self.kept[-1] if self.kept else None)

    async def rows(self, most: int, skip: int = 0, ids: Collection[int] | None = None) -> Sequence[RefusedRow]:
        return [one for one in reversed(self.kept) if ids is None or one.id in ids][skip : skip + most]

    async def discard(self, ids: Collection[int] | None, up_to: int) -> int:
        before = len(self.kept)
        self.kept = [one for one in self.kept if (one.id not in ids if ids is not None else one.id > up_to)]
        return before - len(self.kept)

    async def shorten(self, most: int) -> int:
        raise NotImplementedError


def fake_refused(clock: shop.ShopClock, audit: MemoryAudit, status: FakeStatus) -> RefusedEntries:
    store = MemoryRefused()
    newest = store.kept[-1]
    status.refused = RefusedSummary(3, {"sample": 2, "text": 1}, newest, "m1.active_power")

    def changed(summary: RefusedSummary) -> None:
        status.refused = summary

    return RefusedEntries(store, audit, clock, lambda tag_id: "m1.active_power" if tag_id == 1 else str(tag_id), changed)
