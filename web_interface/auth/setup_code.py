"""The one-time code of the first start: printed to the service log, 60 min, one use."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable

LIFE_S = 60 * 60.0


class SetupCode:
    """80 random bits in groups of four. Case, blanks and hyphens do not matter when it is typed in."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        text = base64.b32encode(secrets.token_bytes(10)).decode("ascii")
        self.text = "-".join(text[i : i + 4] for i in range(0, 16, 4))
        self._until: float | None = monotonic() + LIFE_S

    def matches(self, typed: str) -> bool:
        """False also when the hour is over or the code was used."""
        if self.over:
            return False
        return hmac.compare_digest(_bare(typed), _bare(self.text))

    @property
    def over(self) -> bool:
        return self._until is None or self._now() > self._until

    def use(self) -> None:
        """It opened the door once."""
        self._until = None


def _bare(text: str) -> bytes:
    return "".join(c for c in text.upper() if c.isalnum()).encode()
