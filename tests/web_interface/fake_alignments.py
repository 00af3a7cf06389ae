"""The alignment of the invented shop: one oven over two channels, the second without an answer."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.alignment.aligner import Aligner
from domain.alignment import AlignedSeries, Alignment, AlignmentStatus, AlignMode
from tests.web_interface import fake_shop as shop

OVENS = Alignment("ovens", "Печь по двум каналам", 1000, 2000, (
    AlignedSeries("oven.temperature", AlignMode.INTERPOLATE, 1500), AlignedSeries("oven2.temperature", AlignMode.HOLD, 1000),
))  # fmt: skip


class FakeAlignments:
    """AlignmentService over a real aligner: 20 frames, the second series for half of them."""

    def __init__(self) -> None:
        self._aligner = Aligner(OVENS, shop.START_US)
        for second in range(21):
            at_us = shop.START_US + second * shop.S
            self._aligner.feed(0, at_us - 20_000, 150.0 + second, at_us)
            if second < 10:
                self._aligner.feed(1, at_us - 50_000, 151.0 + second, at_us)
        self._aligner.frames(shop.START_US + 30 * shop.S)

    def statuses(self) -> Sequence[AlignmentStatus]:
        return [self._aligner.status()]
