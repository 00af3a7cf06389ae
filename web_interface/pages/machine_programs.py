"""The lane of programs on a machine's time axis: which ran when, and what each took and made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.kpi import SpecificEnergy
from domain.production import ProgramStretch
from web_interface.format import MISSING, Format
from web_interface.locale import t

Data = dict[str, Any]
Window = tuple[int, int]
SHADES = 6
"""Programs with a colour of their own, those with the most energy first; the rest share one."""
NARROWEST = 1 / 400
"""Of the axis: shorter stretches that follow each other are one bar, else a control that calls many would fill the page."""


def program_lane(
    stretches: Sequence[ProgramStretch], totals: Sequence[SpecificEnergy], window: Window, fmt: Format
) -> Data | None:
    """For the component of the bars; None for a machine that tells no program.

    `bars`: [from %, width %, title, label, shade]; `legend`: what each program took and made, most energy first.
    """
    if not stretches:
        return None
    shades = _shades(stretches, totals)
    bars = [_bar(group, window, shades, fmt) for group in grouped(stretches, window)]
    legend = [
        {"shade": _shade(item.program, shades), "name": name_of(item.program, fmt), "words": total_words(item, fmt)}
        for item in totals
    ]  # fmt: skip
    return {"name": t("machine.programs", fmt.lang), "bars": bars, "legend": legend}


def grouped(stretches: Sequence[ProgramStretch], window: Window) -> list[list[ProgramStretch]]:
    """Each stretch by itself, but the ones that are too short to be seen together with those beside them."""
    least_us = (window[1] - window[0]) * NARROWEST
    groups: list[list[ProgramStretch]] = []
    for stretch in stretches:
        short = stretch.to_us - stretch.from_us < least_us
        if short and groups and groups[-1][-1].to_us - groups[-1][-1].from_us < least_us:
            groups[-1].append(stretch)
        else:
            groups.append([stretch])
    return groups


def _shades(stretches: Sequence[ProgramStretch], totals: Sequence[SpecificEnergy]) -> dict[str, str]:
    """A number for each named program, in the order of the totals while they are there."""
    names = [item.program for item in totals] + [stretch.program for stretch in stretches]
    named = dict.fromkeys(name for name in names if name is not None)
    return {name: str(n) if n < SHADES else "more" for n, name in enumerate(named)}


def _shade(program: str | None, shades: dict[str, str]) -> str:
    return "none" if program is None else shades.get(program, "more")


def name_of(program: str | None, fmt: Format) -> str:
    """The program as it is called; a long path by its end."""
    if program is None:
        return t("machine.programs.unknown", fmt.lang)
    return program.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or program


def _bar(group: Sequence[ProgramStretch], window: Window, shades: dict[str, str], fmt: Format) -> list[Any]:
    begin, end = max(group[0].from_us, window[0]), min(group[-1].to_us, window[1])
    span = window[1] - window[0]
    left, width = ((begin - window[0]) / span * 100, (end - begin) / span * 100)
    when = f"{fmt.clock(begin)}–{fmt.clock(end)}, {fmt.duration((end - begin) / 1e6)}"
    names = list(dict.fromkeys(_titled(stretch, fmt) for stretch in group))
    if len(names) > 1:
        shown = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
        several = t("machine.programs.several", fmt.lang, names=shown)
        return [round(left, 3), round(width, 3), f"{several}, {when}", "", "more"]
    shade = _shade(group[0].program, shades)
    label = "" if group[0].program is None else name_of(group[0].program, fmt)
    return [round(left, 3), round(width, 3), f"{names[0]}, {when}", label, shade]


def _titled(stretch: ProgramStretch, fmt: Format) -> str:
    """In full, with the program that called it."""
    name = stretch.program or name_of(None, fmt)
    return name if stretch.main is None else t("machine.programs.called", fmt.lang, program=name, main=stretch.main)


def total_words(item: SpecificEnergy, fmt: Format) -> str:
    """Time, energy, parts, energy per part."""
    energy = " ".join(fmt.energy(item.energy_kwh)) if item.energy_kwh is not None else MISSING
    found = [fmt.duration(item.seconds), energy]
    if item.parts is not None:
        found.append(t("machine.figures.parts", fmt.lang, n=item.parts))
    if item.kwh_per_part is not None:
        found.append(t("machine.programs.each", fmt.lang, value=fmt.number(item.kwh_per_part, 2)))
    return " · ".join(found)
