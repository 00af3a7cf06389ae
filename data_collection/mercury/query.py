"""What can be asked of a Mercury meter, by the names that profiles use (query and item). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from data_collection.mercury import codec, decode
from data_collection.mercury.codec import Request

Decoded = Mapping[str, float | str | None]
REQUEST_BYTES: Final = 4  # address, command, CRC


@dataclass(frozen=True, slots=True)
class Query:
    """One request and the items its reply brings. `decode` raises DecodeError."""

    name: str
    items: frozenset[str]
    build: Callable[[int], Request]
    decode: Callable[[bytes], Decoded]

    @property
    def reply_bytes(self) -> int:
        """Data bytes of the usual reply."""
        return self.build(1).reply_bytes[0]

    @property
    def wire_bytes(self) -> int:
        """Request and reply with address and CRC."""
        return len(self.build(1).frame) + self.reply_bytes + 3


@dataclass(frozen=True, slots=True)
class Bundle:
    """A long query that brings what several short ones would, on meters that know it."""

    whole: Query
    parts: tuple[Query, ...]


def _phases(prefix: str) -> frozenset[str]:
    return frozenset(f"{prefix}_{p}" for p in decode.PHASES)


def _group(name: str, bwri: int, items: frozenset[str]) -> Query:
    return Query(name, items, lambda address: codec.group(address, bwri), decode.GROUPS[bwri])


P = _group("p", 0x00, _phases("p") | {"p_sum"})
Q = _group("q", 0x04, _phases("q") | {"q_sum"})
S = _group("s", 0x08, _phases("s") | {"s_sum"})
U = _group("u", 0x11, _phases("u"))
I = _group("i", 0x21, _phases("i"))  # noqa: E741 (the letter every electrician reads)
PF = _group("pf", 0x30, _phases("pf") | {"pf_sum"})
F = _group("f", 0x40, frozenset({"f"}))
ANGLES = _group("angles", 0x51, frozenset({"angle_12", "angle_13", "angle_23"}))
DISTORTION = _group("thd", 0x61, _phases("thd_u"))
TEMPERATURE = _group("temperature", 0x70, frozenset({"temperature"}))
U_LINE = _group("u_line", 0x81, frozenset({"u_l12", "u_l23", "u_l13"}))
INSTANT: Final = (P, U, Q, I, S, ANGLES, PF, DISTORTION, F, U_LINE, TEMPERATURE)
ALL: Final = _group("all", codec.ALL, frozenset().union(*(q.items for q in INSTANT)))


def _energy(tariff: int) -> Query:
    suffix = f"_t{tariff}" if tariff else ""
    items = frozenset(name + suffix for name in decode.ENERGIES)
    return Query(
        "energy" + suffix, items, lambda address: codec.energy(address, tariff=tariff),
        lambda data: decode.energies(data, suffix),
    )  # fmt: skip


ENERGY: Final = tuple(_energy(tariff) for tariff in range(5))
ENERGY_ALL: Final = Query(
    "energy_all", frozenset().union(*(q.items for q in ENERGY)), lambda address: codec.energy(address, tariff=6),
    decode.energies_by_tariff,
)  # fmt: skip
ENERGY_PHASES: Final = Query(
    "energy_phase", _phases("a_plus"), lambda address: codec.energy(address, 6), decode.energies_by_phase
)
QUADRANTS: Final = Query("reactive", frozenset({"r1", "r2", "r3", "r4"}), codec.quadrants, decode.quadrants)


def _ratio_items(data: bytes) -> Decoded:
    found = decode.ratios(data)
    return {"kn_meter": float(found.kn), "kt_meter": float(found.kt)}


RATIOS: Final = Query("ratios", frozenset({"kn_meter", "kt_meter"}), lambda a: codec.parameter(a, 0x02), _ratio_items)


def _serial_items(data: bytes) -> Decoded:
    found = decode.serial(data)
    return {"serial": found.number, "made": found.made.isoformat() if found.made else ""}


SERIAL: Final = Query("serial", frozenset({"serial", "made"}), codec.serial, _serial_items)
FIRMWARE: Final = Query(
    "firmware", frozenset({"version"}), lambda a: codec.parameter(a, 0x03), lambda d: {"version": decode.firmware(d)}
)


def _variant_items(data: bytes) -> Decoded:
    v = decode.variant(data)
    return {
        "variant": v.raw, "nominal_v": v.nominal_v, "nominal_a": v.nominal_a,
        "constant": None if v.constant is None else float(v.constant), "two_directions": float(v.two_directions),
    }  # fmt: skip


VARIANT: Final = Query(
    "variant", frozenset({"variant", "nominal_v", "nominal_a", "constant", "two_directions"}),
    lambda a: codec.parameter(a, 0x12), _variant_items,
)  # fmt: skip


def _passport_items(data: bytes) -> Decoded:
    found = decode.passport(data)
    made = found.serial.made.isoformat() if found.serial.made else ""
    return {"serial": found.serial.number, "made": made, "version": found.firmware, "variant": found.variant.raw}


PASSPORT: Final = Query(
    "passport", frozenset({"serial", "made", "version", "variant"}), lambda a: codec.parameter(a, 0x01), _passport_items
)


def _clock_items(data: bytes) -> Decoded:
    """`drift` is added by who knows when the meter was asked."""
    return {"time": decode.clock(data).at.isoformat(sep=" ")}


CLOCK: Final = Query("clock", frozenset({"time"}), codec.clock, _clock_items)


def _status_items(data: bytes) -> Decoded:
    return {"errors": " ".join(decode.status_word(data)) or "OK"}


STATUS: Final = Query("status", frozenset({"errors"}), lambda a: codec.parameter(a, 0x0A), _status_items)

FAMILIES: Final[Mapping[str, tuple[Query, ...]]] = {
    "instant": INSTANT, "energy": ENERGY, "energy_phase": (ENERGY_PHASES,), "reactive": (QUADRANTS,), "ratios": (RATIOS,),
    "passport": (PASSPORT,), "serial": (SERIAL,), "firmware": (FIRMWARE,), "variant": (VARIANT,), "clock": (CLOCK,),
    "status": (STATUS,),
}  # fmt: skip
"""The queries behind each name a profile may use in `query`."""

DERIVED: Final[Mapping[str, Mapping[str, Query]]] = {
    "ratios": {"kn": RATIOS, "kt": RATIOS},  # what is applied: the meter's own, or the override
    "clock": {"drift": CLOCK},
}
"""Items that the client makes of a query's reply."""

TEXT_ITEMS: Final = frozenset({"serial", "made", "version", "variant", "time", "errors"})
_UNITS: Final = (
    ("pf_", "1"), ("p_", "W"), ("q_", "var"), ("s_", "VA"), ("u_", "V"), ("i_", "A"), ("f", "Hz"), ("angle_", "°"),
    ("thd_u", "%"), ("temperature", "°C"), ("a_", "Wh"), ("r_", "varh"), ("nominal_v", "V"), ("nominal_a", "A"),
    ("constant", "imp/kWh"), ("drift", "s"),
)  # fmt: skip


def unit_of(item: str) -> str:
    """The unit a decoded item comes in; "1" for bare numbers, "" for texts."""
    if item in TEXT_ITEMS:
        return ""
    if item in {"r1", "r2", "r3", "r4"}:
        return "varh"
    return next((unit for start, unit in _UNITS if item.startswith(start)), "1")


def find(query: str, item: str) -> Query:
    """The query that brings `item`. Raises KeyError."""
    for candidate in FAMILIES[query]:
        if item in candidate.items:
            return candidate
    return DERIVED[query][item]
