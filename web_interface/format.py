"""Numbers, units, durations and times as people of a language write them. Rounding happens here and nowhere before."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from web_interface.locale import has, t

MISSING = "—"
NBSP = "\u00a0"
MINUS = "\u2212"
_US = 1_000_000
_TYPED = re.compile(r"[+-]?(\d+([.]\d*)?|[.]\d+)(e[+-]?\d+)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+([.]\d*)?")
_PLAIN_BELOW = 1e15


def plain(value: float, lang: str) -> str:
    """All digits of a number as somebody would type it, without thousands and powers of ten."""
    number = float(value)
    text = f"{Decimal(repr(number)):f}" if math.isfinite(number) and abs(number) < _PLAIN_BELOW else repr(number)
    if "." in text and "e" not in text:
        text = text.rstrip("0").rstrip(".")
    text = "0" if text == "-0" else text
    return text.replace(".", ",") if lang == "ru" else text


def read_number(text: str, lang: str) -> float | None:
    """A number as typed: "1,5" and "1.5", "1 234,5", in English "1,234.5" too. None where it is none, or none that is finite."""
    typed = re.sub(r"[\s\u00a0\u202f]", "", text).replace(MINUS, "-")
    if lang != "ru" and _THOUSANDS.fullmatch(typed):
        typed = typed.replace(",", "")
    elif "." not in typed and typed.count(",") == 1:
        typed = typed.replace(",", ".")
    if not _TYPED.fullmatch(typed):
        return None
    value = float(typed)
    return value if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Format:
    """Bound to a language (ru, en) and the site's time zone. Times come as UTC microseconds."""

    lang: str
    zone: ZoneInfo
    currency: str = "₽"

    # ---- numbers -------------------------------------------------------------------------------------------------
    def number(self, value: float | None, digits: int = 1) -> str:
        """1 234,5 or 1,234.5; a dash when there is none."""
        if value is None or not math.isfinite(value):
            return MISSING
        rounded = round(value, digits) + 0.0
        text = f"{abs(rounded):,.{digits}f}"
        if self.lang == "ru":
            text = text.replace(",", NBSP).replace(".", ",")
        return (MINUS if rounded < 0 else "") + text

    def significant(self, value: float | None, figures: int = 3, most: int = 2) -> str:
        """Three significant figures for tiles: 83,8; 742; 1 240; never more than `most` decimals, never powers of ten."""
        return self.number(value, self.decimals(value, figures, most))

    @staticmethod
    def decimals(value: float | None, figures: int = 3, most: int = 2) -> int:
        """Decimals that leave `figures` significant figures, 0 to `most`."""
        if value is None or not math.isfinite(value) or value == 0:
            return min(1, most)
        return max(0, min(most, figures - 1 - math.floor(math.log10(abs(value)))))

    def power(self, kw: float | None) -> str:
        """kW on tiles and cards: one decimal under 100, none above."""
        return self.number(kw, 1 if kw is None or abs(kw) < 99.95 else 0)

    def percent(self, share: float | None, digits: int = 1) -> str:
        """`share` 1 is 100 %; the sign is set off in Russian. 100 % is only said of all: 0.9999 reads 99,9 %."""
        if share is None or not math.isfinite(share):
            return MISSING
        shown = share * 100
        if share < 1 and round(shown, digits) >= 100:
            shown = 100 - 10**-digits
        return self.number(shown, digits) + (NBSP + "%" if self.lang == "ru" else "%")

    def kef(self, value: float | None) -> str:
        return self.number(value, 2)

    def energy(self, kwh: float | None) -> tuple[str, str]:
        """Figure and unit: kWh, from 10 000 on MWh."""
        if kwh is not None and abs(kwh) >= 10_000:
            return self.significant(kwh / 1000), self.unit("MWh")
        return self.significant(kwh, most=1), self.unit("kWh")

    def money(self, amount: float | None, like: float | None = None) -> tuple[str, str]:
        """Figure and unit: whole currency units, thousands from 1 000, millions from a million on; with `like`, in its unit."""
        if amount is None:
            return MISSING, self.currency
        for floor, key in ((1e6, "unit.million"), (1e3, "unit.thousand")):
            if abs(amount if like is None else like) >= floor:
                return self.significant(amount / floor), f"{t(key, self.lang)}{NBSP}{self.currency}"
        return self.number(amount, 0), self.currency

    def unit(self, code: str) -> str:
        """The unit as written in this language; one without an entry stays as it is."""
        key = f"unit.{code}"
        return t(key, self.lang) if has(key, self.lang) else code

    def value(self, value: float | None, unit: str, digits: int | None = None) -> str:
        """Figure with its unit: "78,4 А"; minutes and seconds from ten on are told whole."""
        whole = unit in {"min", "s"} and value is not None and abs(value) >= 10
        figure = self.number(value, (0 if whole else self.decimals(value)) if digits is None else digits)
        return f"{figure}{NBSP}{self.unit(unit)}" if unit and unit != "1" else figure

    # ---- times ---------------------------------------------------------------------------------------------------
    def local(self, time_us: int) -> datetime:
        return datetime.fromtimestamp(time_us / _US, UTC).astimezone(self.zone)

    def clock(self, time_us: int, seconds: bool = False) -> str:
        """13:42 or 13:42:08, in the site's zone."""
        return self.local(time_us).strftime("%H:%M:%S" if seconds else "%H:%M")

    def day(self, time_us: int) -> str:
        return self.date(self.local(time_us).date())

    def date(self, day: date) -> str:
        """19.11.2026 in Russian, 19 Nov 2026 in English."""
        return day.strftime("%d.%m.%Y") if self.lang == "ru" else f"{day.day} {t(f'month.{day.month}', 'en')} {day.year}"

    def moment(self, time_us: int, now_us: int) -> str:
        """Time of day, with the date when it is not today."""
        same = self.local(time_us).date() == self.local(now_us).date()
        return self.clock(time_us) if same else f"{self.day(time_us)} {self.clock(time_us)}"

    def duration(self, seconds: float, coarse: bool = False) -> str:
        """6 с, 11 мин, 1 ч 32 мин, 3 д 4 ч; `coarse` gives the first part only."""
        whole = max(0, int(seconds))
        if whole < 60:
            return self._parts((whole, "s"))
        minutes, hours, days = whole // 60, whole // 3600, whole // 86400
        if minutes < 60:
            return self._parts((minutes, "min"))
        if hours < 24:
            return self._parts((hours, "h"), (0 if coarse else minutes % 60, "min"))
        return self._parts((days, "d"), (0 if coarse else hours % 24, "h"))

    def _parts(self, *parts: tuple[int, str]) -> str:
        shown = [t(f"duration.{name}", self.lang, v=value) for i, (value, name) in enumerate(parts) if value or i == 0]
        return NBSP.join(shown) if self.lang == "ru" else " ".join(shown)

    def signed(self, value: float, digits: int) -> str:
        """Amount of a delta with its triangle; the word of meaning is the caller's."""
        if round(abs(value), digits) == 0:
            return self.number(0, digits)
        return ("▲" if value > 0 else "▼") + NBSP + self.number(abs(value), digits)
