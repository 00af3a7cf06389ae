"""Colours: what carries text or meaning is readable in both themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[3] / "web_interface" / "static" / "theme"
TOKENS = (CSS / "tokens.css").read_text(encoding="utf-8")


def palette(start: str) -> dict[str, str]:
    block = TOKENS[TOKENS.index(start) :]
    return dict(re.findall(r"(--[\w-]+): (#[0-9A-F]{6})\b", block[: block.index("}")]))


THEMES = {"light": palette(":root, body"), "dark": palette("body.body--dark, .em-dark")}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["--surface", "--bg", "--sunk"])
@pytest.mark.parametrize("ink", ["--text", "--text2", "--text3", "--accent", "--alarm"])
def test_text_is_readable_on_every_ground(theme: str, ink: str, ground: str) -> None:
    assert contrast(THEMES[theme][ink], THEMES[theme][ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_good_is_readable_on_cards(theme: str) -> None:
    assert contrast(THEMES[theme]["--good"], THEMES[theme]["--surface"]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("mark", ["al-critical", "al-high", "al-medium", "al-low", "st-production"])
def test_letters_stand_out_of_their_marks(theme: str, mark: str) -> None:
    assert round(contrast(THEMES[theme][f"--{mark}-letter"], THEMES[theme][f"--{mark}"]), 1) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("line", ["--s1", "--s2", "--s3", "--s4", "--s5", "--s6", "--ctl", "--st-off", "--st-idle"])
def test_lines_and_borders_can_be_seen(theme: str, line: str) -> None:
    assert contrast(THEMES[theme][line], THEMES[theme]["--surface"]) >= 3.0


def test_both_themes_define_the_same_tokens() -> None:
    assert set(THEMES["light"]) == set(THEMES["dark"])


def test_colours_stand_only_among_the_tokens() -> None:
    """Elsewhere: tokens; white on the badge and the grounds before the first paint are the exceptions."""
    css = (CSS / "app.css").read_text(encoding="utf-8")
    assert set(re.findall(r"#[0-9A-Fa-f]{3,8}\b", css)) <= {"#EEF1F3", "#10151A", "#FFFFFF"}


def test_nothing_is_loaded_from_elsewhere() -> None:
    for path in [*CSS.rglob("*.css"), *CSS.parents[1].glob("components/**/*.js")]:
        assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]{2,}", path.read_text(encoding="utf-8")), path
    for name in re.findall(r"url\((fonts/[^)]+)\)", (CSS / "fonts.css").read_text(encoding="utf-8")):
        assert (CSS / name).stat().st_size > 1000


@pytest.mark.parametrize("path", sorted(CSS.glob("*.css")), ids=lambda p: p.name)
def test_every_block_is_closed_before_the_next_part_begins(path: Path) -> None:
    """A lost brace puts all that follows into a media query; a comment at the margin begins a part."""
    depth = 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        assert not (line.startswith("/*") and depth), f"{path.name}:{number}"
        depth += line.count("{") - line.count("}")
    assert depth == 0
def test_no_sheet_dresses_what_another_one_names() -> None:
    """A plain rule for a class stands in one sheet: a second one elsewhere paints elements its author never saw."""
    home: dict[str, set[str]] = {}
    for sheet in CSS.glob("*.css"):
        depth = 0
        for line in sheet.read_text(encoding="utf-8").splitlines():
            if depth == 0 and (plain := re.match(r"(\.em-[\w-]+) \{", line)):
                home.setdefault(plain[1], set()).add(sheet.name)
            depth += line.count("{") - line.count("}")
    assert {name: sheets for name, sheets in home.items() if len(sheets) > 1} == {}
