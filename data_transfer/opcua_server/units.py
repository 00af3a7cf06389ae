"""Engineering units as OPC UA clients know them: EUInformation with the common codes of UNECE Recommendation 20.

Source: OPC 10000-8, 5.6.3; the unit id is the code's characters as one number.
"""

from __future__ import annotations

from typing import Final

from asyncua import ua

NAMESPACE: Final = "http://www.opcfoundation.org/UA/units/un/cefact"

_CODES: Final = {
    "W": ("WTT", "watt"), "kW": ("KWT", "kilowatt"), "kvar": ("KVR", "kilovar"), "kVA": ("KVA", "kilovolt - ampere"),
    "V": ("VLT", "volt"), "A": ("AMP", "ampere"), "Hz": ("HTZ", "hertz"), "Wh": ("WHR", "watt hour"),
    "kWh": ("KWH", "kilowatt hour"), "kvarh": ("K3", "kilovolt ampere reactive hour"), "1": ("C62", "one"),
    "°": ("DD", "degree [unit of angle]"), "%": ("P1", "percent"), "°C": ("CEL", "degree Celsius"),
    "1/min": ("RPM", "revolutions per minute"), "mm/min": ("H81", "millimetre per minute"), "s": ("SEC", "second [unit of time]"),
    "bar": ("BAR", "bar [unit of pressure]"), "m³/h": ("MQH", "cubic metre per hour"), "mm": ("MMT", "millimetre"),
    "m": ("MTR", "metre"), "kg": ("KGM", "kilogram"), "l": ("LTR", "litre"), "N": ("NEW", "newton"),
    "min": ("MIN", "minute [unit of time]"), "h": ("HUR", "hour"), "mV": ("2Z", "millivolt"), "mA": ("4K", "milliampere"),
}  # fmt: skip


def unit_id(code: str) -> int:
    """The number of a common code: its characters, the first the highest byte."""
    number = 0
    for char in code:
        number = number << 8 | ord(char)
    return number


def engineering_unit(unit: str) -> ua.EUInformation | None:
    """None for what has no unit. A unit without a common code has -1 and its name."""
    if not unit:
        return None
    code, words = _CODES.get(unit, ("", unit))
    return ua.EUInformation(
        NamespaceUri=NAMESPACE if code else "", UnitId=unit_id(code) if code else -1, DisplayName=ua.LocalizedText(unit),
        Description=ua.LocalizedText(words),
    )  # fmt: skip
