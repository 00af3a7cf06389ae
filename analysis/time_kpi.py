"""Time figures after ISO 22400-2 and the stand-ins that need only power. Pure. Source: docs/formulas.md, section 9.

APT actual production time, AUBT actual unit busy time, PBT planned busy time (shift without its breaks), PRI planned run time
per item, PQ produced, GQ good quantity. Times in s. The standard's wording was not at hand: do not quote it from here.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.kpi import TimeElements, TimeKpis


def kpis(e: TimeElements) -> TimeKpis:
    """The figures of the elements."""
    availability, effectiveness = _ratio(e.apt_s, e.pbt_s), _ratio(e.pri_pq_s, e.apt_s)
    quality = _ratio(e.good, e.produced)
    oee = None
    if availability is not None and effectiveness is not None and quality is not None:
        oee = availability * effectiveness * quality
    busy = None if e.apt_s is None else e.apt_s + e.idle_s
    return TimeKpis(
        availability, _ratio(e.apt_s, e.aubt_s), _ratio(e.aubt_s, e.pbt_s), effectiveness, quality, oee,
        time_share=availability, idle_time_share=_ratio(e.idle_s if e.apt_s is not None else None, busy),
    )  # fmt: skip


def together(elements: Sequence[TimeElements]) -> TimeElements:
    """Sums; an element that one of them does not know is unknown. Completeness is weighted by planned time."""
    weight = sum(e.pbt_s or 0.0 for e in elements)
    complete = sum(e.completeness * (e.pbt_s or 0.0) for e in elements) / weight if weight > 0 else 0.0
    produced = _sum([e.produced for e in elements])
    return TimeElements(
        _sum([e.apt_s for e in elements]), _sum([e.aubt_s for e in elements]), _sum([e.pbt_s for e in elements]),
        sum(e.idle_s for e in elements), _sum([e.pri_pq_s for e in elements]),
        None if produced is None else round(produced), _sum([e.good for e in elements]), complete,
    )  # fmt: skip


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if values and len(known) == len(values) else None


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below is not None and below > 0 else None
