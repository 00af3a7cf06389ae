"""What was kept, for HistoryRead: samples as they are, and summaries from the roll-ups (OPC 10000-11, OPC 10000-13). Bounded.

A continuation point is the time to go on from: nothing is kept for a client between its requests.
"""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final

from asyncua import ua

from data_transfer.opcua_server.slots import encode
from data_transfer.opcua_server.space import Space
from data_transfer.opcua_server.status import status_of
from data_transfer.opcua_server.tree import NodeSpec
from domain.errors import MonitorError
from domain.ports import History, RawSeries, RollupRow, Step
from domain.sample import TagId

_DATA: Final = ua.FourByteNodeId(ua.ObjectIds.HistoryData_Encoding_DefaultBinary)
_POINT: Final = struct.Struct("<Bq")
_C: Final = ua.StatusCodes
_I: Final = ua.ObjectIds
MOST_NODES: Final = 100
_WIDENINGS: Final = 14
_STEPS: Final = (Step.H1, Step.M15, Step.M1)
_DOUBLE: Final = ua.VariantType.Double
_CALCULATED: Final = 0x0000_0401  # info bits of a status: a data value, calculated

Ask = Callable[[Awaitable[Any]], Awaitable[Any]]
"""Has an awaitable of the product's own loop done there."""


class Reader:
    """In the place of the library's history manager."""

    def __init__(
        self, space: Space, history: History, ask: Ask, most: int, now_us: Callable[[], int], refused: Callable[[str], None]
    ) -> None:
        self._space, self._history, self._ask, self._most = space, history, ask, most
        self._now_us, self._refused = now_us, refused

    async def init(self) -> None:
        """Nothing to begin."""

    async def stop(self) -> None:
        """Nothing to end."""

    async def read_history(self, params: ua.HistoryReadParameters) -> list[ua.HistoryReadResult]:
        """One result a node; what one cannot have is its status alone."""
        nodes = params.NodesToRead
        if len(nodes) > MOST_NODES:
            self._refused("history")
            return [_status(_C.BadTooManyOperations) for _ in nodes]
        if params.ReleaseContinuationPoints:
            return [ua.HistoryReadResult() for _ in nodes]
        most = max(1, self._most // max(1, len(nodes)))
        return [await self._node(params.HistoryReadDetails, node, index, most) for index, node in enumerate(nodes)]

    async def _node(self, details: Any, node: ua.HistoryReadValueId, index: int, most: int) -> ua.HistoryReadResult:
        spec = self._space.tag_of.get(node.NodeId.Identifier) if self._space.slot(node.NodeId) is not None else None
        if spec is None or spec.tag is None:
            return _status(_C.BadNodeIdUnknown if self._space.slot(node.NodeId) is None else _C.BadHistoryOperationUnsupported)
        try:
            if isinstance(details, ua.ReadRawModifiedDetails) and not details.IsReadModified:
                return await self._raw(details, node, spec, spec.tag, most)
            if isinstance(details, ua.ReadProcessedDetails):
                kinds = details.AggregateType
                kind = kinds[index] if index < len(kinds) else ua.NodeId()
                return await self._processed(details, kind, spec.tag, most)
        except MonitorError:
            return _status(_C.BadResourceUnavailable)
        except (ValueError, struct.error, OverflowError):
            return _status(_C.BadContinuationPointInvalid if node.ContinuationPoint else _C.BadInvalidArgument)
        return _status(_C.BadHistoryOperationUnsupported)

    # -- as it was ----------------------------------------------------------------------------------------------------

    async def _raw(
        self, details: ua.ReadRawModifiedDetails, node: ua.HistoryReadValueId, spec: NodeSpec, tag: TagId, most: int
    ) -> ua.HistoryReadResult:
        start, end = _us(details.StartTime), _us(details.EndTime)
        asked = int(details.NumValuesPerNode)
        if (start is None) + (end is None) + (asked == 0) > 1:
            return _status(_C.BadInvalidTimestampArgument)
        count = min(asked or most, most)
        forward = start is not None and (end is None or start <= end)
        low, high = (start, end) if forward else (end, start)
        low, high = low if low is not None else 0, high if high is not None else self._now_us() + 1
        if not forward and start is not None:
            high, low = high + 1, low + 1 if end is not None else low  # the later end is the first one asked for
        elif not forward:
            low, high = 0, end if end is not None else high
        if node.ContinuationPoint:
            towards, at = _POINT.unpack(node.ContinuationPoint)
            if towards != forward:
                raise ValueError("a continuation point of another request")
            low, high = (max(low, at), high) if forward else (low, min(high, at))
        if forward:
            found = await self._ask(self._history.raw(tag, low, high, limit=count + 1))
        else:
            found = await self._back(tag, low, high, count + 1, spec.interval_s)
        more = len(found.times_us) > count
        body = [_encoded(found, i) for i in range(min(count, len(found.times_us)))]
        point = None
        if more:
            point = _POINT.pack(forward, found.times_us[count] if forward else found.times_us[count - 1])
        return _data(body, point)

    async def _back(self, tag: TagId, low: int, high: int, count: int, interval_s: float) -> RawSeries:
        """The newest `count` before `high`, the newest first: windows that widen until there are enough."""
        width = max(60_000_000, int(count * interval_s * 1_200_000))
        limit = 4 * count + 1000
        for _ in range(_WIDENINGS):
            begin = max(low, high - width)
            found = await self._ask(self._history.raw(tag, begin, high, limit=limit))
            size = len(found.times_us)
            if size >= limit:
                width //= 4
                continue
            if size >= count or begin <= low:
                break
            width *= 8
        cut = slice(max(0, size - count), size)
        return RawSeries(tag, found.times_us[cut][::-1], found.values[cut][::-1], found.qualities[cut][::-1])

    # -- summaries ----------------------------------------------------------------------------------------------------

    async def _processed(
        self, details: ua.ReadProcessedDetails, kind: ua.NodeId, tag: TagId, most: int
    ) -> ua.HistoryReadResult:
        aggregate = AGGREGATES.get(kind.Identifier) if kind.NamespaceIndex == 0 and isinstance(kind.Identifier, int) else None
        if aggregate is None:
            return _status(_C.BadAggregateNotSupported)
        start, end = _us(details.StartTime), _us(details.EndTime)
        if start is None or end is None or start >= end:
            return _status(_C.BadInvalidTimestampArgument)
        width = round(float(details.ProcessingInterval) * 1000) or end - start
        step = next((s for s in _STEPS if width % (s.seconds * 1_000_000) == 0 and start % (s.seconds * 1_000_000) == 0), None)
        if step is None:
            return _status(_C.BadAggregateInvalidInputs)
        intervals = -(-(end - start) // width)
        if intervals > most or (end - start) // (step.seconds * 1_000_000) > 20 * most:
            self._refused("history")
            return _status(_C.BadTooManyOperations)
        series = await self._ask(self._history.rollup(tag, step, start, end))
        buckets: list[list[RollupRow]] = [[] for _ in range(intervals)]
        for row in series.rows:
            buckets[(row.time_us - start) // width].append(row)
        now = self._now_us()
        body = []
        for index, rows in enumerate(buckets):
            value, status = aggregate(rows, min(width, end - start - index * width))
            body.append(encode(_DOUBLE, value, status, start + index * width, now))
        return _data(body, None)


def _mean(rows: Sequence[RollupRow], width: int) -> tuple[float | None, int]:
    weighed = [(row.mean, row.covered_us) for row in rows if row.mean is not None and row.covered_us > 0]
    covered = sum(weight for _, weight in weighed)
    return (sum(mean * weight for mean, weight in weighed) / covered if covered else None), _grade(covered, width)


def _least(rows: Sequence[RollupRow], width: int) -> tuple[float | None, int]:
    return min((row.min for row in rows if row.min is not None), default=None), _grade(_covered(rows), width)


def _most(rows: Sequence[RollupRow], width: int) -> tuple[float | None, int]:
    return max((row.max for row in rows if row.max is not None), default=None), _grade(_covered(rows), width)


def _count(rows: Sequence[RollupRow], _width: int) -> tuple[float | None, int]:
    return float(sum(row.good_count for row in rows)), _CALCULATED


def _growth(rows: Sequence[RollupRow], width: int) -> tuple[float | None, int]:
    """Of a counter: rollovers, resets and exchanges are seen to. Of others the last less the first."""
    grown = [row.consumption for row in rows if row.consumption is not None]
    if grown:
        estimated = any(row.estimated for row in rows)
        return sum(grown), int(_C.UncertainDataSubNormal) | _CALCULATED if estimated else _CALCULATED
    first = next((row.first for row in rows if row.first is not None), None)
    last = next((row.last for row in reversed(rows) if row.last is not None), None)
    return (None if first is None or last is None else last - first), _grade(_covered(rows), width)


def _covered(rows: Sequence[RollupRow]) -> int:
    return sum(row.covered_us for row in rows)


def _grade(covered_us: int, width_us: int) -> int:
    if not covered_us:
        return int(_C.BadNoData)
    return _CALCULATED if covered_us >= 0.95 * width_us else int(_C.UncertainDataSubNormal) | _CALCULATED


AGGREGATES: Final[dict[int, Callable[[Sequence[RollupRow], int], tuple[float | None, int]]]] = {
    _I.AggregateFunction_Average: _mean, _I.AggregateFunction_TimeAverage: _mean, _I.AggregateFunction_Minimum: _least,
    _I.AggregateFunction_Maximum: _most, _I.AggregateFunction_Count: _count, _I.AggregateFunction_Delta: _growth,
}  # fmt: skip


def _us(moment: datetime | None) -> int | None:
    """None for OPC UA's "not given"."""
    if moment is None or moment.year < 1902:
        return None
    naive = moment.replace(tzinfo=None) - datetime(1970, 1, 1)  # noqa: DTZ001 - both are UTC
    return (naive.days * 86_400 + naive.seconds) * 1_000_000 + naive.microseconds


def _encoded(found: RawSeries, index: int) -> bytes:
    time_us = found.times_us[index]
    return encode(_DOUBLE, found.values[index], status_of(found.qualities[index]), time_us, time_us)


def _data(body: Sequence[bytes], point: bytes | None) -> ua.HistoryReadResult:
    data = struct.pack("<i", len(body)) + b"".join(body)
    code = ua.StatusCode() if body else ua.StatusCode(ua.UInt32(_C.GoodNoData))
    return ua.HistoryReadResult(StatusCode=code, ContinuationPoint=point, HistoryData=ua.ExtensionObject(TypeId=_DATA, Body=data))


def _status(code: int) -> ua.HistoryReadResult:
    return ua.HistoryReadResult(StatusCode=ua.StatusCode(ua.UInt32(code)))
