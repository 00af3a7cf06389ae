"""Why an item was judged as it was: a code and numbers, worded where they are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_WORDS: Final = {
    "missing": "{feature}: missing", "below": "{feature}: {value:.4g} < {border:.4g}",
    "above": "{feature}: {value:.4g} > {border:.4g}",
    "deviates": "{feature}: {value:+.1f} σ", "alone": "{feature}", "failed": "the model failed: {detail}", "text": "{detail}",
    "picture": "picture differs at {value:.0f}, {border:.0f} ({detail} px)", "no_picture": "no picture: {detail}",
}  # fmt: skip
_NEEDED: Final = {"below": ("value", "border"), "above": ("value", "border"), "deviates": ("value",)}
_NUMBER: Final = r"[-+]?[\d.]+(?:e[-+]?\d+)?"
_OLD: Final = tuple(
    (code, re.compile(pattern)) for code, pattern in (
        ("missing", r"(?P<feature>\S+): missing"),
        ("below", rf"(?P<feature>\S+): (?P<value>{_NUMBER}) < (?P<border>{_NUMBER})"),
        ("above", rf"(?P<feature>\S+): (?P<value>{_NUMBER}) > (?P<border>{_NUMBER})"),
        ("deviates", rf"(?P<feature>\S+): (?P<value>{_NUMBER}) σ"),
        ("failed", r"the model failed: (?P<detail>.*)"),
        ("alone", r"(?P<feature>\w+(?:\.\w+)+)"),
    )
)  # fmt: skip
"""How reasons were stored as text."""


@dataclass(frozen=True, slots=True)
class Reason:
    """`feature`: `<point>.<statistic>`. `code`:

    `missing`   the item has no such feature;
    `below`, `above`   `value` lies beyond `border`, both in the unit of the point;
    `deviates`  `value` standard deviations from the usual;
    `alone`     the feature sets the item apart from the good ones;
    `failed`    the model could not judge: `detail`;
    `picture`   the picture differs most around (`value`, `border`), over `detail`, all px of the kept picture;
    `no_picture`  it was judged without one: `detail`, one of domain.camera.REASONS;
    `text`      `detail` says it.
    """

    code: str
    feature: str = ""
    value: float | None = None
    border: float | None = None
    detail: str = ""

    def __str__(self) -> str:
        """In English, for logs and programs."""
        return _WORDS[self.code].format(feature=self.feature, value=self.value, border=self.border, detail=self.detail)

    @property
    def stored(self) -> dict[str, str | float]:
        """What of it is said, as JSON."""
        all_of = {"code": self.code, "feature": self.feature, "value": self.value, "border": self.border, "detail": self.detail}
        return {name: value for name, value in all_of.items() if value is not None and value != ""}


def reason_of(stored: str | Mapping[str, object]) -> Reason:
    """The reason as it was stored; texts are those of earlier versions."""
    if not isinstance(stored, str):
        needed = _NEEDED.get(str(stored.get("code")), ())
        if stored.get("code") not in _WORDS or not all(name in stored for name in needed):
            return Reason("text", detail=" ".join(str(value) for value in stored.values()))
        return Reason(
            str(stored["code"]), str(stored.get("feature", "")), _number(stored.get("value")), _number(stored.get("border")),
            str(stored.get("detail", "")),
        )  # fmt: skip
    for code, pattern in _OLD:
        if (found := pattern.fullmatch(stored)) is not None:
            return reason_of({"code": code, **found.groupdict()})
    return Reason("text", detail=stored)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, str | int | float) else None
