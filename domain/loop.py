"""A control loop: which tags it consists of, how well it did, where that is kept. Units: those of the process value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MAX_TRACE = 1500  # points of a drawn trace


@dataclass(frozen=True, slots=True)
class ControlLoop:
    """Set point w, process value y and controller output u by full tag name (`device.tag`); w and y have one unit.

    `dead_time_s` of the process (Harris index); `period_s`: ultimate period or integral time, and `amplitude` (unit of y): the
    smallest oscillation that matters (Hägglund); `min_step` (unit of y) and `min_episode_s`: what counts as a step of the set
    point; `band`: settling band as a share of the step.
    """

    id: str
    name: str
    setpoint: str
    process: str
    output: str | None = None
    machine: str | None = None
    dead_time_s: float = 1.0
    period_s: float = 60.0
    amplitude: float = 1.0
    min_step: float = 1.0
    min_episode_s: float = 60.0
    band: float = 0.05


@dataclass(frozen=True, slots=True)
class LoopErrors:
    """Integrals of e = w - y over the known part of a window: unit·s, unit²·s, unit·s², unit²·s². None: nothing is known.

    `completeness`: known share of the window, 0 to 1. `output_variation`: Σ|Δu| in the unit of u.
    """

    iae: float | None
    ise: float | None
    itae: float | None
    itse: float | None
    completeness: float
    output_variation: float | None


@dataclass(frozen=True, slots=True)
class LoopEpisode:
    """The answer to one step of the set point, from `from_us` to its next change. Set points and `steady_error` in the unit of y.

    `overshoot` as a share of the step. `rise_s`, `peak_s`, `settling_s`: None where not reached. `rule_version`: of the code.
    """

    loop_id: str
    from_us: int
    to_us: int
    before: float
    after: float
    errors: LoopErrors
    rise_s: float | None
    peak_s: float | None
    overshoot: float | None
    settling_s: float | None
    steady_error: float | None
    rule_version: int


@dataclass(frozen=True, slots=True)
class LoopReport:
    """A loop over [from_us, to_us). `trace`: (time_us, w, y, u), thinned to at most MAX_TRACE instants, None where not known.

    `oscillates` with `period_s` and `amplitude`; `half_waves` that counted. `harris`: 0 as good as possible, 1 leaves all to
    gain; None: too little is known. `step_s`: usual distance of samples.
    """

    loop: ControlLoop
    unit: str
    output_unit: str
    from_us: int
    to_us: int
    step_s: float | None
    errors: LoopErrors
    mean_abs_error: float | None
    oscillates: bool
    half_waves: int
    period_s: float | None
    amplitude: float | None
    harris: float | None
    episodes: Sequence[LoopEpisode]
    trace: Sequence[tuple[int, float | None, float | None, float | None]]
    rule_version: int


class LoopStore(Protocol):
    async def save_episodes(self, episodes: Sequence[LoopEpisode]) -> None:
        """Idempotent: one row per loop and begin."""
        ...

    async def episodes(self, loop_id: str, from_us: int, to_us: int) -> Sequence[LoopEpisode]:
        """Those that begin in the window, in order."""
        ...

    async def last_episode_us(self, loop_id: str) -> int | None:
        """End of the newest stored episode; None before the first."""
        ...
