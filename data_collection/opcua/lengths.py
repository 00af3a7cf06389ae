"""What a mad or hostile server answers is not believed in every length: the library would work on a few bytes for hours.

A text of length -4 makes it read the same four bytes again for as many texts as a list says to have, and an array of nothings
needs no byte at all; it all happens in the loop that asks every other device.
"""

from __future__ import annotations

from typing import Any

from asyncua import ua
from asyncua.ua import ua_binary

_array = ua_binary.unpack_uatype_array


def _bytes(data: Any) -> bytes | None:
    length = ua_binary.Primitives.Int32.unpack(data)
    if length == -1:
        return None
    if length < 0:
        raise ua.UaError(f"a text of length {length}")
    found: bytes = data.read(length)
    return found


def _no_array_of_nothing(kind: ua.VariantType, data: Any) -> Any:
    if kind is not ua.VariantType.Null:
        return _array(kind, data)
    length = ua_binary.Primitives.Int32.unpack(data)
    if length > 0:
        raise ua.UaError(f"an array of {length} nothings")
    return None if length == -1 else []


ua_binary._Bytes.unpack = staticmethod(_bytes)  # in the place of the library's own, for all its readers
ua_binary.unpack_uatype_array = _no_array_of_nothing
