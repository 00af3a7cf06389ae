"""Recorded Modbus TCP traffic of real devices, and fuzzed traffic, through the driver's own decoder."""

from __future__ import annotations

import asyncio
import json
import random
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from data_collection.modbus.block import Block, ReadRequest, locate
from data_collection.modbus.framing import AsciiFraming, RtuFraming
from data_collection.modbus.tcp import ModbusTcpClient, _Transactions
from domain.errors import LineDown
from domain.profile import ModbusPoint, Point
from domain.quantity import Quantity
from tests.data_collection.pcap import Segment, segments

SharedData = Callable[..., Path]
MODBUS = [
    "modbus_test.pcap", "cisa_modbus_example.pcap", "zeek_4SICS-GeekLounge-151022-min.pcap", "zeek_fuzz-72.pcap",
    "zeek_modbus-and-non-modbus-p502.pcap", "zeek_modbusSmall.pcap",
]


class Recorder(_Transactions):
    """The driver's transaction layer, noting each frame it cut."""

    def __init__(self) -> None:
        super().__init__(ModbusTcpClient("127.0.0.1", 502).comm_params)
        self.cut: list[tuple[int, int, bytes]] = []

    def _match(self, unit: int, tid: int, pdu: bytes) -> None:
        self.cut.append((unit, tid, pdu))
        super()._match(unit, tid, pdu)


def once(found: list[Segment]) -> list[Segment]:
    """Without the network's own retransmissions."""
    seen: set[tuple[tuple[str, int], tuple[str, int], int, bytes]] = set()
    kept = []
    for s in found:
        key = (s.source, s.target, s.sequence, s.payload)
        if key not in seen:
            seen.add(key)
            kept.append(s)
    return kept


def capture(shared_data: SharedData, name: str) -> tuple[list[Segment], dict[str, dict[str, int]]]:
    expected = json.loads(shared_data("data", "ics-pcap", "expected.json").read_text())["files"][name]["modbus"]
    return once(list(segments(shared_data("data", "ics-pcap", name)))), expected


@pytest.mark.parametrize("name", ["modbus_test.pcap", "cisa_modbus_example.pcap", "zeek_modbusSmall.pcap"])
async def test_every_recorded_reply_is_found(shared_data: SharedData, name: str) -> None:
    """Counts by function equal those of an independent decoder."""
    found, expected = capture(shared_data, name)
    streams: dict[object, Recorder] = {}
    for s in found:
        if s.source[1] == 502:
            streams.setdefault((s.source, s.target), Recorder()).datagram_received(s.payload, None)
    functions = Counter(str(pdu[0] & 0x7F) for r in streams.values() for _, _, pdu in r.cut)
    assert functions == expected["responses_by_function"]


async def test_recorded_replies_reach_their_requests_with_their_values(shared_data: SharedData) -> None:
    """119 s of five masters on one server; the capture holds some replies before their requests, so all are offered."""
    found, expected = capture(shared_data, "modbus_test.pcap")
    asked: dict[object, dict[int, list[tuple[int, int, int]]]] = {}
    for s in found:
        if s.target[1] == 502:
            for at in range(0, len(s.payload) - 11, 12):
                tid, _, _, unit, function, _, count = struct.unpack(">HHHBBHH", s.payload[at : at + 12])
                asked.setdefault((s.target, s.source), {}).setdefault(tid, []).append((unit, function, count))
    recorder, matched, wrong, orphans = Recorder(), 0, 0, 0
    for s in (s for s in found if s.source[1] == 502):
        open_requests = asked.get((s.source, s.target), {})
        tid = int.from_bytes(s.payload[:2], "big")
        orphans += tid not in open_requests
        offered = [(t, r) for t in {tid, *list(open_requests)[:20]} for r in open_requests.get(t, [])]
        taken = 0
        for open_tid, (unit, function, count) in offered:
            recorder.request_transaction_id, recorder.unit, recorder.function = open_tid, unit, function
            recorder.waiting = asyncio.get_running_loop().create_future()
            recorder.datagram_received(s.payload, None)
            if recorder.waiting.done():
                wrong += open_tid != tid
                pdu = recorder.waiting.result()
                taken += function == 4 and len(pdu) == 2 + 2 * count
                if function == 4 and len(pdu) == 2 + 2 * count:
                    assert registers(pdu, count) == list(struct.unpack(f">{count}H", s.payload[9 : 9 + 2 * count]))
        matched += taken > 0
    assert (wrong, orphans) == (0, 1), "the request of one reply was not recorded"
    assert matched == expected["responses_by_function"]["4"] - orphans


def registers(pdu: bytes, count: int) -> list[float | None]:
    """The words of a reply, decoded as a plan of `count` registers would."""
    assert (pdu[0], pdu[1], len(pdu)) == (4, 2 * count, 2 + 2 * count)
    points = [Point(f"r{i}", Quantity.OTHER, "", ModbusPoint("input", i, "uint16")) for i in range(count)]
    return list(Block([locate(p, p.where, 1.0, 1.0) for p in points if isinstance(p.where, ModbusPoint)], 0).decode(pdu[2:])[0])


@pytest.mark.parametrize("name", MODBUS)
async def test_broken_and_unusual_frames_are_survived(shared_data: SharedData, name: str) -> None:
    """All payloads of both directions, whole and torn, into a decoder that waits for an answer: it never raises, never grows."""
    found, _ = capture(shared_data, name)
    rng = random.Random(72)
    for seed in range(5):
        recorder = Recorder()
        for s in found:
            recorder.waiting = asyncio.get_running_loop().create_future()
            recorder.request_transaction_id, recorder.unit, recorder.function = 1 + seed, 1, 3
            payload = s.payload
            while payload:
                size = len(payload) if seed == 0 else rng.randint(1, len(payload))
                recorder.datagram_received(payload[:size], None)
                payload = payload[size:]
            assert len(recorder.recv_buffer) <= 264 + 1500
            if recorder.waiting.done() and recorder.waiting.exception() is not None:
                assert isinstance(recorder.waiting.exception(), LineDown)
            elif recorder.waiting.done():
                unit, tid, pdu = recorder.cut[-1] if recorder.cut[-1][2] == recorder.waiting.result() else (1, 1 + seed, b"\3")
                assert (unit, tid, pdu[0] & 0x7F) == (1, 1 + seed, 3)
        assert len(recorder.mismatch) <= 100


@pytest.mark.parametrize("name", MODBUS)
def test_the_serial_framings_survive_the_same_bytes(shared_data: SharedData, name: str) -> None:
    found, _ = capture(shared_data, name)
    for framing in (RtuFraming(), AsciiFraming()):
        for s in found:
            for frame in framing.frames(s.payload + b"\r\n", s.payload[0], ReadRequest(3, 0, 4)):
                assert frame.end <= len(s.payload) + 2


async def test_the_recorded_exception_of_a_gateway_is_decoded(shared_data: SharedData) -> None:
    """4SICS: function 23 refused with exception 10."""
    found, expected = capture(shared_data, "zeek_4SICS-GeekLounge-151022-min.pcap")
    recorder = Recorder()
    for s in found:
        if s.source[1] == 502:
            recorder.datagram_received(s.payload, None)
    assert [(pdu[0], pdu[1]) for _, _, pdu in recorder.cut] == [(23 | 0x80, 10)]
    assert expected["exceptions_by_code"] == {"10": 1}
