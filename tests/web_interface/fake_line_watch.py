"""Frames of the invented shop's lines: two a second, one answer in seven damaged, one channel opened with its password."""

from __future__ import annotations

from data_collection.frame_meaning import meaning, without_secrets
from data_collection.mercury.crc import with_crc
from domain.access import Actor, Role
from domain.errors import Forbidden, NotFound
from domain.line_frame import LineFrame, LineFrames
from tests.web_interface import fake_shop as shop

_ASKED = with_crc(bytes.fromhex("11030BB80006"))
_ANSWER = with_crc(bytes.fromhex("11030C4366199A436700004365CCCD"))
_OPEN = with_crc(bytes.fromhex("0C0101") + b"secret"[:6])


class FakeLineWatch:
    """LineWatchService: the clock makes the frames."""

    def __init__(self, clock: shop.ShopClock) -> None:
        self._clock = clock

    def frames(self, line_id: str, after: int, actor: Actor) -> LineFrames:
        if not actor.role.allows(Role.ADMIN):
            raise Forbidden("this needs the role admin")
        if line_id not in {line.id for line in shop.plant().lines} | {"tcp1", "gw1"}:
            raise NotFound("line", line_id)
        last = (self._clock.now_us() - shop.START_US) // (shop.S // 4)
        first = max(after + 1, last - 40, 1)
        return LineFrames([_frame(number) for number in range(first, last + 1)], last)


def _frame(number: int) -> LineFrame:
    time_us, turn = shop.START_US + number * shop.S // 4, number % 14
    direction = "tx" if number % 2 == 0 else "rx"
    data = _OPEN if turn == 8 else _ASKED if direction == "tx" else _ANSWER
    error = ""
    if turn == 13:
        data, error = data[:-1] + bytes((data[-1] ^ 0xFF,)), "unit 17, function 3: no matching reply (damaged)"
    protocol = "mercury" if turn in {8, 9} else "modbus"
    data = without_secrets("rtu-over-tcp", with_crc(bytes.fromhex("0C00")) if turn == 9 else data)
    meant = meaning("rtu-over-tcp", "rtu", protocol, direction, data)
    return LineFrame(number, time_us, direction, "m2" if protocol == "mercury" else "m1", data, len(data), meant, error)
