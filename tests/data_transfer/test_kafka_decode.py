"""What the feed writes is read again as it was, in both formats; what is no message is told and costs itself only."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from data_transfer.events import LARGEST_PICTURE, of_item
from data_transfer.kafka.decode import JSON, Decoder, event_of, item_of
from data_transfer.kafka.protobuf import CONTENT_TYPE, as_protobuf
from data_transfer.kafka.status import decoded, encoded
from data_transfer.messages import Message, as_document, as_json, messages_of
from domain.camera import ItemPicture, Region
from domain.feed import Parcel
from domain.health import DeviceStatus, LineStatus
from domain.inspection import InspectedItem, Outcome, Verdict
from domain.quality import Quality
from domain.role import FieldReport, Refusals, RoleStatus, Share
from domain.sample import TagId, TextSample
from tests.data_transfer.plant import T, directory, event

FORMATS = [pytest.param(as_json, JSON, id="json"), pytest.param(as_protobuf, CONTENT_TYPE, id="protobuf")]
Encode = Callable[[Message, str], bytes]


@pytest.mark.parametrize(("encode", "content_type"), FORMATS)
def test_every_quality_value_and_text_comes_back(encode: Encode, content_type: str) -> None:
    decoder = Decoder()
    for quality in Quality:
        value = None if quality.is_bad else 0.1 + 0.2
        parcel = Parcel(1, [(1, T, value, int(quality)), (2, T, 0.0, 0)], [TextSample(TagId(4), T + 1, "программа 7")])
        samples, text = [decoder.samples(encode(m, "Цех"), content_type) for m in messages_of(parcel, directory())[0]]
        assert (samples.device_id, samples.time_us, samples.points) == ("m1", T, ("active_power", "energy_import"))
        assert (samples.values, samples.qualities) == ([value, 0.0], [int(quality), 0])
        assert (text.device_id, text.time_us, text.points, text.texts) == ("hh", T + 1, (), {"program": "программа 7"})


def test_equal_messages_share_their_points() -> None:
    decoder = Decoder()
    messages, _ = messages_of(Parcel(1, [(1, T, 1.0, 0), (1, T + 1, 2.0, 0)]), directory())
    first, second = [decoder.samples(as_json(message, "S")) for message in messages]
    assert first.points is second.points


@pytest.mark.parametrize(("encode", "content_type"), FORMATS)
def test_events_come_back(encode: Encode, content_type: str) -> None:
    (message,), _ = messages_of(Parcel(1, events=[event(1)]), directory())
    assert event_of(encode(message, "S"), content_type) == event(1)


GOOD = {"device": "m1", "time_us": T, "samples": [{"tag": "p", "value": 1.0, "quality": "good", "reason": None}]}


@pytest.mark.parametrize(
    "wrong",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, json.dumps({**GOOD, "time_us": "now"}).encode(),
        json.dumps({**GOOD, "device": 7}).encode(), json.dumps({**GOOD, "samples": 1}).encode(),
        *(
            json.dumps({**GOOD, "samples": [{**GOOD["samples"][0], **change}]}).encode()  # type: ignore[index]
            for change in ({"value": None}, {"value": "1"}, {"value": True}, {"quality": "fine"}, {"tag": 5}, {"value": float("nan")})
        ),
    ],
)  # fmt: skip
def test_what_is_no_message_is_told(wrong: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Decoder().samples(wrong)


def test_broken_protobuf_is_told() -> None:
    with pytest.raises(ValueError, match="Protobuf"):
        Decoder().samples(b"\xff\xff\xff", CONTENT_TYPE)


def test_a_reason_of_a_later_version_keeps_its_grade() -> None:
    later = {**GOOD, "new": 1, "samples": [{"tag": "p", "value": None, "quality": "bad", "reason": "solar_flare", "more": []}]}
    reading = Decoder().samples(json.dumps(later).encode())
    assert (reading.values, reading.qualities) == ([None], [int(Quality.INTERNAL)])


def test_a_status_comes_back_and_skips_what_is_new() -> None:
    role = RoleStatus("i1", "ingest", "h", 7, T, T, "ok", None, 1, 2, 3, 4, T, (Share("t", 0, 5),), ("tcp1",),
                      refusals=(Refusals("kafka", 3, T, "too long"),))  # fmt: skip
    line = LineStatus("tcp1", "modbus-tcp", "h:1", "online", T, 1, 1, 2.0, 0.1, 0, None, None, 1.0, 0.1, 0.2)
    device = DeviceStatus("m1", "tcp1", "custom", "online", T, T, None, 3, 0, {"crc": 1}, 2.0, None)
    for status in (role, FieldReport("c1", T, (line,), (device,))):
        assert decoded(encoded(status)) == status
        assert decoded(json.dumps({**json.loads(encoded(status)), "new": 1}).encode()) == status
    with pytest.raises(ValueError, match="status"):
        decoded(b"{}")


@pytest.mark.parametrize("region", [None, Region(10, 20, 30, 40)])
def test_a_picture_travels_with_its_item(region: Region | None) -> None:
    picture = ItemPicture(640, 480, region, bytes(range(256)) * 20)
    item = InspectedItem("cell", 7, 1, 2, {"load.max": 4.0}, Verdict(7, Outcome.GOOD, 0.1, (), "limits 1"), True, picture=picture)
    back = item_of(of_item(item))
    assert back == item
    assert back.picture is not None
    assert back.picture.jpeg == picture.jpeg
    large = replace(item, picture=replace(picture, jpeg=bytes(LARGEST_PICTURE + 1)))
    assert item_of(of_item(large)).picture is None, "no broker would take it"
    broken = of_item(item)
    broken.body["picture"]["jpeg"] = "no base64!"  # type: ignore[index]
    with pytest.raises(ValueError, match=r"."):
        item_of(broken)


def test_the_fast_writer_writes_what_the_document_says() -> None:
    samples = [(1, T, 1e-7, 0), (2, T, 12345678901234567.0, 64), (1, T, -0.0, 40), (4, T + 1, 3, 0), (1, T + 2, None, 65), (2, T + 2, 7.0, 200)]
    parcel = Parcel(1, samples, [TextSample(TagId(4), T + 1, 'a "ё"\n')], [event(1)])
    messages, _ = messages_of(parcel, directory())
    for message in messages * 2:  # the second time from what is remembered
        assert json.loads(as_json(message, 'Цех "1"')) == as_document(message, 'Цех "1"')
    assert len(messages) >= 4


def test_a_tag_that_is_another_one_by_now_is_named_as_such() -> None:
    (before,), _ = messages_of(Parcel(1, [(1, T, 1.0, 0)]), directory())
    as_json(before, "S")
    face = replace(before.rows[0][0], tag=replace(before.rows[0][0].tag, unit="MW"))
    assert b'"unit":"MW"' in as_json(Message("m1", T, face, [(face, before.rows[0][1])]), "S")
