"""Sums of the idle ledger: by machine, shift and reason, and who wasted most. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analysis.prices import cost_of_stretch
from analysis.tariff import PriceBook
from domain.figures import IdleEntry, IdleSum, Waster
from domain.idle import IdleNote, IdlePiece


def entry_of(piece: IdlePiece, book: PriceBook, notes: Sequence[IdleNote], *, running: bool = False) -> IdleEntry:
    """The piece with its money and the newest note on it."""
    mine = [n for n in notes if n.machine_id == piece.machine_id and n.from_us < piece.to_us and n.to_us > piece.from_us]
    note = max(mine, key=lambda n: n.written_us, default=None)
    return IdleEntry(
        piece.machine_id, piece.from_us, piece.to_us, piece.reason, piece.shift, piece.shift_day, piece.energy_kwh,
        piece.estimated_kwh, cost_of_stretch(book, piece.from_us, piece.to_us, piece.energy_kwh),
        note.text if note else "", note.author if note else "", running,
    )  # fmt: skip


def sums_of(entries: Iterable[IdleEntry]) -> list[IdleSum]:
    """By machine, shift and reason; the most energy first."""
    groups: dict[tuple[str, str, str], list[IdleEntry]] = {}
    for entry in entries:
        groups.setdefault((entry.machine_id, entry.shift, entry.reason), []).append(entry)
    found = [
        IdleSum(*key, sum(e.seconds for e in mine) / 3600.0, _energy(mine), _cost(mine), len(mine))
        for key, mine in groups.items()
    ]
    return sorted(found, key=lambda s: (-s.energy_kwh, s.machine_id, s.shift, s.reason))


def waster_of(entries: Sequence[IdleEntry]) -> Waster | None:
    """The machine whose idling cost most (used most where nothing is priced); None when nobody idled."""
    groups: dict[str, list[IdleEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.machine_id, []).append(entry)
    if not groups:
        return None
    priced = any(entry.cost for entry in entries)
    machine_id = max(groups, key=lambda m: (_cost(groups[m]) or 0.0) if priced else _energy(groups[m]))
    mine, total = groups[machine_id], _energy(entries)
    if _energy(mine) <= 0:
        return None
    reasons: dict[str, float] = {}
    for entry in mine:
        reasons[entry.reason] = reasons.get(entry.reason, 0.0) + (entry.energy_kwh or 0.0)
    ordered = dict(sorted(reasons.items(), key=lambda item: -item[1]))
    longest = max(mine, key=lambda e: e.energy_kwh or 0.0)
    hours = sum(e.seconds for e in mine) / 3600.0
    return Waster(machine_id, longest, hours, _energy(mine), _cost(mine), _energy(mine) / total if total else 0.0, ordered)


def _energy(entries: Iterable[IdleEntry]) -> float:
    return sum(entry.energy_kwh or 0.0 for entry in entries)


def _cost(entries: Iterable[IdleEntry]) -> float | None:
    priced = [entry.cost for entry in entries if entry.cost is not None]
    return sum(priced) if priced else None
