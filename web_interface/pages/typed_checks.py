"""What is expected of a text while it is typed: the same as what the service takes, said at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from web_interface.locale import t

Check = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """A number lies in [low, high], or is greater than `above`."""

    low: float | None = None
    high: float | None = None
    above: float | None = None


# By the name of the field, as the services take it wherever it stands; a test holds them against the plant file.
BOUNDS: Mapping[str, Bounds] = {
    "scan_s": Bounds(0.05, 3600), "ct_ratio": Bounds(above=0, high=1e6), "vt_ratio": Bounds(above=0, high=1e6),
    "timeout_s": Bounds(0.05, 60), "connect_timeout_s": Bounds(0.1, 60), "pause_between_reads_s": Bounds(0, 10),
    "connect_delay_s": Bounds(0, 60), "max_registers": Bounds(1, 125), "max_bits": Bounds(1, 2000), "max_gap": Bounds(0, 124),
    "timeout_multiplier": Bounds(1, 255), "port": Bounds(1, 65535), "rack": Bounds(0, 7), "slot": Bounds(0, 31),
    "rated_kw": Bounds(above=0), "kef_target": Bounds(above=0, high=1), "idle_above_kw": Bounds(above=0),
    "production_above_kw": Bounds(above=0), "hysteresis_kw": Bounds(0), "min_dwell_s": Bounds(0, 3600),
    "norm_kwh_per_part": Bounds(above=0), "ideal_s_per_part": Bounds(above=0), "material_energy_kwh_per_part": Bounds(above=0),
    "good_share": Bounds(0, 1), "idle_kw": Bounds(0), "hysteresis": Bounds(0), "on_delay_s": Bounds(0, 86_400),
    "off_delay_s": Bounds(0, 86_400), "longer_than_s": Bounds(above=0, high=30 * 86_400), "over_s": Bounds(above=0, high=86_400),
    "delay_min": Bounds(0, 2880), "digest_min": Bounds(0, 1440),
}  # fmt: skip
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d")
_BETWEEN = re.compile(r"[\s,;]+")


def id_check(lang: str) -> Check:
    """Letters, digits, - and _."""
    return lambda text: None if _ID.fullmatch(text) else t("expected.id", lang)


def length_check(lang: str, most: int) -> Check:
    """At most so many characters."""
    return lambda text: t("expected.text_most", lang, n=most) if len(text or "") > most else None


def clock_check(lang: str, *, end: bool = False) -> Check:
    """"HH:MM"; the end of a day too with `end`."""
    return lambda text: None if _CLOCK.fullmatch(text) or (end and text == "24:00") else t("typed.clock", lang)


def whole_list_check(lang: str, low: int, high: int) -> Check:
    """Whole numbers within bounds, set off by commas or spaces."""

    def check(text: str) -> str | None:
        words = [word for word in _BETWEEN.split(text) if word]
        right = all(word.isascii() and word.isdecimal() and low <= int(word) <= high for word in words)
        return None if right else t("expected.whole_range", lang, low=low, high=high)

    return check
