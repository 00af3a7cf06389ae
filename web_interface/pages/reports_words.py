"""Words that the tabs of the reports page share: periods, moments, templates."""

from __future__ import annotations

from collections.abc import Sequence

from domain.energy import ShiftWindow
from domain.report import PeriodKind
from web_interface.format import Format
from web_interface.locale import t
from web_interface.services.reports import ReportTemplate

SHOWN = {PeriodKind.SHIFT: 24, PeriodKind.DAY: 31, PeriodKind.WEEK: 12, PeriodKind.MONTH: 13}


def period_words(kind: PeriodKind, window: ShiftWindow, fmt: Format, now_us: int) -> str:
    """A shift with its hours, a day, days of a week, a month."""
    if kind is PeriodKind.SHIFT:
        hours = f"{fmt.clock(window.from_us)}–{fmt.clock(window.to_us)}"
        words = t("reports.shift_words", fmt.lang, day=fmt.date(window.day), name=window.name, hours=hours)
    elif kind is PeriodKind.DAY:
        words = fmt.date(window.day)
    elif kind is PeriodKind.MONTH:
        words = f"{t(f'energy.month.{window.day.month}', fmt.lang)} {window.day.year}"
    else:
        words = f"{fmt.day(window.from_us)} – {fmt.day(window.to_us - 1)}"
    return words + (t("reports.running", fmt.lang) if window.to_us > now_us else "")


def span_words(from_us: int, to_us: int, fmt: Format) -> str:
    """What an issued report covers."""
    if fmt.clock(from_us) == fmt.clock(to_us) == "00:00":
        first, last = fmt.day(from_us), fmt.day(to_us - 1)
        return first if first == last else f"{first} – {last}"
    same = fmt.day(from_us) == fmt.day(to_us)
    return f"{fmt.day(from_us)} {fmt.clock(from_us)}–" + ("" if same else f"{fmt.day(to_us)} ") + fmt.clock(to_us)


def titles(templates: Sequence[ReportTemplate], lang: str) -> dict[str, str]:
    """Id -> title."""
    return {template.id: template.title[lang] for template in templates}
