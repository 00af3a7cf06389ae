"""The InfluxDB feed against InfluxDB 1.x, VictoriaMetrics and a server that answers as badly as any may."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

import data_transfer.runner as feed_runner
from data_transfer.events import of_episode, of_frame
from data_transfer.influxdb import writer as influx_writer
from data_transfer.influxdb.writer import InfluxDB, InfluxOptions
from data_transfer.runner import FeedRunner
from domain.alignment import AlignedSeries, Alignment, Frame, FrameValue
from domain.feed import DestinationAway, FeedEvent, FeedStatus
from domain.loop import ControlLoop, LoopEpisode, LoopErrors
from domain.sample import Batch, TagId
from tests.conftest import eventually
from tests.data_transfer.influx_stub import Misbehaving, misbehaving
from tests.data_transfer.plant import T, balanced, batch, directory, event, kept, runner, running, value
from tests.feed_servers import InfluxServer, VictoriaServer, influx_server, victoria_server

__all__ = ["influx_server", "victoria_server"]


def feed(url: str, folder: Path, **options: object) -> tuple[FeedRunner, InfluxDB]:
    influx = InfluxDB(InfluxOptions(url, **options), directory())  # type: ignore[arg-type]
    return runner("influxdb", influx.open, folder), influx


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_runner, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(feed_runner, "LONGEST_PAUSE_S", 0.2)


# -- real servers -------------------------------------------------------------------------------------------------


@pytest.mark.server
async def test_values_qualities_texts_and_events_are_read_back_from_influxdb(influx_server: InfluxServer, tmp_path: Path) -> None:
    one, _influx = feed(influx_server.base, tmp_path, bucket="first")  # the database is made by the feed
    async with running(one):
        one.take(kept(1, [batch(1, 'программа "7" \\ x')]))
        bad = Batch("m1", T + 2_000_001, (TagId(1),), [None], [65])
        one.take(kept(2, [bad], 3))
        one.event(event(1))
        await eventually(lambda: one.status().book.delivered == 5, 30)
        assert one.status().state == "ok"
    rows = influx_server.query("first", "select * from active_power")
    assert [(r["time"], r["value"], r["quality"], r["reason"]) for r in rows] == [
        (T + 1_000_000, value(1, 1), 0, None), (T + 2_000_001, None, 65, "timeout"),
    ]  # fmt: skip
    assert rows[0]["section"] == "Токарный участок, A=B"
    assert rows[0]["site"] == "Цех №1, стр. 2"
    assert influx_server.query("first", "select text from text")[0]["text"] == 'программа "7" \\ x'
    assert influx_server.query("first", "select id, detail from event") == [
        {"time": T + 1_000_000, "id": "lathe-1:1", "detail": '{"state": "idle", "why": "a \\"b\\" \\\\ c"}'}
    ]  # fmt: skip


@pytest.mark.server
async def test_points_that_influxdb_refuses_are_singled_out(influx_server: InfluxServer, tmp_path: Path) -> None:
    influx_server.query("", "create database picky")
    one, influx = feed(influx_server.base, tmp_path, bucket="picky")
    async with influx.open(), influx._client.stream("POST", "/write", params={"db": "picky"}, content=f"voltage,x=1 value=1i {T}000".encode()):  # type: ignore[union-attr]
        pass  # voltage's value is an integer there: every voltage of ours is refused for good
    async with running(one):
        for number in range(1, 40):
            one.take(kept(number))
        await eventually(lambda: one.status().book.waiting == 0 and one.status().book.delivered, 30)
        book = one.status().book
        assert (book.delivered, book.quarantined) == (78, 39)
        assert "field type conflict" in (await one.quarantine())[0].reason
    found = influx_server.query("picky", "select value from active_power, energy_import")
    assert {(r["time"], r["value"]) for r in found} == {(T + n * 1_000_000, value(tag, n)) for n in range(1, 40) for tag in (1, 2)}


@pytest.mark.server
async def test_a_body_too_large_for_influxdb_goes_in_halves(influx_server: InfluxServer, tmp_path: Path) -> None:
    one, influx = feed(influx_server.base, tmp_path, bucket="large", gzip=False)
    influx_server.query("", "create database large")
    many = [batch(number) for number in range(1, 5001)]
    async with running(one):
        one.take(kept(1, many, 0))
        await eventually(lambda: one.status().book.delivered == 15_000, 60)
    assert influx_server.query("large", "select count(value) from active_power")[0]["count"] == 5000
    assert influx.answers["413"]


@pytest.mark.server
async def test_influxdb_killed_and_started_again_has_everything_once(influx_server: InfluxServer, tmp_path: Path) -> None:
    influx_server.query("", "create database killed")
    one, _influx = feed(influx_server.base, tmp_path, bucket="killed")
    async with running(one):
        for number in range(1, 101):
            one.take(kept(number))
            if number == 30:
                await eventually(lambda: one.status().book.delivered > 0, 30)
                influx_server.kill()
            await asyncio.sleep(0.002)
        await eventually(lambda: one.status().state == "away", 30)
        await asyncio.to_thread(influx_server.start)
        await eventually(lambda: one.status().book.delivered == 300, 60)
        assert balanced(one.status())
    found = influx_server.query("killed", "select value from energy_import")
    assert [(r["time"], r["value"]) for r in found] == [(T + n * 1_000_000, value(2, n)) for n in range(1, 101)]


@pytest.mark.server
async def test_victoriametrics_takes_the_same_lines(victoria_server: VictoriaServer, tmp_path: Path) -> None:
    one, _influx = feed(victoria_server.base, tmp_path)
    async with running(one):
        for number in range(1, 11):
            one.take(kept(number))
        await eventually(lambda: one.status().book.delivered == 30, 30)
    (series,) = await eventually(lambda: victoria_server.export("active_power_value"), 40)  # type: ignore[misc]
    assert series["values"] == [value(1, n) for n in range(1, 11)]
    assert series["timestamps"] == [(T + n * 1_000_000) // 1000 for n in range(1, 11)]
    assert series["metric"]["machine"] == "lathe-1"
    assert series["metric"]["section"] == "Токарный участок, A=B"


def process_events() -> list[FeedEvent]:
    """A frame with a value of exactly 0 and a missing one, and the answer of a loop."""
    made = Alignment("oven", "Oven", 100, 500, (AlignedSeries("plc.temperature"), AlignedSeries("plc.output"), AlignedSeries("m1.power")))
    values = (FrameValue(0.0, T, None), FrameValue(41.5, T - 40_000, None), FrameValue(None, None, "late"))
    loop = ControlLoop("oven", "Oven", "plc.set", "plc.temperature", machine="lathe-1")
    errors = LoopErrors(120.5, 900.25, 4000.0, 31_000.0, 0.98, 17.5)
    episode = LoopEpisode("oven", T, T + 90_000_000, 20.0, 80.0, errors, 12.5, 20.0, 0.125, None, -0.5, 3)
    return [of_frame(made, Frame("oven", T, values)), of_episode(loop, episode)]


@pytest.mark.server
async def test_frames_and_results_of_loops_are_read_back_from_influxdb(influx_server: InfluxServer, tmp_path: Path) -> None:
    one, _influx = feed(influx_server.base, tmp_path, bucket="loops")
    async with running(one):
        for made in process_events():
            one.event(made)
        await eventually(lambda: one.status().book.delivered == 2, 30)
        assert one.status().book.quarantined == 0
    (frame,) = influx_server.query("loops", "select * from aligned")
    assert frame == {
        "time": T, "alignment": "oven", "site": "Цех №1, стр. 2", "plc.temperature": 0, "plc.output": 41.5, "complete": False,
        "missing": "m1.power: late",
    }  # fmt: skip
    (result,) = influx_server.query("loops", "select * from loop_episode")
    assert (result["time"], result["loop"], result["machine"], result["rule_version"]) == (T, "oven", "lathe-1", 3)
    assert {name: result[name] for name in ("iae", "ise", "itae", "itse", "before", "after", "duration_s")} == {
        "iae": 120.5, "ise": 900.25, "itae": 4000, "itse": 31_000, "before": 20, "after": 80, "duration_s": 90,
    }  # fmt: skip
    assert (result["overshoot"], result["rise_s"], result["steady_error"], result["output_variation"]) == (0.125, 12.5, -0.5, 17.5)
    assert result.get("settling_s") is None  # it never settled: no zero stands in for it


@pytest.mark.server
async def test_frames_and_results_of_loops_are_read_back_from_victoriametrics(
    victoria_server: VictoriaServer, tmp_path: Path
) -> None:
    one, _influx = feed(victoria_server.base, tmp_path)
    async with running(one):
        for made in process_events():
            one.event(made)
        await eventually(lambda: one.status().book.delivered == 2, 30)
        assert one.status().book.quarantined == 0

    def read(field: str) -> list[tuple[float, int]]:
        found = victoria_server.export('{__name__="' + field + '"}')
        return [(value, time) for series in found for value, time in zip(series["values"], series["timestamps"], strict=True)]

    await eventually(lambda: read("loop_episode_iae"), 40)
    expected = {
        "aligned_plc.temperature": 0, "aligned_plc.output": 41.5, "loop_episode_iae": 120.5, "loop_episode_itse": 31_000,
        "loop_episode_overshoot": 0.125, "loop_episode_duration_s": 90,
    }  # fmt: skip
    assert {field: read(field) for field in expected} == {field: [(value, T // 1000)] for field, value in expected.items()}


# -- a server that misbehaves ---------------------------------------------------------------------------------------


TAKEN = (204, {}, "")


async def sent(server: Misbehaving, folder: Path, count: int = 20, **options: object) -> tuple[FeedStatus, FeedRunner]:
    """Give that many blocks of three samples and wait until none waits."""
    async with misbehaving(server):
        one, _influx = feed(f"http://127.0.0.1:{server.port}", folder, **options)
        async with running(one):
            for number in range(1, count + 1):
                one.take(kept(number))
            await eventually(lambda: (b := one.status().book).taken == count * 3 and b.waiting == 0, 30)
            status = one.status()
            assert balanced(status)
            return status, one


async def test_an_answer_cut_after_the_points_were_taken_makes_no_second_value(tmp_path: Path) -> None:
    server = Misbehaving(lambda number, lines: None if number <= 3 else (*TAKEN, lines))
    status, _one = await sent(server, tmp_path)
    assert status.book.delivered == 60
    assert len(server.points) == 60
    assert server.second_values == 0
    assert status.answers["cut"] == 3


async def test_refused_points_without_any_hint_are_found_by_halving(tmp_path: Path) -> None:
    def picky(_number: int, lines: list[str]) -> tuple[int, dict[str, str], str, list[str]]:
        bad = [line for line in lines if line.endswith((f"{T + 7_000_000}", f"{T + 13_000_000}")) and line.startswith("voltage")]
        return (400, {}, '{"error":"I do not like it"}', []) if bad else (*TAKEN, lines)

    server = Misbehaving(picky)
    status, _one = await sent(server, tmp_path)
    assert (status.book.delivered, status.book.quarantined) == (58, 2)
    assert len(server.points) == 58


async def test_too_large_is_halved_and_one_point_too_large_is_refused(tmp_path: Path) -> None:
    def narrow(_number: int, lines: list[str]) -> tuple[int, dict[str, str], str, list[str]]:
        too_large = len(lines) > 4 or (len(lines) == 1 and "energy" in lines[0] and lines[0].endswith(f"{T + 5_000_000}"))
        return (413, {}, "", []) if too_large else (*TAKEN, lines)

    def narrow_for_one(number: int, lines: list[str]) -> tuple[int, dict[str, str], str, list[str]]:
        if any("energy" in line and line.endswith(f" {T + 5_000_000}") for line in lines):
            return (413, {}, "", [])
        return narrow(number, lines)

    server = Misbehaving(narrow_for_one)
    status, _one = await sent(server, tmp_path)
    assert (status.book.delivered, status.book.quarantined) == (59, 1)
    assert len(server.points) == 59


async def test_retry_after_is_kept_to(tmp_path: Path) -> None:
    server = Misbehaving(lambda number, lines: (429, {"Retry-After": "1"}, "", []) if number == 1 else (*TAKEN, lines))
    status, _one = await sent(server, tmp_path, 1)
    assert status.book.delivered == 3
    assert server.writes[1][2] - server.writes[0][2] >= 0.99


@pytest.mark.parametrize("status_code", [500, 502, 503, 401, 404])
async def test_what_may_pass_is_tried_again_and_nothing_is_quarantined(status_code: int, tmp_path: Path) -> None:
    server = Misbehaving(lambda number, lines: (status_code, {}, "no", []) if number <= 2 else (*TAKEN, lines))
    status, _one = await sent(server, tmp_path, 3)
    assert (status.book.delivered, status.book.quarantined) == (9, 0)
    assert len(server.points) == 9


@pytest.mark.parametrize("status_code", [500, 502, 400, 409])
async def test_a_point_that_is_refused_for_ever_does_not_stop_the_feed(status_code: int, tmp_path: Path) -> None:
    """Whatever the server says to it: the rest is there, the point is put aside with the server's words."""
    poison = f" {T + 7_000_000}"

    def choking(_number: int, lines: list[str]) -> tuple[int, dict[str, str], str, list[str]]:
        bad = any(line.startswith("energy_import") and line.endswith(poison) for line in lines)
        return (status_code, {}, "panic: index out of range", []) if bad else (*TAKEN, lines)

    server = Misbehaving(choking)
    status, _one = await sent(server, tmp_path)
    assert (status.book.delivered, status.book.quarantined, status.state) == (59, 1, "ok")
    assert len(server.points) == 59
    assert server.second_values == 0


async def test_a_connection_cut_upon_one_point_does_not_stop_the_feed(tmp_path: Path) -> None:
    def choking(_number: int, lines: list[str]) -> tuple[int, dict[str, str], str, list[str]] | None:
        bad = any(line.startswith("voltage") and line.endswith(f" {T + 3_000_000}") for line in lines)
        return None if bad else (*TAKEN, lines)

    server = Misbehaving(choking, takes_before_cutting=False)
    status, _one = await sent(server, tmp_path)
    assert (status.book.delivered, status.book.quarantined) == (59, 1)
    assert len(server.points) == 59


async def test_any_mixture_of_bad_answers_ends_with_every_point_once(tmp_path: Path) -> None:
    dice = random.Random(20)

    def moody(_number: int, lines: list[str]) -> tuple[int, dict[str, str], str, list[str]] | None:
        if any(line.startswith("voltage") and line.endswith(f"{T + 9_000_000}") for line in lines):
            good = [line for line in lines if not line.startswith("voltage")]
            words = '{"error":"partial write: points beyond retention policy dropped=1"}'
            return (400, {}, words, good)
        kind = dice.choice(["taken", "taken", "cut", "503", "413"])
        if kind == "cut":
            return None
        if kind == "503":
            return (503, {}, "busy", [])
        if kind == "413" and len(lines) > 10:
            return (413, {}, "", [])
        return (*TAKEN, lines)

    server = Misbehaving(moody)
    status, _one = await sent(server, tmp_path)
    assert (status.book.delivered, status.book.quarantined) == (59, 1)
    assert len(server.points) == 59
    assert server.second_values == 0


@pytest.mark.parametrize(
    ("version", "options", "path", "login"),
    [
        ("1.8.10", {"user": "u", "password": "p"}, "/write?db=energy&precision=u", "Basic dTpw"),
        ("v2.7.1", {"token": "secret", "org": "plant"}, "/api/v2/write?bucket=energy&org=plant&precision=us", "Token secret"),
        ("3.1.0", {"token": "secret"}, "/api/v3/write_lp?db=energy&precision=microsecond&accept_partial=true", "Bearer secret"),
    ],
)
async def test_each_version_is_recognised_and_written_by_its_own_path(
    version: str, options: dict[str, object], path: str, login: str, tmp_path: Path
) -> None:
    server = Misbehaving(lambda _number, lines: (*TAKEN, lines), version=version)
    await sent(server, tmp_path, 1, **options)
    seen, headers, _at = server.writes[0]
    assert seen == path
    assert headers["authorization"].lower() == login.lower()


async def test_a_server_that_takes_everything_and_says_nothing_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(influx_writer, "ANSWER_S", 0.5)
    silent = asyncio.Event()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()
        writer.close()

    listening = await asyncio.start_server(swallow, "127.0.0.1", 0)
    async with listening:
        one, _influx = feed(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", tmp_path, version="1")
        async with running(one):
            one.take(kept(1))
            await eventually(lambda: one.status().state == "away", 20)
            assert one.status().last_error == "no answer in time"
            assert one.status().book.waiting == 3
        silent.set()


async def test_no_server_and_a_forbidden_address_are_told_in_plain_words(tmp_path: Path) -> None:
    for url, words in (
        ("http://127.0.0.1:1", "no connection"), ("http://169.254.169.254", "link-local"), ("http://no.such.host.invalid", "no such host")
    ):  # fmt: skip
        influx = InfluxDB(InfluxOptions(url), directory())
        with pytest.raises(DestinationAway, match=words):
            async with influx.open():
                pass
