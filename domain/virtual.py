"""Virtual tags: values computed from other tags by a formula, usable everywhere a tag is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute

from domain.quantity import Quantity


@dataclass(frozen=True, slots=True)
class VirtualTag:
    """`tag`: "<virtual device>.<point>". `unit`: of its values as entered; they are kept in the canonical unit of `quantity`.

    `version`: grows with each change of the formula, unit or quantity; what is computed carries it.
    """

    tag: str
    formula: str
    quantity: Quantity
    unit: str
    version: int = 1

    @property
    def device_id(self) -> str:
        return self.tag.partition(".")[0]

    @property
    def point(self) -> str:
        return self.tag.partition(".")[2]


@dataclass(frozen=True, slots=True)
class FormulaProblem:
    """What is wrong with a draft. `field`: tag, formula, quantity, unit, or "" for what it would break.

    `code` and `params` for translation ("" where only the sentence is known); `at`, `length`: the place within the formula.
    """

    field: str
    sentence: str
    code: str = ""
    params: Mapping[str, object] = attribute(default_factory=dict)
    at: int | None = None
    length: int = 1
    caret: str = ""


@dataclass(frozen=True, slots=True)
class PreviewPoint:
    """A row as it would be; `value` None when `quality` is bad."""

    time_us: int
    value: float | None
    quality: int


@dataclass(frozen=True, slots=True)
class FormulaCheck:
    """A draft looked at. `formula_unit`: what the formula gives (None when it does not parse), `unit`: what would be stored.

    `preview`: of the last hour from history, oldest first, the last one is the value now.
    """

    problems: tuple[FormulaProblem, ...]
    formula_unit: str | None = None
    unit: str | None = None
    inputs: tuple[str, ...] = ()
    interval_s: float | None = None
    preview: tuple[PreviewPoint, ...] = ()


@dataclass(frozen=True, slots=True)
class VirtualTagNow:
    """A virtual tag that runs. `history_share`: 0 to 1 while its history is computed, None when that is done."""

    virtual: VirtualTag
    unit: str
    inputs: tuple[str, ...]
    interval_s: float
    history_share: float | None = None
