"""What the page of accounts says of each."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from domain.access import Role, User
from web_interface.format import Format
from web_interface.pages.admin_users import last_seen

UTC = ZoneInfo("UTC")
NOON_US = 1_763_548_800_000_000 - 1_763_548_800_000_000 % 86_400_000_000 + 43_200_000_000
HOUR_US = 3_600_000_000
NEVER, CAME = User(1, "anna", Role.OPERATOR), User(1, "anna", Role.OPERATOR, last_login_us=NOON_US - 3 * HOUR_US)


@pytest.mark.parametrize(("user", "sessions", "words"), [
    (NEVER, None, ("ещё не было", "")), (CAME, None, ("09:00", "")), (CAME, (1, 0.0), ("09:00", "1 сеанс, активность 12:00")),
    (CAME, (2, 5400.0), ("09:00", "2 сеанса, активность 10:30")), (CAME, (5, 60.0), ("09:00", "5 сеансов, активность 11:59")),
])  # fmt: skip
def test_the_last_login_and_below_it_the_last_use_of_open_sessions(
    user: User, sessions: tuple[int, float] | None, words: tuple[str, str]
) -> None:
    cell = last_seen(user, sessions, Format("ru", UTC), NOON_US)
    assert (cell["text"], cell.get("sub", "")) == words


def test_the_same_in_english() -> None:
    assert last_seen(CAME, (2, 5400.0), Format("en", UTC), NOON_US)["sub"] == "2 sessions, used 10:30"
