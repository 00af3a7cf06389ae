"""What a Mercury meter measures, and how it puts that into bytes. Pure.

Written from the vendor's description alone, apart from the product's decoder, so that each checks the other.
Source: Incotex, "Описание системы команд приборов учета Меркурий", 05.2023, sections 4.3 and 4.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

Number = float | None
"""None: not measured; goes out as FF in every byte."""

_ENERGY_TAGS = ("energy_import", "energy_export", "reactive_energy_import", "reactive_energy_export")


@dataclass(frozen=True, slots=True)
class MeterValues:
    """Secondary values, as they are at the meter's terminals. Order: sum, L1, L2, L3 where there is a sum, else L1, L2, L3.

    W, var, VA, V, A, Hz, degrees (between L1-L2, L1-L3, L2-L3), percent, degrees Celsius, Wh and varh.
    `energy`: by tariff 0 (sum) to 4: A+, A-, R+, R-. `energy_phase`: A+ per phase.
    """

    p: Sequence[Number] = (0.0, 0.0, 0.0, 0.0)
    q: Sequence[Number] = (0.0, 0.0, 0.0, 0.0)
    s: Sequence[Number] = (0.0, 0.0, 0.0, 0.0)
    pf: Sequence[Number] = (1.0, 1.0, 1.0, 1.0)
    u: Sequence[Number] = (230.0, 230.0, 230.0)
    i: Sequence[Number] = (0.0, 0.0, 0.0)
    f: Number = 50.0
    angle: Sequence[Number] = (120.0, 240.0, 120.0)
    thd_u: Sequence[Number] = (1.5, 1.6, 1.7)
    temperature: Number = 25.0
    u_line: Sequence[Number] = (398.4, 398.4, 398.4)
    energy: Mapping[int, Sequence[Number]] = field(default_factory=dict)
    energy_phase: Sequence[Number] = (0.0, 0.0, 0.0)

    @classmethod
    def from_tags(cls, tags: Mapping[str, object], kn: float = 1.0, kt: float = 1.0) -> MeterValues:
        """From primary values by standard tag names in canonical units (kW, kWh ...): what flows through the transformers."""

        def get(name: str, factor: float, default: Number) -> Number:
            value = tags.get(name, default)
            return value * factor if isinstance(value, int | float) else None

        def row(names: Iterable[str], factor: float, default: Number) -> tuple[Number, ...]:
            return tuple(get(name, factor, None if default is None else default / factor) for name in names)

        def phased(name: str) -> tuple[str, ...]:
            return (name, *(f"{name}_l{n}" for n in (1, 2, 3)))

        to_w, zero = 1e3 / (kn * kt), 0.0
        energy = {0: row(_ENERGY_TAGS, to_w, zero)}
        for tariff in (1, 2, 3, 4):
            energy[tariff] = row((f"{name}_t{tariff}" for name in _ENERGY_TAGS), to_w, zero)
        return cls(
            p=row(phased("active_power"), to_w, zero), q=row(phased("reactive_power"), to_w, zero),
            s=row(phased("apparent_power"), to_w, zero), pf=row(phased("power_factor"), 1.0, 1.0),
            u=row(phased("voltage")[1:], 1 / kn, 230.0), i=row(phased("current")[1:], 1 / kt, zero),
            f=get("frequency", 1.0, 50.0),
            angle=tuple(get(f"voltage_angle_l{n}", 1.0, d) for n, d in (("12", 120.0), ("13", 240.0), ("23", 120.0))),
            thd_u=row(phased("thd_voltage")[1:], 1.0, 1.5), temperature=get("temperature", 1.0, 25.0),
            u_line=row(("voltage_l12", "voltage_l23", "voltage_l31"), 1 / kn, 398.4),
            energy=energy, energy_phase=row(phased("energy_import")[1:], to_w, zero),
        )  # fmt: skip

    def one_direction(self) -> MeterValues:
        """A meter without export: A- and R- are masked."""
        return replace(self, energy={t: (e[0], None, e[2], None) for t, e in self.energy.items()})


def three(value: Number, divisor: float, directions: int = 0) -> bytes:
    """3 bytes, order 1-3-2; `directions`: bits 7 (active) and 6 (reactive) of the first."""
    if value is None:
        return b"\xff\xff\xff"
    raw = min(round(abs(value) * divisor), 0x3FFFFF)
    return bytes((raw >> 16 | directions, raw & 0xFF, raw >> 8 & 0xFF))


def four(value: Number) -> bytes:
    """4 bytes, order 2-1-4-3: whole Wh or varh, cut, not rounded: a counter shows what is complete."""
    if value is None:
        return b"\xff\xff\xff\xff"
    raw = int(value + 1e-6) & 0xFFFFFFFF
    return bytes((raw >> 16 & 0xFF, raw >> 24, raw & 0xFF, raw >> 8 & 0xFF))


def four_power(value: Number, directions: int) -> bytes:
    """Power in 14h: like a counter, directions in the second byte."""
    if value is None:
        return b"\xff\xff\xff\xff"
    raw = min(round(abs(value) * 100), 0x3FFFFFFF)
    return bytes((raw >> 16 & 0xFF, raw >> 24 | directions, raw & 0xFF, raw >> 8 & 0xFF))


def _directions(values: MeterValues) -> tuple[int, ...]:
    """For sum, L1, L2, L3: bit 7 active power flows back, bit 6 reactive."""
    return tuple(
        (0x80 if p is not None and p < 0 else 0) | (0x40 if q is not None and q < 0 else 0)
        for p, q in zip(values.p, values.q, strict=True)
    )


def _row(values: Sequence[Number], divisor: float) -> bytes:
    return b"".join(three(v, divisor) for v in values)


def power_rows(values: MeterValues) -> Mapping[int, bytes]:
    """P, Q, S as 16h sends them, by their BWRI byte."""
    bits = _directions(values)
    rows = ((0x00, values.p), (0x04, values.q), (0x08, values.s))
    return {bwri: b"".join(three(v, 100, b) for v, b in zip(row, bits, strict=True)) for bwri, row in rows}


def fixed_power_rows(values: MeterValues) -> Mapping[int, bytes]:
    """P, Q, S as 14h sends them."""
    bits = _directions(values)
    rows = ((0x00, values.p), (0x04, values.q), (0x08, values.s))
    return {bwri: b"".join(four_power(v, b) for v, b in zip(row, bits, strict=True)) for bwri, row in rows}


def other_rows(values: MeterValues) -> dict[int, bytes]:
    """Everything but power, as 16h and 14h send it, by its BWRI byte. 30h: sum and phases."""
    bits = _directions(values)
    factors = b"".join(three(v, 1000, b & 0x80) for v, b in zip(values.pf, bits, strict=True))
    return {
        0x11: _row(values.u, 100), 0x21: _row(values.i, 1000), 0x30: factors, 0x40: three(values.f, 100),
        0x51: _row(values.angle, 100),
        0x61: b"".join(b"\xff\xff" if v is None else round(100 * v).to_bytes(2, "little") for v in values.thd_u),
        0x70: b"\xff\xff" if values.temperature is None else round(values.temperature).to_bytes(2, "big", signed=True),
        # on the wire 12, 23, 13
        0x81: _row(values.u_line, 100),
    }  # fmt: skip


def group_rows(values: MeterValues) -> dict[int, bytes]:
    """All replies of 16h by their BWRI byte, A0h with line voltages (95 bytes)."""
    rows = {**power_rows(values), **other_rows(values)}
    order = (0x00, 0x04, 0x08, 0x11, 0x51, 0x21, 0x30, 0x40, 0x61, 0x70, 0x81)
    rows[0xA0] = b"".join(rows[bwri] for bwri in order)
    return rows


def one_row(values: MeterValues, bwri: int) -> bytes | None:
    """The single value of 11h, None where there is no such measurement."""
    rows = group_rows(values)
    kind, phase = bwri >> 4, bwri & 3
    if kind == 0:
        row, at, size = rows.get(bwri & 0x0C), phase, 3
    elif kind == 3:
        row, at, size = rows[0x30], phase, 3
    elif kind in {4, 7}:
        row, at, size = rows.get(bwri), 0, 3 if kind == 4 else 2
    elif kind in {1, 2, 5, 6, 8} and phase:
        row, at, size = rows[kind << 4 | 1], phase - 1, 2 if kind == 6 else 3
    else:
        return None
    return None if row is None else row[at * size : (at + 1) * size]


def energy_row(energy: Sequence[Number]) -> bytes:
    """A+, A-, R+, R-."""
    return b"".join(four(v) for v in energy)


def fixed_row(values: MeterValues, when: bytes) -> bytes:
    """14h A0h: time, energies T1 to T4 and sum, then power and the rest; 178 bytes."""
    nothing = (0.0, 0.0, 0.0, 0.0)
    energies = b"".join(energy_row(values.energy.get(tariff, nothing)) for tariff in (1, 2, 3, 4, 0))
    power, other = fixed_power_rows(values), other_rows(values)
    rest = b"".join(other[bwri] for bwri in (0x11, 0x51, 0x21, 0x30, 0x40))
    return when + energies + power[0] + power[4] + power[8] + rest
