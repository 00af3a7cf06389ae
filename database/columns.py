"""Samples in columns: the form in which they wait, lie in the journal and reach the tables. No object per sample."""

from __future__ import annotations

import json
import logging
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.quality import FIRST_BAD
from domain.sample import Batch, TagId, TextSample

log = logging.getLogger(__name__)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LARGEST_TAG = 2**31 - 1
LATEST_US = 253_402_300_800_000_000  # year 10000
HIGHEST_QUALITY = 127
MINUTE_US = 60_000_000
PLAIN_BELOW_BYTES = 512  # smaller blocks are not worth compressing
_BLOCK = struct.Struct("<IIIIB")  # batches, plans, plan entries, length of the texts, 1 when compressed


@dataclass(frozen=True, slots=True)
class Columns:
    """Parallel columns of samples in order of arrival; `values` NaN where there is none."""

    tag_ids: Ints
    times_us: Ints
    values: Floats
    qualities: Ints
    texts: tuple[TextSample, ...] = ()

    def __len__(self) -> int:
        return len(self.tag_ids)

    def take(self, index: Any) -> Columns:
        """The samples at `index`, without texts."""
        return Columns(self.tag_ids[index], self.times_us[index], self.values[index], self.qualities[index])

    def rows(self) -> list[tuple[int, int, float | None, int]]:
        """(tag_id, time_us, value or None, quality) for a database driver."""
        values: list[float | None] = self.values.tolist()
        for i in np.flatnonzero(np.isnan(self.values)).tolist():
            values[i] = None
        return list(zip(self.tag_ids.tolist(), self.times_us.tolist(), values, self.qualities.tolist(), strict=True))

    @property
    def span_us(self) -> tuple[int, int]:
        """Oldest and newest time; (0, 0) without samples."""
        if not len(self):
            return 0, 0
        return int(self.times_us.min()), int(self.times_us.max())


EMPTY = Columns(*(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.int64)))


class PlanCache:
    """Tag ids of a plan as an array, found by the identity of the tuple that its batches share."""

    LIMIT = 10_000

    def __init__(self) -> None:
        self._known: dict[int, tuple[Sequence[TagId], Ints]] = {}

    def array(self, tag_ids: tuple[TagId, ...]) -> Ints:
        found = self._known.get(id(tag_ids))
        if found is None or found[0] is not tag_ids:
            if len(self._known) >= self.LIMIT:
                self._known.clear()
            found = self._known[id(tag_ids)] = (tag_ids, np.array(tag_ids, np.int64))
        return found[1]


def encode(batches: Sequence[Batch], plans: PlanCache) -> tuple[Columns, bytes]:
    """Columns of the batches, and the same as bytes for the journal. A plan's tag ids are written once, however often it comes.

    Raises ValueError or TypeError when a value is no number.
    """
    values: list[float | None] = []
    qualities: list[int] = []
    arrays: list[Ints] = []
    order: list[int] = []
    plan_numbers: dict[int, int] = {}
    texts: list[TextSample] = []
    for batch in batches:
        values.extend(batch.values)
        qualities.extend(batch.qualities)
        texts.extend(map(_storable, batch.texts))
        array = plans.array(batch.tag_ids)
        number = plan_numbers.setdefault(id(array), len(plan_numbers))
        if number == len(arrays):
            arrays.append(array)
        order.append(number)
    lengths = np.array([len(arrays[number]) for number in order], np.int64)
    times = np.array([batch.time_us for batch in batches], np.int64)
    columns = Columns(
        np.concatenate([arrays[number] for number in order]) if order else EMPTY.tag_ids,
        np.repeat(times, lengths), np.array(values, np.float64), np.array(qualities, np.int64), tuple(texts),
    )
    words = json.dumps([[t.tag_id, t.time_us, t.text] for t in texts], ensure_ascii=False).encode() if texts else b""
    body = b"".join((
        np.array([len(array) for array in arrays], np.uint32).tobytes(),
        np.concatenate(arrays).tobytes() if arrays else b"",
        np.array(order, np.uint32).tobytes(), times.tobytes(), columns.values.tobytes(),
        columns.qualities.astype(np.int16).tobytes(), words,
    ))
    squeeze = len(body) >= PLAIN_BELOW_BYTES
    head = _BLOCK.pack(len(batches), len(arrays), sum(len(array) for array in arrays), len(words), squeeze)
    return columns, head + (zlib.compress(body, 1) if squeeze else body)


def _storable(text: TextSample) -> TextSample:
    """Half of a surrogate pair, as JSON may bring it, is no character anywhere: it shows as unknown in the text."""
    try:
        text.text.encode()
    except UnicodeEncodeError:
        return TextSample(text.tag_id, text.time_us, text.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return text


def encode_sound(batches: Sequence[Batch], plans: PlanCache) -> tuple[list[Batch], Columns, bytes]:
    """As `encode`, with the batches that it holds: a value that is no number costs its batch only, which is logged (P7)."""
    try:
        return list(batches), *encode(batches, plans)
    except (ValueError, TypeError, OverflowError):
        good = [batch for batch in batches if _sound(batch, plans)]
        return good, *encode(good, plans)


def _sound(batch: Batch, plans: PlanCache) -> bool:
    try:
        encode([batch], plans)
    except (ValueError, TypeError, OverflowError) as exc:
        log.error("batch of %s holds a value that is no number: %s", batch.device_id, exc)
        return False
    return True


def decode(block: bytes) -> Columns:
    """The inverse of `encode`. Raises ValueError when the block makes no sense."""
    try:
        batches, plans, entries, words, squeezed = _BLOCK.unpack_from(block)
        body = memoryview(zlib.decompress(block[_BLOCK.size :]) if squeezed else block[_BLOCK.size :])
    except (struct.error, zlib.error) as exc:
        raise ValueError(f"no block of samples: {exc}") from exc
    at = 0

    def column(kind: Any, count: int) -> Any:
        nonlocal at
        found = np.frombuffer(body, kind, count, at)
        at += found.nbytes
        return found

    plan_lengths = column(np.uint32, plans).astype(np.int64)
    ends = np.cumsum(plan_lengths)
    flat = column(np.int64, entries)
    order = column(np.uint32, batches)
    times = column(np.int64, batches)
    pieces = [flat[ends[number] - plan_lengths[number] : ends[number]] for number in order.tolist()]
    tag_ids = np.concatenate(pieces) if pieces else EMPTY.tag_ids
    values = column(np.float64, len(tag_ids))
    qualities = column(np.int16, len(tag_ids)).astype(np.int64)
    texts = json.loads(bytes(body[at : at + words])) if words else ()
    lengths = plan_lengths[order] if batches else EMPTY.times_us
    return Columns(
        tag_ids, np.repeat(times, lengths), values, qualities, tuple(TextSample(TagId(t), us, text) for t, us, text in texts)
    )


def join(parts: Iterable[Columns]) -> Columns:
    """One after the other."""
    found = list(parts)
    if len(found) == 1:
        return found[0]
    if not found:
        return EMPTY
    return Columns(
        np.concatenate([c.tag_ids for c in found]), np.concatenate([c.times_us for c in found]),
        np.concatenate([c.values for c in found]), np.concatenate([c.qualities for c in found]),
        tuple(text for c in found for text in c.texts),
    )


def settle(columns: Columns) -> Columns:
    """Sorted by tag and time, of two samples with one identity the later arrival: what the table is to hold."""
    order = np.lexsort((columns.times_us, columns.tag_ids))  # stable
    tags, times = columns.tag_ids[order], columns.times_us[order]
    last = np.ones(len(order), np.bool_)
    last[:-1] = (tags[1:] != tags[:-1]) | (times[1:] != times[:-1])
    return columns.take(order[last])


def refuse(columns: Columns) -> tuple[Columns, list[tuple[int, int, str, int, str]]]:
    """Take out what no table can hold; the rest, and (tag_id, time_us, value as text, quality, reason) of each refused."""
    bad = columns.qualities >= FIRST_BAD
    number = np.isfinite(columns.values)
    wrong = {
        "tag id out of range": (columns.tag_ids < 1) | (columns.tag_ids > LARGEST_TAG),
        "time out of range": (columns.times_us < 0) | (columns.times_us >= LATEST_US),
        "quality out of range": (columns.qualities < 0) | (columns.qualities > HIGHEST_QUALITY),
        "no finite value although the quality is not bad": ~number & ~bad,
        "not a finite value": ~number & ~np.isnan(columns.values) & bad,
    }
    refused = np.logical_or.reduce(list(wrong.values()))
    if not refused.any():
        return columns, []
    rows = []
    for i in np.flatnonzero(refused).tolist():
        reason = "; ".join(name for name, mask in wrong.items() if mask[i])
        tag_id, time_us, quality = int(columns.tag_ids[i]), int(columns.times_us[i]), int(columns.qualities[i])
        rows.append((tag_id, time_us, repr(float(columns.values[i])), quality, reason))
    kept = columns.take(~refused)
    return Columns(kept.tag_ids, kept.times_us, kept.values, kept.qualities, columns.texts), rows


def minutes_touched(columns: Columns) -> list[tuple[int, int]]:
    """(tag_id, begin of the minute) of sorted samples, each once."""
    if not len(columns):
        return []
    minutes = columns.times_us // MINUTE_US * MINUTE_US
    first = np.ones(len(columns), np.bool_)
    first[1:] = (columns.tag_ids[1:] != columns.tag_ids[:-1]) | (minutes[1:] != minutes[:-1])
    return list(zip(columns.tag_ids[first].tolist(), minutes[first].tolist(), strict=True))
