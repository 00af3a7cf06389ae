"""Drafts of templates: what is wrong is named by its place, whatever people send."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from domain.errors import ConfigError
from domain.plant import Machine, Plant, Site
from domain.report import FigureKind, PageFormat, Part, PeriodKind
from reports.templates import SHIPPED, parse_template

PLANT = Plant(Site("Цех"), machines=(Machine("lathe-1", "16К20", "Токарный"), Machine("mill-1", "6Р13", "Фрезерный")))


def png(width: int, height: int) -> bytes:
    out = BytesIO()
    Image.new("L", (width, height)).save(out, "PNG")
    return out.getvalue()


def test_a_draft_becomes_the_template_it_describes() -> None:
    made = parse_template(
        {"id": "own", "name": " Мой ", "period": "month", "blocks": ["days", "machines"], "figures": ["kef"],
         "machines": ["mill-1"], "areas": ["Токарный"], "language": "ru", "page": "a3"}, PLANT, png(40, 20),
    )  # fmt: skip
    assert (made.name, made.period, made.page, made.language) == ("Мой", PeriodKind.MONTH, PageFormat.A3, "ru")
    assert (made.parts, made.figures) == ((Part.DAYS, Part.MACHINES), (FigureKind.KEF,))
    assert (made.machines, made.areas, made.logo) == (("mill-1",), ("Токарный",), png(40, 20))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"blocks": ["days", "machnes"]}, "blocks[1]: 'machnes' is unknown; expected one of summary"),
        ({"blocks": ["days", "days"]}, "blocks[1]: 'days' stands twice"),
        ({"blocks": []}, "blocks: a report needs at least one block"),
        ({"blocks": "days"}, "blocks: is no list"),
        ({"machines": ["lathe-1", "lathe-2"]}, "machines[1]: 'lathe-2' does not exist; nearest: lathe-1"),
        ({"areas": ["Токарнй"]}, "areas[0]: 'Токарнй' does not exist; nearest: Токарный"),
        ({"machines": ["x"] * 3000}, "machines: has 3000 entries; expected at most 2000"),
        ({"name": "<b>имя</b>" * 50}, "name: is 500 characters long; expected at most 120"),
        ({"name": ""}, "name: is missing"),
        ({"name": "a\x00b"}, "name: has control characters"),
        ({"id": "../../etc"}, "id: '../../etc' is no id"),
        ({"period": "year"}, "period: 'year' is unknown; expected one of shift, day, week, month"),
        ({"language": "de"}, "language: 'de' is unknown"),
        ({"page": "a9"}, "page: 'a9' is unknown"),
        ({"colour": 1}, "'colour' is unknown"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_template({"id": "own", "name": "Мой", **wrong}, PLANT)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("logo", "said"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "logo: is no picture"),
        (b"GIF89a" + b"\x00" * 40, "logo: is no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "logo: is no picture"),
        (b"\x00" * 50_000_000, "logo: has 50.0 MB; expected at most 1 MB"),
        (png(5000, 10), "logo: is 5000 x 10 pixels; expected at most 4000 a side"),
    ],
)
def test_a_logo_is_a_small_picture(logo: bytes, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_template({"id": "own", "name": "Мой"}, PLANT, logo)
    assert said in str(refused.value)


def test_the_shipped_ones_are_valid_themselves_and_may_go_without_a_name() -> None:
    assert {t.id for t in SHIPPED} == {"shift", "day", "month", "machine", "section", "alerts", "balance", "loops", "reactive"}
    for template in SHIPPED:
        assert parse_template({"id": template.id}, PLANT) == template
