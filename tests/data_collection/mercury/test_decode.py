"""Decoders over any bytes: a value, no value, or DecodeError; never a figure made of FF."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data_collection.mercury import decode, query
from domain.errors import DecodeError

DECODERS: list[Callable[[bytes], Any]] = [
    *decode.GROUPS.values(), decode.energies, decode.energies_by_tariff, decode.energies_by_phase, decode.quadrants,
    decode.ratios, decode.serial, decode.firmware, decode.variant, decode.passport, decode.clock, decode.journal_times,
    decode.journal_time, decode.status_word, decode.last_record, lambda d: decode.power_fixed("p", d),
    *(lambda d, b=bwri: decode.one_value(b, d) for bwri in range(256)),
]
LENGTHS = (0, 1, 2, 3, 4, 6, 7, 8, 9, 12, 13, 16, 24, 80, 86, 95, 96)


OF_SOME_LENGTH = st.sampled_from(LENGTHS).flatmap(lambda n: st.binary(min_size=n, max_size=n))


@given(st.sampled_from(DECODERS), st.binary(max_size=120) | OF_SOME_LENGTH)
@example(decode.clock, b"\xff" * 8)
@example(decode.serial, b"\xff" * 7)
def test_a_decoder_raises_nothing_but_decode_errors(decoder: Callable[[bytes], Any], data: bytes) -> None:
    try:
        decoder(data)
    except DecodeError:
        return


@pytest.mark.parametrize("size", [3, 6, 9, 12, 86, 95])
def test_all_bits_set_is_no_value(size: int) -> None:
    for bwri, decoder in decode.GROUPS.items():
        try:
            values = decoder(b"\xff" * size)
        except DecodeError:
            continue
        assert set(values.values()) == {None}, f"{bwri:02X}h"


def test_masked_energies_are_no_value() -> None:
    assert set(decode.energies(b"\xff" * 16).values()) == {None}
    assert decode.energies(b"\xff" * 15 + b"\xfe")["r_minus"] is not None


def test_each_place_has_its_own_value() -> None:
    """Nothing is swapped: every 3-byte field of the long reply holds another number."""
    names = [
        *(f"{q}_{p}" for q in "pqs" for p in decode.SUM_AND_PHASES), "u_l1", "u_l2", "u_l3", "angle_12", "angle_13", "angle_23",
        "i_l1", "i_l2", "i_l3", "pf_sum", "pf_l1", "pf_l2", "pf_l3", "f",
    ]  # fmt: skip
    body = b"".join(bytes((0, (n + 1) & 0xFF, 1)) for n in range(26))
    tail = b"\x0a\x01\x0b\x01\x0c\x01" + b"\xff\xf6" + b"".join(bytes((0, n, 2)) for n in (1, 2, 3))
    found = decode.all_values(body + tail)
    for n, name in enumerate(names):
        divisor = 1000 if name.startswith(("i_", "pf_")) else 100
        assert found[name] == pytest.approx((257 + n) / divisor), name
    assert [found[f"thd_u_l{n}"] for n in (1, 2, 3)] == [2.66, 2.67, 2.68]
    assert found["temperature"] == -10
    assert [found[n] for n in ("u_l12", "u_l23", "u_l13")] == [5.13, 5.14, 5.15]


def test_signs_follow_their_own_direction_bit() -> None:
    field = bytes((0x80, 0x64, 0x00))
    assert decode.power("p", field * 4)["p_l1"] == -1.0
    assert decode.power("q", field * 4)["q_l1"] == 1.0
    field = bytes((0x40, 0x64, 0x00))
    assert decode.power("p", field * 4)["p_l1"] == 1.0
    assert decode.power("q", field * 4)["q_l1"] == -1.0
    assert decode.power("s", bytes((0xC0, 0x64, 0x00)) * 4)["s_l1"] == 1.0
    assert decode.power_factors(bytes((0x80, 0x64, 0x00)) * 4)["pf_sum"] == -0.1


def test_a_total_above_22_bits_is_the_sum_of_its_phases() -> None:
    phase = bytes((0x17, 0x0C, 0xE3))  # 15 654.20 W
    one = decode.three_bytes(phase)
    assert one is not None
    wrapped = (3 * one) & 0x3FFFFF
    total = bytes((wrapped >> 16, wrapped & 0xFF, wrapped >> 8 & 0xFF))
    assert decode.power("p", total + 3 * phase)["p_sum"] == pytest.approx(3 * one / 100)
    assert decode.power("p", phase + phase + bytes(6))["p_sum"] == pytest.approx(one / 100)


def test_power_factor_of_nine_bytes_has_no_sum() -> None:
    found = decode.power_factors(bytes.fromhex("00 BF 03 00 C0 03 00 BE 03"))
    assert found == {"pf_sum": None, "pf_l1": 0.959, "pf_l2": 0.96, "pf_l3": 0.958}


def test_error_flags_by_their_numbers() -> None:
    for number in range(1, 49):
        word = bytearray(6)
        word[(4, 5, 2, 3, 0, 1)[(number - 1) // 8]] = 1 << (number - 1) % 8
        assert decode.status_word(bytes(word)) == (f"E-{number:02d}",)
    assert decode.status_word(bytes(6)) == ()


def test_every_query_decodes_into_its_own_items() -> None:
    """The items a profile may name are exactly those a reply brings."""
    for family in query.FAMILIES.values():
        for asked in family:
            size = asked.build(17).reply_bytes[0]
            data = bytes(range(1, size + 1)) if asked.name != "clock" else bytes.fromhex("43 14 16 03 27 02 08 01")
            assert set(asked.decode(data)) == set(asked.items), asked.name
    assert set(query.ALL.decode(bytes(95))) == set(query.ALL.items)
    assert set(query.ENERGY_ALL.decode(bytes(80))) == set(query.ENERGY_ALL.items)
