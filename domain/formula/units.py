"""Units by dimension: what may be added, what a product gives. Base units of the SI, and which power is meant.

W, var and VA are one dimension, but P + Q is no power: the `kind` keeps them apart until a root or unit() says otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Dims = tuple[tuple[str, int], ...]  # base unit -> exponent, sorted, no zeros

ACTIVE, REACTIVE, APPARENT, OPEN = "W", "var", "VA", "any"


@dataclass(frozen=True, slots=True)
class Unit:
    """value in SI = value * scale. `kind`: of a power or energy, else ""; `text` for people."""

    dims: Dims
    scale: float
    kind: str
    text: str

    @property
    def pure(self) -> bool:
        """A bare number (also %)."""
        return not self.dims


_POWER = {"kg": 1, "m": 2, "s": -3}
_ENERGY = {"kg": 1, "m": 2, "s": -2}
_VOLT = {"kg": 1, "m": 2, "s": -3, "A": -1}
_PASCAL = {"kg": 1, "m": -1, "s": -2}
_NAMED: dict[str, tuple[dict[str, int], float, str]] = {
    "1": ({}, 1.0, ""), "%": ({}, 0.01, ""), "°": ({"°": 1}, 1.0, ""), "°C": ({"K": 1}, 1.0, ""),
    "mV": (_VOLT, 1e-3, ""), "V": (_VOLT, 1.0, ""), "kV": (_VOLT, 1e3, ""),
    "mA": ({"A": 1}, 1e-3, ""), "A": ({"A": 1}, 1.0, ""), "kA": ({"A": 1}, 1e3, ""),
    "mHz": ({"s": -1}, 1e-3, ""), "Hz": ({"s": -1}, 1.0, ""),
    "ms": ({"s": 1}, 1e-3, ""), "s": ({"s": 1}, 1.0, ""), "min": ({"s": 1}, 60.0, ""), "h": ({"s": 1}, 3600.0, ""),
    "mm": ({"m": 1}, 1e-3, ""), "m": ({"m": 1}, 1.0, ""), "m³": ({"m": 3}, 1.0, ""), "l": ({"m": 3}, 1e-3, ""),
    "Pa": (_PASCAL, 1.0, ""), "kPa": (_PASCAL, 1e3, ""), "bar": (_PASCAL, 1e5, ""), "MPa": (_PASCAL, 1e6, ""),
    "kg": ({"kg": 1}, 1.0, ""), "kJ": (_ENERGY, 1e3, ACTIVE), "MJ": (_ENERGY, 1e6, ACTIVE),
}  # fmt: skip
for _kind, _name in ((ACTIVE, "W"), (REACTIVE, "var"), (APPARENT, "VA")):
    for _prefix, _factor in (("", 1.0), ("k", 1e3), ("M", 1e6)):
        _NAMED[f"{_prefix}{_name}"] = (_POWER, _factor, _kind)
        _NAMED[f"{_prefix}{_name}h"] = (_ENERGY, _factor * 3600.0, _kind)


def _unit(dims: dict[str, int], scale: float, kind: str, text: str) -> Unit:
    return Unit(tuple(sorted((base, power) for base, power in dims.items() if power)), scale, kind, text)


NUMBER = Unit((), 1.0, "", "1")
ZERO = Unit((), 1.0, "zero", "0")  # a bare 0 fits every unit
TRUTH = Unit((("truth", 1),), 1.0, "", "?")  # what a comparison gives


def is_unit(text: str) -> bool:
    """A unit this module knows: a name or name/name (m³/h, 1/min)."""
    return all(part in _NAMED for part in text.split("/", 1))


def unit_of(text: str) -> Unit:
    """A unit by its text; one that is not known is a dimension of its own ("" is a bare number)."""
    if not text:
        return NUMBER
    if text in _NAMED:
        return _unit(*_NAMED[text], text)
    if is_unit(text):
        above, below = text.split("/", 1)
        return _named(divided(unit_of(above), unit_of(below)), text)
    return _unit({text: 1}, 1.0, "", text)


def _named(unit: Unit, text: str) -> Unit:
    return Unit(unit.dims, unit.scale, unit.kind, text)


def fits(a: Unit, b: Unit) -> bool:
    """May they be added or compared (after scaling)?"""
    if ZERO in (a, b):
        return TRUTH not in (a, b)
    return a.dims == b.dims and (a.kind == b.kind or OPEN in (a.kind, b.kind))


def _powerlike(dims: Dims) -> bool:
    """A power, or a power times or per some time."""
    return {base: power for base, power in dims if base != "s"} == {"kg": 1, "m": 2}


def _combined(a: Unit, b: Unit, sign: int) -> Unit:
    dims = dict(a.dims)
    for base, power in b.dims:
        dims[base] = dims.get(base, 0) + sign * power
    scale = a.scale * b.scale if sign > 0 else a.scale / b.scale
    made = _unit(dims, scale, "", "")
    kind = ""
    if _powerlike(made.dims):
        kinds = [unit.kind for unit in (a, b) if _powerlike(unit.dims)]
        electric = "A" in dict(a.dims) and "A" in dict(b.dims)
        kind = kinds[0] if len(kinds) == 1 else APPARENT if electric else OPEN
    joint = "·" if sign > 0 else "/"
    text = a.text if b.text == "1" else b.text if a.text == "1" and sign > 0 else f"{a.text}{joint}{b.text}"
    return Unit(made.dims, made.scale, kind, _name_of(made.dims, scale, kind) or text)


def times(a: Unit, b: Unit) -> Unit:
    """Of a product."""
    return _combined(a, b, 1)


def divided(a: Unit, b: Unit) -> Unit:
    """Of a quotient."""
    return _combined(a, b, -1)


def root(a: Unit) -> Unit | None:
    """Of a square root; None where it is no unit."""
    if any(power % 2 for _, power in a.dims):
        return None
    dims = tuple((base, power // 2) for base, power in a.dims)
    scale, kind = math.sqrt(a.scale), OPEN if _powerlike(dims) else ""
    return Unit(dims, scale, kind, _name_of(dims, scale, kind) or f"√({a.text})")


def _name_of(dims: Dims, scale: float, kind: str) -> str:
    wanted = APPARENT if kind == OPEN else kind
    for name, (named, factor, named_kind) in _NAMED.items():
        if named_kind == wanted and tuple(sorted(named.items())) == dims and math.isclose(factor, scale, rel_tol=1e-9):
            return name
    return ""


def factor_between(found: Unit, wanted: Unit) -> float:
    """wanted = found * factor; exactly 1.0 where they are the same but for rounding."""
    if ZERO in (found, wanted):
        return 1.0
    factor = found.scale / wanted.scale
    return 1.0 if math.isclose(factor, 1.0, rel_tol=1e-12) else factor
