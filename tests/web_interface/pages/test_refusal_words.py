"""Everything a service refuses, said in the user's language: none is forgotten."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import MonitorError, NotFound
from tests.web_interface.pages.refusals import SAID
from web_interface.locale import LANGUAGES, has, t
from web_interface.pages import admin_words
from web_interface.pages.expected_patterns import EXPECTED
from web_interface.pages.plant_patterns import GENERAL, NAMES, PLANT
from web_interface.pages.service_patterns import SERVICES

ROOT = Path(__file__).resolve().parents[3]


SPEAKERS = (
    "analysis", "notifications", "reports", "config/plant_admin.py", "config/commissioning.py",
    "application/price_file.py", "application/table_file.py", "application/device_tables.py", "config/profile_admin.py",
    "config/point_table.py", "application/plugins.py", "database/repositories",
    "web_interface/auth", "web_interface/pages", "web_interface/api/alert_rules.py",
)  # fmt: skip


def refusals() -> Iterator[tuple[str, str]]:
    """(place, pattern) of every sentence that a service refuses something with."""
    for speaker in SPEAKERS:
        root = ROOT / speaker
        for path in [root] if root.suffix else sorted(root.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"ConfigError", "Conflict"}:
                    pattern = pattern_of(node.args[0])
                    if pattern is not None:
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", pattern


def pattern_of(node: ast.expr) -> str | None:
    """What the sentence may become; None when it is made elsewhere."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):  # "...".rstrip()
        return pattern_of(node.func.value)
    if isinstance(node, ast.Constant):
        return re.escape(str(node.value))
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in node.values)


@pytest.mark.parametrize(("kind", "text", "words"), SAID, ids=lambda value: value[:40] if isinstance(value, str) else "")
def test_what_a_service_refuses_is_said_in_russian(kind: type[MonitorError], text: str, words: str) -> None:
    assert admin_words.said(kind(text), "ru") == words
    assert not re.search("[А-Яа-я]", admin_words.said(kind(text), "en"))


def test_no_refusal_of_a_service_is_forgotten() -> None:
    silent = [
        f"{place}: {pattern}" for place, pattern in refusals() if not any(re.fullmatch(pattern, text, re.DOTALL) for _, text, _ in SAID)
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (NotFound("machine", "z", ("l1", "l2")), "Станка «z» нет, есть: l1, l2"),
        (NotFound("virtual tag", "shop.x"), "Виртуального тега «shop.x» нет"),
        (NotFound("plug-in", "mills"), "Модуля «mills» нет"),
        (NotFound("camera", "cell"), "Камеры «cell» нет"),
        (NotFound("running re-computation", "l1"), "Идущего пересчёта «l1» нет"),
    ],
)
def test_what_is_not_there_is_said_in_russian(missing: NotFound, words: str) -> None:
    assert admin_words.said(missing, "ru") == words


def test_everything_that_may_be_missing_has_a_name() -> None:
    found = set()
    for root in ("analysis", "application", "config", "database", "notifications", "reports", "web_interface"):
        for path in (ROOT / root).rglob("*.py"):
            found |= set(re.findall(r"(?:NotFound|_not_found)\(\s*\"([a-z -]+)\"", path.read_text(encoding="utf-8")))
    assert len(found) > 15
    keys = {f"problem.what.{re.sub('[ -]', '_', what)}" for what in found}
    assert {key for key in keys for lang in LANGUAGES if not has(key, lang)} == set()



def test_every_key_of_the_patterns_has_a_text_with_its_groups() -> None:
    for patterns, prefix in (((*PLANT, *SERVICES, *NAMES, *GENERAL), "problem"), (EXPECTED, "expected")):
        for pattern, key in patterns:
            groups = set(re.compile(pattern).groupindex)
            for lang in LANGUAGES:
                assert has(f"{prefix}.{key}", lang), key
                places = set(re.findall(r"\{(\w+)\}", t(f"{prefix}.{key}", lang)))
                assert places <= groups, (key, lang)
