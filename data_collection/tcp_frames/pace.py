"""How fast frames are sent: as asked while the peer takes them, slower while it does not. Pure."""

from __future__ import annotations

from typing import Final

SLOWEST_S: Final = 60.0
_SHARE: Final = 0.5  # of the interval that sending may take before the interval grows
_CALMS: Final = 0.9  # how fast it comes back


class Pace:
    """`asked_s` 0 sends nothing. `interval_s`: the present one; `took_s`: what the last frame took until the peer had it, s."""

    def __init__(self, asked_s: float) -> None:
        self.asked_s, self.interval_s, self.took_s = asked_s, asked_s, 0.0
        self.sent = self.slowed = 0

    def frame_sent(self, took_s: float) -> None:
        """Measure one frame: half as fast when it took more than half the interval, else back to what was asked in steps."""
        self.sent += 1
        self.took_s = took_s
        if took_s > _SHARE * self.interval_s:
            self.interval_s = min(max(2.0 * self.interval_s, 2.0 * took_s), SLOWEST_S)
            self.slowed += 1
        else:
            self.interval_s = max(self.asked_s, _CALMS * self.interval_s)

    @property
    def text(self) -> str | None:
        """For people, while the peer is slower than asked for."""
        if self.interval_s <= 1.05 * self.asked_s:
            return None
        return f"the peer takes a frame in {self.took_s:.3g} s: one each {self.interval_s:.3g} s instead of {self.asked_s:g} s"
