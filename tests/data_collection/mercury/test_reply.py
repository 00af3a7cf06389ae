"""Finding a reply among what arrives: pieces, noise, echoes, other meters, replies of several lengths."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from data_collection.mercury import codec
from data_collection.mercury.codec import Request
from data_collection.mercury.crc import with_crc
from data_collection.mercury.reply import Habits, ReplyParser

VOLTAGES = codec.group(0x11, 0x11)
VOLTAGES_REPLY = bytes.fromhex("11 00 43 5A 00 C8 59 00 D3 5A B0 30")
EVERYTHING = codec.group(0x11, codec.ALL)


def long_reply(size: int) -> bytes:
    return with_crc(b"\x11" + bytes((17 * i + size) & 0xFF for i in range(size)))


def test_single_bytes_make_a_reply() -> None:
    parser = ReplyParser(VOLTAGES, Habits())
    for n, byte in enumerate(VOLTAGES_REPLY[:-1]):
        assert parser.feed(bytes((byte,))) is None, n
    reply = parser.feed(VOLTAGES_REPLY[-1:]) or parser.settle()
    assert reply is not None
    assert reply.data == VOLTAGES_REPLY[1:-2]


def test_noise_and_other_meters_are_passed_over() -> None:
    other = with_crc(b"\x12" + VOLTAGES_REPLY[1:-2])
    parser = ReplyParser(VOLTAGES, Habits(repeats_command=False))
    assert parser.feed(b"\x11\xff\x00" + other) is None
    reply = parser.feed(VOLTAGES_REPLY)
    assert reply is not None
    assert reply.frame == VOLTAGES_REPLY
    assert parser.leftover == b"\x11\xff\x00" + other


def test_a_flipped_bit_is_no_reply() -> None:
    for at in range(len(VOLTAGES_REPLY)):
        for bit in range(8):
            damaged = bytearray(VOLTAGES_REPLY)
            damaged[at] ^= 1 << bit
            parser = ReplyParser(VOLTAGES, Habits())
            assert parser.feed(bytes(damaged)) is None
            assert parser.settle() is None


def test_an_echo_is_skipped_exactly() -> None:
    parser = ReplyParser(VOLTAGES, Habits(repeats_command=False))
    assert parser.feed(VOLTAGES.frame[:4]) is None
    assert parser.feed(VOLTAGES.frame[4:]) is None
    assert parser.echoed
    reply = parser.feed(VOLTAGES_REPLY)
    assert reply is not None
    assert parser.leftover == b""


def test_the_echo_of_a_link_test_is_no_answer_once_the_adapter_is_known() -> None:
    request = codec.link_test(0x30)
    unknown = ReplyParser(request, Habits(repeats_command=False))
    assert unknown.feed(request.frame) is not None  # four bytes out, the same four back: nobody can tell
    echoing = ReplyParser(request, Habits(repeats_command=False), echo=True)
    assert echoing.feed(request.frame) is None
    assert echoing.settle() is None
    assert echoing.feed(request.frame) is not None


def test_a_reply_that_may_go_on_waits_for_silence_until_its_length_is_known() -> None:
    habits = Habits(repeats_command=False)
    parser = ReplyParser(EVERYTHING, habits)
    assert parser.feed(long_reply(86)) is None
    assert parser.tentative
    settled = parser.settle()
    assert settled is not None
    assert len(settled.data) == 86
    again = ReplyParser(EVERYTHING, habits)
    assert again.feed(long_reply(86)) is not None


def test_the_longer_of_two_possible_replies_is_taken() -> None:
    parser = ReplyParser(EVERYTHING, Habits(repeats_command=False))
    reply = parser.feed(long_reply(95))
    assert reply is not None
    assert len(reply.data) == 95


def test_an_error_is_an_answer_only_after_silence() -> None:
    parser = ReplyParser(VOLTAGES, Habits(repeats_command=False))
    assert parser.feed(bytes.fromhex("11 05")) is None
    assert parser.feed(with_crc(b"\x11\x05")[2:]) is None
    assert parser.tentative
    reply = parser.settle()
    assert reply is not None
    assert reply.status == 5


def test_a_bare_done_is_no_answer_to_a_question_for_data() -> None:
    parser = ReplyParser(VOLTAGES, Habits())
    assert parser.feed(with_crc(b"\x11\x00")) is None
    assert parser.settle() is None


def test_the_mode_that_repeats_the_command_is_learned() -> None:
    habits = Habits()
    opening = ReplyParser(codec.open_channel(0x11, b"111111"), habits)
    reply = opening.feed(with_crc(b"\x11\x01\x00"))
    assert reply is not None
    assert reply.status == 0
    assert habits.repeats_command is True
    asking = ReplyParser(VOLTAGES, habits)
    reply = asking.feed(with_crc(b"\x11\x08\x00" + VOLTAGES_REPLY[1:-2]))
    assert reply is not None
    assert reply.data == VOLTAGES_REPLY[1:-2]
    wrong = ReplyParser(VOLTAGES, habits)
    assert wrong.feed(with_crc(b"\x11\x05\x00" + VOLTAGES_REPLY[1:-2])) is None  # the answer to another command
    assert wrong.settle() is None


@given(st.lists(st.binary(max_size=30), max_size=20), st.sampled_from([VOLTAGES, EVERYTHING, codec.serial(0x11)]))
def test_no_bytes_break_the_parser(chunks: list[bytes], request: Request) -> None:
    parser = ReplyParser(request, Habits())
    for chunk in chunks:
        reply = parser.feed(chunk)
        if reply is not None:
            break
    else:
        reply = parser.settle()
    if reply is not None:
        assert reply.frame[0] == request.address
        assert with_crc(reply.frame[:-2]) == reply.frame


@given(st.binary(min_size=9, max_size=9), st.binary(max_size=40), st.lists(st.integers(1, 5), min_size=1, max_size=60))
def test_a_reply_behind_any_noise_in_any_pieces_is_found(data: bytes, noise: bytes, sizes: list[int]) -> None:
    frame = with_crc(b"\x11" + data)
    stream, at, found = noise.replace(b"\x11", b"\x12") + frame, 0, None
    parser = ReplyParser(VOLTAGES, Habits(repeats_command=False))
    steps = iter(sizes * len(stream))
    while at < len(stream) and found is None:
        step = next(steps)
        found = parser.feed(stream[at : at + step])
        at += step
    found = found or parser.settle()
    assert found is not None
    if found.status is None:
        assert found.data == data
