"""An answer in which a few bytes are many texts, or in which many values follow without a byte: it is not believed."""

from __future__ import annotations

import struct

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua import ua_binary

import data_collection.opcua.session  # noqa: F401 - what every line to a server begins with

MANY = 100_000


@pytest.mark.parametrize("length", [-4, -2, -(2**31)])
def test_a_text_has_no_length_below_nothing(length: int) -> None:
    found = struct.pack("<ii", -1, MANY) + struct.pack("<i", length) + struct.pack("<i", 0)
    with pytest.raises(ua.UaError, match="length"):
        ua_binary.struct_from_binary(ua.GetEndpointsParameters, Buffer(found))


def test_texts_are_read_as_they_are() -> None:
    found = struct.pack("<i", 2) + b"ab" + struct.pack("<iiii", 2, -1, 0, 0)
    read = ua_binary.struct_from_binary(ua.GetEndpointsParameters, Buffer(found))
    assert (read.EndpointUrl, read.LocaleIds, read.ProfileUris) == ("ab", [None, ""], [])


def test_an_array_of_nothing_is_no_value() -> None:
    with pytest.raises(ua.UaError, match="nothings"):
        ua_binary.variant_from_binary(Buffer(bytes([0x80]) + struct.pack("<i", MANY)))
    assert ua_binary.variant_from_binary(Buffer(bytes([0x80]) + struct.pack("<i", -1))).Value is None
    assert ua_binary.variant_from_binary(Buffer(bytes([0x86]) + struct.pack("<iii", 2, 5, 6))).Value == [5, 6]
