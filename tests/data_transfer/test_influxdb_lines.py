"""Line protocol: what every version reads back as it was said."""

from __future__ import annotations

import math

import pytest

from data_transfer.influxdb.answers import Next, judge, suspects
from data_transfer.influxdb.lines import Encoder, Line, measurement_name, string, tag_value
from domain.feed import Parcel
from domain.plant import Tag
from domain.quality import Quality
from domain.quantity import Quantity
from domain.sample import TagId, TextSample
from tests.data_transfer.plant import PLANT, TAGS, T, directory, event

SERIES = (
    r"active_power,device=m1,machine=lathe-1,section=Токарный\ участок\,\ A\=B,site=Цех\ №1\,\ стр.\ 2,tag=active_power,unit=kW"
)


def said(parcel: Parcel) -> list[str]:
    lines, refused = Encoder(directory()).lines(parcel)
    assert refused == []
    return [line.data.decode() for line in lines]


@pytest.mark.parametrize(
    ("value", "quality", "fields"),
    [
        (11.5, 0, "value=11.5,quality=0i"),
        (0.0, 0, "value=0.0,quality=0i"),
        (5.0, 0, "value=5.0,quality=0i"),
        (1e22, 0, "value=1e+22,quality=0i"),
        (-1e-7, 0, "value=-1e-07,quality=0i"),
        (11.5, int(Quality.SPIKE), 'value=11.5,quality=2i,reason="spike"'),
        (None, int(Quality.TIMEOUT), 'quality=65i,reason="timeout"'),
    ],
)
def test_a_sample_is_a_float_with_its_quality_and_a_bad_one_has_no_value(
    value: float | None, quality: int, fields: str
) -> None:
    assert said(Parcel(1, [(1, T, value, quality)])) == [f"{SERIES} {fields} {T}"]


def test_names_and_texts_are_escaped() -> None:
    assert measurement_name("a b,c") == r"a\ b\,c"
    assert tag_value("a b,c=d\\") == r"a\ b\,c\=d/"
    assert tag_value(" \n ") == ""
    assert string('a "b" \\ c\nd') == r'"a \"b\" \\ c d"'
    assert len(string("я" * 100_000).encode()) <= 64 * 1024


def test_texts_and_events_have_lines_of_their_own() -> None:
    text, happened = said(Parcel(1, [], [TextSample(TagId(4), T, 'NC "7"')], [event(1)]))
    assert text == rf'text,device=hh,site=Цех\ №1\,\ стр.\ 2,tag=program text="NC \"7\"" {T}'
    assert happened.startswith(r"event,device=m1,kind=state,site=Цех\ №1\,\ стр.\ 2,subject=lathe-1 id=" + '"lathe-1:1",detail=')


def test_what_cannot_be_said_is_refused_with_its_reason_and_costs_nothing_else() -> None:
    rows = [(1, T, math.nan, 0), (99, T, 1.0, 0), (1, T, 2.0, 0), (1, T, math.inf, 2)]
    lines, refused = Encoder(directory()).lines(Parcel(1, rows))
    assert [line.sample for line in lines] == [rows[2]]
    assert [one.reason for one in refused] == [
        "no finite value although the quality is not bad", "tag 99 is not known",
        "no finite value although the quality is not bad",
    ]


def test_a_changed_plant_changes_the_names() -> None:
    names = directory()
    encoder = Encoder(names)
    encoder.lines(Parcel(1, [(1, T, 1.0, 0)]))
    names.apply(PLANT, [Tag(TagId(1), "m1.x", "m1", "x", Quantity.OTHER, "")])
    (line,), _ = encoder.lines(Parcel(1, [(1, T, 1.0, 0)]))
    assert line.data.decode().startswith("other,device=m1,machine=lathe-1")
    assert names.face(TAGS[1].id) is not None  # a removed tag keeps its name for what is still waiting


def lines(*texts: str) -> list[Line]:
    return [Line(text.partition(",")[0].partition(" ")[0], text.encode()) for text in texts]


CONFLICT = '{"error":"partial write: field type conflict: input field \\"value\\" on measurement \\"a\\" is type float, already exists as type integer dropped=%d"}'


@pytest.mark.parametrize(
    ("answer", "named", "doubtful"),
    [
        (CONFLICT % 2, {0, 2}, []),
        (CONFLICT % 1, set(), [0, 2]),
        ('{"error":"unable to parse \'b v= 2\': missing field value\\nunable to parse \'a v=3 x\': bad timestamp"}', {1, 2}, []),
        ('{"error":"partial write of line protocol occurred","data":[{"error_message":"no","line_number":2,"original_line":"b"}]}', {1}, []),
        ('{"code":"invalid","message":"something else"}', set(), [0, 1, 2]),
        ("<html>", set(), [0, 1, 2]),
        ('[' * 5000, set(), [0, 1, 2]),
    ],
)
def test_partial_writes_of_every_version_name_the_refused_points(answer: str, named: set[int], doubtful: list[int]) -> None:
    found, rest = suspects(answer.encode(), lines("a v=1", "b v= 2", "a v=3 x"))
    assert (set(found), rest) == (named, doubtful)


@pytest.mark.parametrize(
    ("status", "body", "what"),
    [
        (204, b"", Next.TAKEN), (400, b"{}", Next.SINGLE_OUT), (422, b"{}", Next.SINGLE_OUT), (413, b"", Next.SPLIT),
        (404, b'{"error":"database not found: \\"energy\\""}', Next.NO_DATABASE), (404, b"page not found", Next.AWAY),
        (401, b"", Next.AWAY), (429, b"", Next.AWAY), (500, b"", Next.AWAY), (503, b"", Next.AWAY), (301, b"", Next.AWAY),
    ],
)  # fmt: skip
def test_each_answer_says_what_to_do_next(status: int, body: bytes, what: Next) -> None:
    assert judge(status, body, None).next is what


@pytest.mark.parametrize(("said_", "seconds"), [("7", 7.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", None), (None, None)])
def test_retry_after_is_seconds_or_a_date(said_: str | None, seconds: float | None) -> None:
    assert judge(429, b"", said_).retry_after_s == seconds
