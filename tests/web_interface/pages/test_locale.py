"""Catalogues: both languages say the same things, nothing is missing, no Russian stands in the code."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

from web_interface.locale import LANGUAGES, catalogue, plural_form, read_po, t

ROOM = Path(__file__).resolve().parents[3] / "web_interface"
OWN_NAMES = {"Русский"}  # a language names itself
SOURCES = [path for path in sorted(ROOM.rglob("*.py")) if "locale" not in path.parts and path.name != "passwords.py"]
FIXED_KEY = re.compile(r"""(?<![\w.])(?:[\w.]*\.)?t\(\s*"([a-z_]+(?:\.[a-zA-Z_0-9]+)+)\"""")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys() -> None:
    ru, en = (set(catalogue(lang)) for lang in LANGUAGES)
    assert ru - en == set()
    assert en - ru == set()


def test_texts_of_a_key_take_the_same_values() -> None:
    ru, en = (catalogue(lang) for lang in LANGUAGES)
    different = {key for key in ru if {n for f in ru[key] for n in fields(f)} != {n for f in en[key] for n in fields(f)}}
    assert different == set()


def test_plural_texts_have_all_forms_of_their_language() -> None:
    for lang, wanted in (("ru", 3), ("en", 2)):
        assert {key: len(forms) for key, forms in catalogue(lang).items() if len(forms) not in {1, wanted}} == {}


def test_no_text_is_empty() -> None:
    assert [(lang, key) for lang in LANGUAGES for key, forms in catalogue(lang).items() if not all(forms)] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOM)))
def test_keys_named_in_the_code_exist(path: Path) -> None:
    used = set(FIXED_KEY.findall(path.read_text(encoding="utf-8")))
    assert used - set(catalogue("ru")) == set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOM)))
def test_no_russian_text_in_the_code(path: Path) -> None:
    """Docstrings and comments may quote a label; what a user sees comes from the catalogues."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(n.body[0].value) for n in ast.walk(tree) if isinstance(n, holders) and n.body and isinstance(n.body[0], ast.Expr)
    }
    found = [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
        and re.search("[А-Яа-яЁё]", node.value)
        and node.value not in OWN_NAMES
    ]
    assert found == []


@pytest.mark.parametrize(
    ("n", "form"), [(1, 0), (2, 1), (4, 1), (5, 2), (0, 2), (11, 2), (12, 2), (14, 2), (21, 0), (22, 1), (111, 2), (1.5, 1)]
)
def test_russian_plural_forms(n: float, form: int) -> None:
    assert plural_form("ru", n) == form


def test_a_text_takes_its_plural_form() -> None:
    assert t("tile.states.working", "ru", n=1) == "1 работает"
    assert t("tile.states.working", "ru", n=2) == "2 работают"
    assert t("tile.states.alarm", "en", n=1) == "1 alarm"


def test_an_unknown_key_is_its_own_text_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    assert t("no.such.key.at.all", "en") == "no.such.key.at.all"
    t("no.such.key.at.all", "en")
    assert [r.getMessage() for r in caplog.records] == ["no text for no.such.key.at.all in en"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('msgid "a"\nmsgstr "b"\nrubbish', "line 3"),
        ('msgid "a"\nmsgstr "b"\n\nmsgid "a"\nmsgstr "c"', "stands twice"),
        ('"loose"', "line 1"),
    ],
)
def test_a_damaged_catalogue_says_where(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_po(text)


def test_a_text_over_several_lines_is_one() -> None:
    assert read_po('msgid "a"\nmsgstr ""\n"one "\n"two\\n"') == {"a": ("one two\n",)}
