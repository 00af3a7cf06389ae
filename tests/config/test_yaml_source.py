"""YAML: what a user means is what is read; hostile input costs nothing; what is written reads back equal."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from config.yaml_source import MAX_DEPTH, dump_yaml, load_yaml, plain_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("15:00", "15:00"), ("07:00", "07:00"), ("on", "on"), ("off", "off"), ("N", "N"), ("yes", "yes"), ("1e5", 1e5),
        ("0x1F", 31), ("0o17", 15), ("-7", -7), ("1.5", 1.5), (".5", 0.5), ("true", True), ("~", None), ("1.2.3", "1.2.3"),
        ("-.inf", -math.inf), ("1_000", "1_000"), ("2026-11-21", "2026-11-21"),
    ],
)  # fmt: skip
def test_scalars_mean_what_a_user_reads(text: str, value: object) -> None:
    assert plain_scalar(text) == value
    assert type(plain_scalar(text)) is type(value)


def test_lines_are_known_by_path() -> None:
    report = load_yaml("a:\n  - x: 1\n    y: 2\n  - {x: 3,\n     y: 4}\n", "f")
    assert report.document == {"a": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]}
    assert report.line(("a", 0, "y")) == 3
    assert report.line(("a", 1, "y")) == 5
    assert report.line(("a", 1, "missing")) == 4, "the nearest enclosing place"


def test_a_repeated_key_is_a_problem_at_its_line() -> None:
    report = load_yaml("a: 1\nb: 2\na: 3\n", "f.yaml")
    assert [(p.line, p.field) for p in report.problems] == [(3, "a")]


def test_anchors_give_the_same_values_and_their_own_paths() -> None:
    report = load_yaml("base: &b {x: [1, 2]}\nother: *b\n", "f")
    assert report.document == {"base": {"x": [1, 2]}, "other": {"x": [1, 2]}}
    assert not report.problems


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "not valid YAML"),
        ("a: !!python/object/apply:os.system ['true']", "not allowed"),
        ("a: !!binary aGk=", "not allowed"),
        ("a: *nowhere", "no anchor"),
        ("? [1, 2]\n: x", "plain word"),
        ("a: 1\n---\nb: 2", "second document"),
        ("[" * 200 + "]" * 200, f"deeper than {MAX_DEPTH}"),
        ("a: &x [*x]", "deeper than"),
        ("a: \x01", "not valid YAML"),
    ],
)
def test_what_is_refused_says_why(text: str, words: str) -> None:
    report = load_yaml(text, "f.yaml")
    assert any(words in str(problem) for problem in report.problems), report.problems


def test_exploding_aliases_are_stopped() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    report = load_yaml("\n".join(levels), "f")
    assert any("more than" in str(problem) for problem in report.problems)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    load_yaml(text, "f")


_NUMBERS = st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False)
_SCALARS = st.none() | st.booleans() | _NUMBERS | st.text(st.characters(codec="utf-8"), max_size=20)
_KEYS = st.text("abcxyz_№о 1:#-", min_size=1)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=12
)


@given(st.dictionaries(st.text("abcxyz", min_size=1), _VALUES, max_size=4), st.integers(0, 3))
def test_what_is_written_reads_back_equal(document: dict[str, object], levels: int) -> None:
    text = dump_yaml(document, block_levels=levels)
    report = load_yaml(text, "f")
    assert not report.problems
    assert (report.document or {}) == document


@given(st.dictionaries(st.text("abc", min_size=1), st.text(max_size=12), max_size=5))
def test_other_yaml_readers_take_our_texts_for_texts(document: dict[str, str]) -> None:
    try:
        other = yaml.safe_load(dump_yaml(document))
    except yaml.YAMLError:
        pytest.fail("our own YAML is not valid to others")
    assert other == document
