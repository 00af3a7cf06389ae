"""What the roles ask each other and answer, sealed as a whole: a broker can neither read the passwords in it nor ask anything.

The key is `keys/secrets.key`, the one that seals passwords in the database: a collector has it to read them. The head is bound
to the sealed part, so that no letter can be passed off as another.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, replace
from typing import Any

from database.keys import Sealer

ASK, CANCEL, TAKEN, ANSWER, REFUSED = "ask", "cancel", "taken", "answer", "refused"
STRANGE = "strange"  # not sealed: the one who was asked has another key


@dataclass(frozen=True, slots=True)
class Letter:
    """`id`: of the question; `until_us`: after that the question is not to be obeyed. `body`: JSON; None while it is sealed."""

    kind: str
    id: str
    sender: str
    to: str
    until_us: int = 0
    body: Any = None
    sealed: bytes = b""

    @property
    def head(self) -> list[Any]:
        return [self.kind, self.id, self.sender, self.to, self.until_us]

    def answered(self, kind: str, body: Any = None) -> Letter:
        """From the one who got it to the one who sent it."""
        return Letter(kind, self.id, self.to, self.sender, self.until_us, body)


def written(letter: Letter, sealer: Sealer) -> bytes:
    """As a message."""
    text = base64.b85encode(zlib.compress(json.dumps(letter.body).encode(), 1)).decode()
    sealed = b"" if letter.kind == STRANGE else sealer.seal(json.dumps(letter.head), text)
    return json.dumps({"schema": 1, "head": letter.head, "sealed": base64.b85encode(sealed).decode()}).encode()


def read(value: bytes) -> Letter:
    """To whom it is, still sealed. Raises ValueError."""
    try:
        document = json.loads(value)
        kind, number, sender, to, until_us = document["head"]
        return Letter(str(kind), str(number), str(sender), str(to), int(until_us), None, base64.b85decode(document["sealed"]))
    except (KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise ValueError(f"no letter between roles: {type(exc).__name__} {exc}") from exc


def opened(letter: Letter, sealer: Sealer) -> Letter:
    """With its body. Raises StorageError (another key, or a head that is not its own), ValueError."""
    text = sealer.open(json.dumps(letter.head), letter.sealed)
    return replace(letter, body=json.loads(zlib.decompress(base64.b85decode(text))))
