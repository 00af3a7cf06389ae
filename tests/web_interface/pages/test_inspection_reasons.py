"""Why an item was rejected, in the reader's language, from codes and from texts of earlier versions."""

from __future__ import annotations

import pytest

from domain.camera import REASONS as REASONS_OF_CAMERAS
from domain.inspection_reason import Reason, reason_of
from web_interface.format import Format
from web_interface.locale import LANGUAGES, has
from web_interface.pages.admin_inspection import reason_words

RU = Format("ru", "Europe/Moscow")
REASONS = (
    (Reason("missing", "spindle_load.max"), "Нагрузка шпинделя, наибольшее: не измерено"),
    (Reason("above", "spindle_load.max", 78.25, 45.2), "Нагрузка шпинделя, наибольшее: 78,25 > 45,20"),
    (Reason("below", "spindle_load.min", -1.5, 2.0), "Нагрузка шпинделя, наименьшее: −1,500 < 2,000"),
    (Reason("deviates", "spindle_load.std", -3.1), "Нагрузка шпинделя, разброс: −3,1 σ от обычного"),
    (Reason("alone", "spindle_load.mean"), "Нагрузка шпинделя, среднее: не как у годных"),
    (Reason("above", "picture_difference", 0.62, 0.31), "отличие снимка: 0,6200 > 0,3100"),
    (Reason("failed", detail="'low'"), "ошибка модели: 'low'"),
)



@pytest.mark.parametrize(("reason", "words"), [
    (Reason("picture", value=312, border=140, detail="48 x 35"), "снимок отличается около точки 312, 140 (область 48 × 35 точек)"),
    (Reason("no_picture", detail="late"), "без снимка: не успел"),
])
def test_what_a_picture_says_is_worded(reason: Reason, words: str) -> None:
    assert reason_words(reason, RU) == words
    assert reason_of(reason.stored) == reason


def test_why_there_is_no_picture_has_words() -> None:
    assert [one for one in REASONS_OF_CAMERAS for lang in LANGUAGES if not has(f"inspection.missing.{one}", lang)] == []


@pytest.mark.parametrize(("reason", "words"), REASONS, ids=lambda value: getattr(value, "code", ""))
def test_a_reason_is_worded_and_comes_back_as_it_was_stored(reason: Reason, words: str) -> None:
    assert reason_words(reason, RU) == words
    assert reason_of(reason.stored) == reason
    assert reason_of(str(reason)) == reason, "as earlier versions stored it"


def test_what_is_no_known_reason_is_shown_as_it_is() -> None:
    for stored in ("scratched: by hand", {"code": "from_a_later_version", "detail": "scratched"}):
        assert "scratched" in reason_words(reason_of(stored), RU)
