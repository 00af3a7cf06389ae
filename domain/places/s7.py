"""Where a point of a Siemens S7 controller lies: an absolute address as STEP 7 and TIA Portal write it, and its type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.places import Place

SIZES: Final[Mapping[str, int]] = {
    "BOOL": 1, "BYTE": 1, "USINT": 1, "SINT": 1, "CHAR": 1, "WORD": 2, "UINT": 2, "INT": 2, "WCHAR": 2, "DWORD": 4, "UDINT": 4,
    "DINT": 4, "REAL": 4, "LWORD": 8, "ULINT": 8, "LINT": 8, "LREAL": 8, "TIME": 4, "LTIME": 8, "S5TIME": 2, "DATE": 2,
    "TOD": 4, "LTOD": 8, "DT": 8, "DTL": 12,
}  # fmt: skip
"""Bytes of each type of fixed size. TIME and S5TIME come in ms, LTIME in ns."""
VARIABLE: Final[Mapping[str, tuple[int, int]]] = {"STRING": (2, 1), "WSTRING": (4, 2)}
"""Bytes of the head of a text, and of each character; `length` is the greatest number of characters."""
TEXTS: Final = frozenset({"CHAR", "WCHAR", "DATE", "TOD", "LTOD", "DT", "DTL", *VARIABLE})
WIDTHS: Final[Mapping[str, int]] = {"B": 1, "W": 2, "D": 4}
"""Bytes that the letter of an address names."""
ENCODINGS: Final = ("latin-1", "cp1251", "utf-8")
LAST_BYTE: Final = 65535
ADDRESS_EXAMPLE: Final = "DB10.DBD4, DB10.DBX8.2, MW20, M10.3 or I0.3"
_AREAS: Final = {"M": "M", "I": "I", "E": "I", "Q": "Q", "A": "Q"}  # the German letters too
_DB: Final = re.compile(r"%?DB(?P<db>\d{1,5})\.(?:DB(?P<width>[XBWD]))?(?P<byte>\d{1,5})(?:\.(?P<bit>[0-7]))?\Z", re.IGNORECASE)
_DIRECT: Final = re.compile(r"%?(?P<area>[MIEQA])(?P<width>[BWD])?(?P<byte>\d{1,5})(?:\.(?P<bit>[0-7]))?\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """`area`: DB, M, I or Q; `width`: X, B, W, D or empty where the address names none."""

    area: str
    db: int
    byte: int
    bit: int | None
    width: str = ""


def parsed_address(text: str) -> Address | None:
    """What an address says; None where it is none. With or without %, with international or German letters."""
    match = _DB.match(text.strip())
    area = "DB" if match is not None else ""
    if match is None:
        match = _DIRECT.match(text.strip())
        area = _AREAS[match["area"].upper()] if match is not None else ""
    if match is None:
        return None
    db = int(match["db"]) if area == "DB" else 0
    byte, bit, width = int(match["byte"]), match["bit"], (match["width"] or "").upper()
    if byte > LAST_BYTE or (area == "DB" and not 1 <= db <= 65535) or (width in WIDTHS and bit is not None):
        return None
    if width == "X" and bit is None:
        return None
    return Address(area, db, byte, None if bit is None else int(bit), "" if width == "X" else width)


@dataclass(frozen=True, slots=True)
class S7Place(Place):
    """`address`: DB10.DBD4, DB10.DBX8.2, MW20, I0.3 ...; `type`: one of SIZES or VARIABLE; `length` of a text, characters.

    `encoding` of STRING and CHAR: latin-1, cp1251 (as Russian Windows wrote it) or utf-8.
    """

    address: str
    type: str
    length: int = 0
    encoding: str = "latin-1"

    @property
    def parsed(self) -> Address:
        """Raises ValueError."""
        found = parsed_address(self.address)
        if found is None:
            raise ValueError(f"{self.address!r} is no S7 address; expected such as {ADDRESS_EXAMPLE}")
        return found

    @property
    def size(self) -> int:
        """Bytes it takes."""
        if self.type in VARIABLE:
            head, each = VARIABLE[self.type]
            return head + each * self.length
        return SIZES[self.type]

    @property
    def end(self) -> int:
        """First byte behind it."""
        return self.parsed.byte + self.size

    @property
    def shown(self) -> str:
        return f"{self.address} {self.type}" + (f"[{self.length}]" if self.length else "")
