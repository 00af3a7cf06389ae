"""What drivers say of a failure, in the reader's language."""

from __future__ import annotations

import re
import socket

import pytest

from data_collection.modbus.block import ReadRequest
from data_collection.modbus.reader import Refusal
from data_collection.streams import TcpStream
from domain.errors import LineDown
from web_interface.pages.device_patterns import DEVICES, technical_words

SAID = (
    "device m7 (unit 7), function 3, address 4096: no answer within 0.8 s",
    "unit 7, function 3, address 0: no answer within 0.8 s (only other units)",
    "unit 7, function 4, address 12: no matching reply (damaged): 01 04",
    "address 23 did not answer 08 00",
    "10.0.0.5:1502: no connection within 5 s",
    "no answer in time",
    "the plant: there is no plant yet: set it up in the pages of web, or main.py plant import",
    "the database: its schema is 0007; main.py web or main.py prepare brings it up to date",
    "no broker answers at 10.0.0.7:9092,10.0.0.8:9092",
    "the brokers gave no receipt in time",
    str(Refusal(7, ReadRequest(3, 4096, 2), 2)),
)


@pytest.mark.parametrize("said", SAID)
def test_what_drivers_say_has_words_in_russian(said: str) -> None:
    words = technical_words(said, "ru")
    assert words != said
    assert re.search("[а-яё]", words)
    assert not re.search("[A-Za-z]{3,}", re.sub("damaged|Kafka|web", "", words))  # these are names


async def test_a_port_that_takes_no_connection_is_told_in_russian() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(LineDown) as refused:
        await TcpStream.open("127.0.0.1", port, 9600, 2.0)
    assert technical_words(str(refused.value), "ru") == f"127.0.0.1:{port}: соединение не принято"


def test_what_nobody_knows_stays_as_it_is() -> None:
    assert technical_words("the flux capacitor is empty", "ru") == "the flux capacitor is empty"
    assert len({key for _pattern, key in DEVICES}) >= 20
