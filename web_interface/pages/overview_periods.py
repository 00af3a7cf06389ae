"""From the overview's figures back in time: the Energy page of this shift, the one before, today and yesterday. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from web_interface.locale import t
from web_interface.period import Period, Periods

TABS: Mapping[str, str] = {"power": "demand"}  # figure -> tab of the Energy page; the first one shows the rest
Link = tuple[str, str, str]  # what it leads to, words, address


def energy_href(period: Period, figure: str = "energy") -> str:
    """The Energy page at `period`, on the tab that tells of `figure`."""
    tab = {"tab": TABS[figure]} if figure in TABS else {}
    return "/energy?" + urlencode({**tab, **period.query}, safe="/")


def back_links(periods: Periods, figure: str, lang: str, *, in_shift: bool) -> Sequence[Link]:
    """What a person asks after the figure of now: the same of this shift so far, of the one before, of today, of yesterday."""
    found = [(key, period) for key, period in _near(periods, in_shift=in_shift) if period is not None]
    return [(key, t(f"overview.back.{key}", lang), energy_href(period, figure)) for key, period in found]


def _near(periods: Periods, *, in_shift: bool) -> Sequence[tuple[str, Period | None]]:
    """Between shifts the last one that has begun is the one before."""
    shift = periods.find("shift")
    if shift.kind != "shift":  # a shop without shifts
        return [("today", periods.find("today")), ("yesterday", periods.find("yesterday"))]
    shifts = [("shift", shift), ("shift_before", periods.before(shift))] if in_shift else [("shift_before", shift)]
    return [*shifts, ("today", periods.find("today")), ("yesterday", periods.find("yesterday"))]
