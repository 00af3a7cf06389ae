"""What strangers send is read with care: the library believes every length it is told.

A text of length -4 makes it read the same four bytes again for as many texts as a list says to have, an array of two thousand
million nothings needs no byte at all, and the dimensions of an array are made before anything is in it. Here lengths below 0 end
the message, arrays within a request are refused (no request we answer has one), and a message may be taken apart into so many
pieces only, few as long as nobody has signed in.
"""

from __future__ import annotations

from typing import Any, Final

from asyncua import ua
from asyncua.common.utils import Buffer, NotEnoughData
from asyncua.ua import ua_binary

MOST_PIECES: Final = 400_000  # 10 000 watched values with their filters are about 250 000
MOST_PIECES_BEFORE: Final = 2_000  # sign-in; an ordinary one has fewer than 100


class Careful(Buffer):  # type: ignore[misc]  # the library has no types
    """Bytes of one message, `pieces` of which may be read; what is copied out of it counts with it."""

    def __init__(self, data: bytes, pieces: int) -> None:
        super().__init__(data)
        self._left = [pieces]

    def read(self, size: int) -> bytes:
        """Raises NotEnoughData."""
        self._left[0] -= 1
        if size < 0 or self._left[0] < 0:
            raise NotEnoughData("a length below 0" if size < 0 else "too many pieces")
        return bytes(super().read(size))

    def copy(self, size: int = -1) -> Careful:
        """A part of it; what was read here was not read there."""
        made = Careful.__new__(Careful)
        Buffer.__init__(made, self._data, self._cur_pos, self._size if size == -1 or size > self._size else max(0, size))
        made._left = self._left
        return made


_array: Final = ua_binary.unpack_uatype_array


def _no_array_of_strangers(kind: ua.VariantType, data: Any) -> Any:
    """In the place of the library's own: what we ask of others as a client is read as before."""
    if isinstance(data, Careful):
        raise ua.UaError("an array within a request")
    return _array(kind, data)


ua_binary.unpack_uatype_array = _no_array_of_strangers
