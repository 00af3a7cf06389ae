"""Changes of the plant in words."""

from __future__ import annotations

import pytest

from domain.plant_version import Authorship, ChangeKind, EntryChange, FieldChange, PlantVersion
from web_interface.locale import LANGUAGES, has
from web_interface.pages.admin_history import action_words, author, first_words
from web_interface.pages.plant_diff_view import entry_words, summary, value_words, yaml_parts

RATED = FieldChange("rated_kw", 110, 11.5)
LATHE = EntryChange("machines", "lathe-1", "16К20 №1", ChangeKind.CHANGED, (RATED,))
METER = EntryChange("devices", "m9", "", ChangeKind.ADDED, (FieldChange("line", None, "tcp1"),))


def said(changes: tuple[EntryChange, ...], lang: str) -> str:
    return "".join(part[0] for part in summary(changes, lang))


def test_a_change_is_said_in_the_words_of_the_forms() -> None:
    assert said((LATHE,), "ru") == "Станок «16К20 №1»: Номинальная мощность 110 → 11,5"
    assert said((LATHE, METER, METER), "ru").endswith(" и ещё 2 изменения")
    assert said((METER,), "en") == "Device “m9”: added"
    assert said((), "ru") == "Отличий нет"


def test_many_fields_are_cut_in_the_list_and_whole_on_the_page() -> None:
    change = EntryChange("devices", "m1", "", ChangeKind.CHANGED, tuple(FieldChange(f"f{n}", n, n + 1) for n in range(9)))
    assert said((change,), "ru").endswith("f2 2 → 3, …")
    assert len(entry_words([change], "ru")[0].fields) == 9


def test_an_entry_without_a_name_is_called_by_its_id() -> None:
    lathe, meter = entry_words([LATHE, METER], "ru")
    assert (lathe.head, lathe.code, lathe.kind_words) == ("Станок «16К20 №1»", "lathe-1", "изменено")
    assert (meter.head, meter.code, meter.fields[0].new) == ("Прибор «m9»", "", "tcp1")
    assert (lathe.fields[0].label, lathe.fields[0].place) == ("Номинальная мощность", "rated_kw")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "—"), (True, "да"), (0.5, "0,5"), (12, "12"), ([0, 1.5], "0, 1,5"), ("07:00", "07:00"), ({"a": 1}, "a: 1"),
        ([{"from": "7:00", "to": "9:00"}, {"from": "17:00", "to": "21:00", "a": 2}], "7:00–9:00; 17:00–21:00, a: 2"),
    ],
)  # fmt: skip
def test_values_as_people_read_them(value: object, words: str) -> None:
    assert value_words(value, "ru") == words


def test_a_long_value_is_cut() -> None:
    assert len(value_words("x" * 5000, "ru")) == 120


def test_neighbouring_lines_of_one_kind_are_one_part() -> None:
    lines = ["@@ -1 +1 @@", " a", "-b", "-c", "+d"]
    assert yaml_parts(lines, 99) == [("place", "···"), ("same", "  a"), ("remove", "- b\n- c"), ("add", "+ d")]
    assert yaml_parts(lines, 2) == [("place", "···"), ("same", "  a")]


def test_every_section_has_words() -> None:
    from config.plant_reader import SECTIONS  # noqa: PLC0415 - only tests see both rooms

    assert [name for name in SECTIONS for lang in LANGUAGES if not has(f"history.section.{name}", lang)] == []


def test_who_did_what() -> None:
    by = Authorship(1, "root", "cli", "plant_rollback", "version 3")
    assert author(PlantVersion(4, by)) == "root (cli)"
    assert action_words(PlantVersion(4, by), "ru") == "Возврат к версии № 3"
    assert author(PlantVersion(1, Authorship(1, "", "", "before_history", ""))) == "—"


def test_why_there_is_nothing_to_compare_with() -> None:
    assert first_words(1, "ru") == "Первые настройки"
    assert first_words(9, "ru") == "Более ранняя версия не хранится: сравнить не с чем"
