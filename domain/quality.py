"""Quality of a value with its reason, as one small integer (fits a TINYINT; ordered: good < uncertain < bad)."""

from __future__ import annotations

from enum import IntEnum


class Quality(IntEnum):
    """0 good; 1..63 uncertain (value present); 64..127 bad (value None)."""

    GOOD = 0
    # uncertain: a value is there, trust it less
    OUT_OF_RANGE = 1
    SPIKE = 2
    RATE_OF_CHANGE = 3
    FROZEN = 4
    HELD = 5
    ESTIMATED = 6
    COUNTER_RESET = 7
    COUNTER_JUMP = 8
    INCONSISTENT = 9
    CLOCK = 10
    # bad: no value
    NO_COMMUNICATION = 64
    TIMEOUT = 65
    LINE_DOWN = 66
    REFUSED = 67
    DECODE_ERROR = 68
    NO_VALUE = 69  # the device itself says it has none (sentinel, FF..FF, NaN)
    ACCESS_DENIED = 70
    DEVICE_FAULT = 71
    DISABLED = 72
    INTERNAL = 73
    DIVISION_BY_ZERO = 74  # of a virtual tag's formula

    @property
    def is_good(self) -> bool:
        return self == 0

    @property
    def is_bad(self) -> bool:
        return self >= FIRST_BAD

    @property
    def grade(self) -> str:
        """"good", "uncertain" or "bad"."""
        return "good" if self == 0 else "bad" if self >= FIRST_BAD else "uncertain"

    @property
    def reason(self) -> str | None:
        """Stable lower-case name of the reason (translated in the message catalogues as quality.<reason>), None when good."""
        return None if self == 0 else self.name.lower()


FIRST_BAD = 64
