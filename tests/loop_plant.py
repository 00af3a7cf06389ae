"""A first-order process with dead time under a PI controller, simulated exactly enough to be judged: for tests of control loops."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

S = 1_000_000


def controlled(
    seconds: int, setpoint: Callable[[int], float], *, gain: float = 0.375, integral_s: float = 30.0, lag_s: float = 30.0,
    dead_s: int = 8, ambient: float = 20.0,
) -> list[tuple[int, float, float, float]]:
    """(s, w °C, y °C, u %) each second; u from 0 to 100 %, y moves towards ambient + 5·u. The integral stands still at the limits.

    The tuning given is Skogestad's for this process; three times the gain brings it to the border of stability.
    """
    value, summed, rows = ambient, 0.0, []
    on_its_way = deque([0.0] * dead_s)
    for second in range(seconds):
        wanted = setpoint(second)
        error = wanted - value
        output = gain * (error + summed / integral_s)
        if 0.0 < output < 100.0:
            summed += error
        output = min(100.0, max(0.0, output))
        rows.append((second, wanted, value, output))
        on_its_way.append(output)
        value += (ambient + 5.0 * on_its_way.popleft() - value) / lag_s
    return rows
