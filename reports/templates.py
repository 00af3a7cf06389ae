"""Templates of reports: those that come with the product, and drafts of people judged. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Sequence
from enum import Enum
from typing import TypeVar

from domain.errors import ConfigError
from domain.plant import Plant
from domain.report import Draft, FigureKind, PageFormat, Part, PeriodKind, ReportTemplate
from reports.logo import check_logo

NAME_CHARS = 120
MOST_MACHINES = 2000
LANGUAGES = ("ru", "en")
FORMATS = ("pdf", "xlsx")
_FIELDS = ("id", "name", "period", "blocks", "figures", "machines", "areas", "language", "page")
_E = TypeVar("_E", bound=Enum)
_P, _F = Part, FigureKind
_USUAL = (_F.ENERGY, _F.COST, _F.KEF, _F.HALF_HOUR, _F.TG_PHI)

SHIPPED: tuple[ReportTemplate, ...] = tuple(
    ReportTemplate(name, "", period, parts, figures, shipped=True)
    for name, period, parts, figures in (
        ("shift", PeriodKind.SHIFT, (_P.SUMMARY, _P.POWER, _P.MACHINES, _P.FINDINGS, _P.ALERTS, _P.FORMULAS), _USUAL),
        ("day", PeriodKind.DAY,
         (_P.SUMMARY, _P.POWER, _P.AREAS, _P.MACHINES, _P.FINDINGS, _P.ALERTS, _P.FORMULAS), _USUAL),
        ("month", PeriodKind.MONTH,
         (_P.SUMMARY, _P.DAYS, _P.MONEY, _P.AREAS, _P.MACHINES, _P.PEAKS, _P.FINDINGS, _P.FORMULAS), _USUAL),
        ("machine", PeriodKind.WEEK, (_P.SUMMARY, _P.MACHINES, _P.DAYS, _P.ALERTS, _P.FORMULAS),
         (_F.ENERGY, _F.COST, _F.KEF, _F.IDLE, _F.ALERTS)),
        ("section", PeriodKind.WEEK, (_P.SUMMARY, _P.AREAS, _P.MACHINES, _P.DAYS, _P.FORMULAS),
         (_F.ENERGY, _F.COST, _F.KEF, _F.IDLE)),
        ("alerts", PeriodKind.WEEK, (_P.SUMMARY, _P.ALERTS), (_F.ALERTS, _F.ENERGY)),
        ("balance", PeriodKind.DAY, (_P.SUMMARY, _P.BALANCE, _P.FORMULAS), (_F.ENERGY,)),
        ("loops", PeriodKind.SHIFT, (_P.SUMMARY, _P.LOOPS, _P.ALERTS, _P.FORMULAS), (_F.ENERGY, _F.ALERTS)),
        ("reactive", PeriodKind.MONTH, (_P.SUMMARY, _P.POWER, _P.PEAKS, _P.REACTIVE, _P.FORMULAS),
         (_F.TG_PHI, _F.HALF_HOUR, _F.ENERGY)),
    )
)  # fmt: skip
BY_ID = {template.id: template for template in SHIPPED}


def parse_template(draft: Draft, plant: Plant, logo: bytes | None = None) -> ReportTemplate:
    """The template that `draft` describes (fields as in domain.report.template_document; all but id and name may be missing).

    Raises ConfigError that names the place ("blocks[2]: ...") and what was expected.
    """
    for name in draft:
        if name not in _FIELDS:
            raise ConfigError(f"{str(name)[:40]!r} is unknown; expected one of {', '.join(_FIELDS)}")
    template_id = _slug(draft.get("id"))
    shipped = BY_ID.get(template_id)
    base = shipped or ReportTemplate("", period=PeriodKind.DAY, parts=BY_ID["day"].parts, figures=_USUAL)
    language = draft.get("language")
    if language not in {None, "", *LANGUAGES}:
        raise ConfigError(f"language: {str(language)[:40]!r} is unknown; expected one of {', '.join(LANGUAGES)}, or empty")
    parts = _words(draft, "blocks", Part, base.parts)
    if not parts:
        raise ConfigError("blocks: a report needs at least one block")
    return ReportTemplate(
        template_id, _name(draft.get("name"), required=shipped is None),
        _word(draft.get("period", base.period.value), "period", PeriodKind), parts,
        _words(draft, "figures", FigureKind, base.figures),
        _known(draft, "machines", [machine.id for machine in plant.machines]),
        _known(draft, "areas", list(dict.fromkeys(m.section for m in plant.machines if m.section))),
        str(language) if language else None, _word(draft.get("page", base.page.value), "page", PageFormat),
        check_logo(logo) if logo else None, shipped=shipped is not None,
    )  # fmt: skip


def _slug(value: object) -> str:
    good = isinstance(value, str) and 0 < len(value) <= 60 and all(c.isalnum() or c in "-_" for c in value)
    if not good:
        raise ConfigError(f"id: {str(value)[:40]!r} is no id; expected 1 to 60 letters, digits, dashes")
    return str(value)


def _name(value: object, *, required: bool) -> str:
    if value in {None, ""} and not required:
        return ""
    if not isinstance(value, str) or not value.strip():
        raise ConfigError("name: is missing")
    if len(value) > NAME_CHARS:
        raise ConfigError(f"name: is {len(value)} characters long; expected at most {NAME_CHARS}")
    if not all(c.isprintable() for c in value):
        raise ConfigError("name: has control characters; expected plain text")
    return value.strip()


def _word(value: object, place: str, kind: type[_E]) -> _E:
    try:
        return kind(value)
    except ValueError:
        raise ConfigError(
            f"{place}: {str(value)[:40]!r} is unknown; expected one of {', '.join(str(k.value) for k in kind)}"
        ) from None


def _words(draft: Draft, name: str, kind: type[_E], otherwise: tuple[_E, ...]) -> tuple[_E, ...]:
    listed = _list(draft, name, len(kind))
    if listed is None:
        return otherwise
    return _each(listed, name, lambda value, place: _word(value, place, kind))


def _known(draft: Draft, name: str, known: Collection[str]) -> tuple[str, ...]:
    def one(value: object, place: str) -> str:
        if value in known:
            return str(value)
        near = difflib.get_close_matches(str(value)[:80], list(known), 3)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise ConfigError(f"{place}: {str(value)[:40]!r} does not exist{hint}")

    return _each(_list(draft, name, MOST_MACHINES) or [], name, one)


def _list(draft: Draft, name: str, most: int) -> Sequence[object] | None:
    value = draft.get(name)
    if value is None:
        return None
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"{name}: is no list")
    if len(value) > most:
        raise ConfigError(f"{name}: has {len(value)} entries; expected at most {most}")
    return value


_R = TypeVar("_R")


def _each(values: Sequence[object], name: str, judge: Callable[[object, str], _R]) -> tuple[_R, ...]:
    found: list[_R] = []
    for at, value in enumerate(values):
        place = f"{name}[{at}]"
        one = judge(value, place)
        if one in found:
            raise ConfigError(f"{place}: {str(value)[:40]!r} stands twice")
        found.append(one)
    return tuple(found)
