"""Parameters of the detectors and what a rehearsal or a training told, as plain data for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.detector import ENABLED, RULES, SITE_RULES, DetectorSettings, Parameter
from domain.finding import AnomalyModel, AnomalyTraining, FindingRehearsal
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages.admin_form import Field
from web_interface.pages.explain_view import window_words
from web_interface.texts import point_name

Rules = Mapping[str, Mapping[str, object]]
UNITS = {"active_power": "kW", "reactive_power": "kvar", "current_l1": "A", "current_l2": "A", "current_l3": "A"}
_MOST_DIGITS = 6


def rules_of(machine_id: str | None) -> Sequence[str]:
    """The rules a machine's page shows; the page of the site shows all."""
    return [rule for rule in RULES if machine_id is None or rule not in SITE_RULES]


def below(settings: DetectorSettings, machine_id: str | None, rule: str) -> dict[str, float]:
    """What holds where nothing is said: the site's values for a machine, the shipped ones for the site. With `enabled`."""
    shipped = {name: parameter.default for name, parameter in RULES[rule].items()} | {ENABLED: 1.0}
    return shipped if machine_id is None else shipped | dict(settings.site.get(rule, {}))


def fields(rule: str, settings: DetectorSettings, machine_id: str | None, fmt: Format) -> list[Field]:
    """The switch first, then each parameter with its valid range and what holds without an entry."""
    lang, base = fmt.lang, below(settings, machine_id, rule)
    made = [Field(f"{rule}.{ENABLED}", "switch", t("detector.enabled", lang), default=bool(base[ENABLED]))]
    for name, parameter in RULES[rule].items():
        unit = fmt.unit(parameter.unit) if parameter.unit else ""
        made.append(
            Field(
                f"{rule}.{name}", "number", t(f"detector.field.{name}", lang), unit=unit,
                hint=hint(parameter, base[name], fmt, of_site=machine_id is None), default=base[name],
                low=parameter.low, high=parameter.high,
            )
        )  # fmt: skip
    return made


def hint(parameter: Parameter, base: float, fmt: Format, *, of_site: bool) -> str:
    """ "1 to 10 080; for all machines 30"."""
    low, high = plain(parameter.low, fmt), plain(parameter.high, fmt)
    return t("detector.hint.site" if of_site else "detector.hint.machine", fmt.lang, low=low, high=high, value=plain(base, fmt))


def plain(value: float, fmt: Format) -> str:
    """With all its decimals, up to six."""
    digits = next((d for d in range(_MOST_DIGITS) if abs(value - round(value, d)) < 1e-9), _MOST_DIGITS)
    return fmt.number(value, digits)


def told(found: FindingRehearsal, fmt: Format) -> str:
    """ "12 findings, 31 h, 41.2 kWh"."""
    words = t("detector.told", fmt.lang, n=found.count)
    if not found.count:
        return words
    parts = [words, fmt.duration(found.minutes * 60)]
    if found.waste_kwh is not None:
        parts.append(fmt.value(found.waste_kwh, "kWh", 1))
    return ", ".join(parts)


def model_facts(model: AnomalyModel, fmt: Format, now_us: int) -> list[tuple[str, str]]:
    """Period, who and when, minutes, and of each state: minutes, rate of false alarms, usual values."""
    lang = fmt.lang
    rows = [
        (t("training.period", lang), window_words(model.from_us, model.to_us, fmt)),
        (t("training.made", lang), f"{fmt.moment(model.trained_us, now_us)}, {model.trained_by}"),
        (t("training.minutes", lang), fmt.number(model.rows, 0)),
    ]
    channels = model.numbers.get("channels")
    groups = model.numbers.get("groups")
    names = [str(name) for name in channels] if isinstance(channels, list | tuple) else []
    for name, numbers in groups.items() if isinstance(groups, dict) else ():
        rows.append((t(f"state.{name}", lang), group_words(names, numbers, fmt)))
    return rows


def group_words(channels: Sequence[str], numbers: Mapping[str, Any], fmt: Format) -> str:
    """ "9 120 min; 0.1 % of the good period above the threshold; usual: active power 6.1 ± 0.3 kW"; an old model tells less."""
    parts = []
    if "rows" in numbers:
        parts.append(t("training.group.minutes", fmt.lang, n=fmt.number(float(numbers["rows"]), 0)))
    if "above" in numbers:
        parts.append(t("training.group.above", fmt.lang, share=fmt.percent(float(numbers["above"]), 2)))
    centre, scale = numbers.get("centre"), numbers.get("scale")
    if centre is not None and scale is not None:
        usual = [usual_words(*entry, fmt) for entry in zip(channels, centre, scale, strict=False)]
        parts.append(t("training.group.usual", fmt.lang, values=", ".join(usual)))
    return "; ".join(parts) or "—"


def usual_words(channel: str, centre: float, scale: float, fmt: Format) -> str:
    """ "active power 6.1 ± 0.3 kW"."""
    digits = fmt.decimals(scale, 1, 3)
    unit = UNITS.get(channel, "")
    value = f"{fmt.number(centre, digits)} ± {fmt.number(scale, digits)}"
    return f"{point_name(channel, fmt.lang)} {value}" + (f"\u00a0{fmt.unit(unit)}" if unit else "")


def training_words(job: AnomalyTraining, fmt: Format) -> str:
    """What it is at: "Reading the period: 24 %"."""
    return t(f"training.stage.{job.stage.value}", fmt.lang, percent=fmt.percent(job.progress, 0))


def without_defaults(found: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """What a form gave, rule by rule; a rule that says nothing is left out."""
    return {rule: dict(values) for rule, values in found.items() if isinstance(values, Mapping) and values}


def as_numbers(values: Mapping[str, object]) -> dict[str, float]:
    """Parameters for a rehearsal, the switch left out."""
    return {name: float(value) for name, value in values.items() if name != ENABLED and isinstance(value, int | float)}
