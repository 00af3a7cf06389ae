"""Problems of formulas in both languages."""

from __future__ import annotations

import re
import string

import pytest

from domain.formula import FUNCTIONS, Binder, FormulaError
from domain.formula.errors import SENTENCES
from domain.plant import Tag
from domain.quantity import Quantity
from domain.sample import TagId
from domain.virtual import FormulaProblem, VirtualTag
from web_interface.locale import has, t
from web_interface.pages import admin_words
from web_interface.pages.formula_words import placed_words, problem_words

POWER = Tag(TagId(1), "m1.active_power", "m1", "active_power", Quantity.ACTIVE_POWER, "kW")
ENERGY = Tag(TagId(2), "m1.energy_import", "m1", "energy_import", Quantity.ENERGY_IMPORT, "kWh")
WRONG = [
    "", "(", "1 +", "m1.active_power + m1.energy_import", "m1.activ_power", "m1.active_power / 0", "sum(*.x)", "v.x", "a", "mean(1)",
    "if(1; 2; 3)", "m1.active_power > 0", "avg(m1.active_power; 3)", "1,5", "$", "3 kW", "3 apples", "abs(1; 2)", "m1.energy_import",
    "sqrt(m1.active_power)", "unit(m1.active_power; ;)",
]  # fmt: skip


def error(formula: str) -> FormulaError:
    with pytest.raises(FormulaError) as caught:
        Binder([POWER, ENERGY], [VirtualTag("v.x", formula, Quantity.ACTIVE_POWER, "kW")]).bind("v.x")
    return caught.value


@pytest.mark.parametrize("lang", ["ru", "en"])
@pytest.mark.parametrize("code", SENTENCES)
def test_every_problem_has_words_with_the_parameters_of_its_sentence(code: str, lang: str) -> None:
    assert has(f"formula.{code}", lang)
    names = {name for _, name, _, _ in string.Formatter().parse(SENTENCES[code]) if name}
    shown = {name for _, name, _, _ in string.Formatter().parse(t(f"formula.{code}", lang)) if name}
    assert shown <= names


@pytest.mark.parametrize("formula", WRONG)
def test_a_problem_is_said_in_russian_in_the_editor_and_in_an_imported_file(formula: str) -> None:
    wrong = error(formula)
    problem = FormulaProblem("formula", wrong.sentence, wrong.code, dict(wrong.params), wrong.at, wrong.length, wrong.caret())
    english = re.compile(r"\b(is|the|of|must|expected|needs)\b")
    for words in (problem_words(problem, "ru"), admin_words.sentence(f"{wrong}\n{wrong.caret()}", "ru")):
        assert re.search("[А-Яа-я]", words)
        assert not english.search(words)
        assert "{" not in words


def test_the_place_is_named_in_a_file() -> None:
    assert placed_words(str(error("m1.active_power / 0")), "ru") == "деление на ноль (знак 19)"
    assert placed_words("is missing", "ru") == ""


@pytest.mark.parametrize("name", ["operators", "units", *FUNCTIONS])
def test_every_function_is_explained(name: str) -> None:
    for lang in ("ru", "en"):
        assert has(f"virtual.help.{name}", lang)
        assert has(f"virtual.help.{name}.form", lang)
