"""Frames recorded from real meters: every check sum fits, every native request is built again, every reply decodes."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data_collection.mercury import codec, decode
from data_collection.mercury.codec import Request
from data_collection.mercury.crc import crc_fits
from data_collection.mercury.reply import NOT_OPEN, Habits, ReplyParser


def pairs(path: Path) -> Iterator[tuple[str, bytes, bytes]]:
    """(scenario, request, reply)."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for asked, answered in zip(rows[::2], rows[1::2], strict=True):
        assert (asked["direction"], answered["direction"]) == ("request", "response")
        yield asked["scenario"], bytes.fromhex(asked["frame_hex"]), bytes.fromhex(answered["frame_hex"])


def rebuilt(frame: bytes) -> Request:
    address, command, body = frame[0], frame[1], frame[2:-2]
    if command == codec.OPEN:
        return codec.open_channel(address, body[1:])
    if command == codec.ENERGY:
        return codec.energy(address, body[0] >> 4, body[0] & 0x0F, body[1])
    assert command == codec.PARAMETER
    assert body[0] == codec.ONE
    return codec.one(address, body[1])


def test_every_recorded_frame(shared_data: Callable[..., Path]) -> None:
    expected = {0x11: 241.28, 0x21: 0.069, 0x13: 504.05, 0x00: 5530.95, 0x70: 24.0, 0x23: 0.102, 0x12: None}
    frames = opened = native = refused = 0
    for scenario, asked, answered in pairs(shared_data("data", "mercury-frames", "mercury_frames.csv")):
        frames += 2
        assert crc_fits(asked), scenario
        assert crc_fits(answered), scenario
        if "200" in scenario:
            continue  # another protocol: four bytes of address
        native += 1
        request = rebuilt(asked)
        assert request.frame == asked
        parser = ReplyParser(request, Habits())
        reply = parser.feed(answered) or parser.settle()
        assert reply is not None, (scenario, asked.hex(" "))
        if request.command == codec.OPEN:
            opened += 1
            assert reply.status == 0
        elif reply.status is not None:
            refused += 1
            assert reply.status == NOT_OPEN
        elif request.command == codec.ENERGY and request.body[0] == 0x60:
            assert list(decode.energies_by_phase(reply.data).values()) == [3196201.0, 3145769.0, 300445.0]
        elif request.command == codec.ENERGY:
            assert list(decode.energies(reply.data).values()) == [3196200.0, None, 300444.0, None]
        else:
            bwri = request.body[1]
            wanted = expected.get(bwri)
            found = decode.one_value(bwri, reply.data)
            assert found is not None
            if wanted is not None:
                assert found == pytest.approx(wanted)
    assert frames == 84
    assert native > 30
    assert opened >= 8
    assert refused >= 2
