"""The journal survives whatever can happen to its files."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import pytest

from database.journal import _SEGMENT, Journal, Record

IDENTITY = b"0123456789abcdef"


def journal(folder: Path, limit: int = 10**9, identity: bytes = IDENTITY) -> Journal:
    found = Journal(folder, identity, limit)
    found.open()
    return found


def record(number: int, size: int = 40, samples: int = 10) -> Record:
    return Record(number, (number - 1) * samples, number * 100, number * 100 + 9, samples, b'{"n":1}', os.urandom(size))


def test_what_was_appended_is_read_in_order_after_a_restart(tmp_path: Path) -> None:
    written = [record(n) for n in range(1, 30)]
    first = journal(tmp_path)
    for entry in written:
        first.append(entry)
    assert first.read(0, 10**9) == written
    first.close()
    again = journal(tmp_path)
    assert again.last == written[-1]
    assert again.read(10, 55) == written[10:15]
    assert again.read(15, 10**9) == written[15:]
    assert again.read(29, 10**9) == []
    again.append(record(30))
    assert [r.number for r in again.read(27, 10**9)] == [28, 29, 30]


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_a_last_record_cut_at_each_byte_is_ignored(tmp_path: Path, kept: int) -> None:
    whole = journal(tmp_path / "whole")
    entries = [record(n) for n in range(1, kept + 2)]
    for entry in entries:
        whole.append(entry)
    whole.close()
    file = next((tmp_path / "whole").glob("*.journal"))
    data = file.read_bytes()
    start = len(data) - len(entries[-1].pack())
    for cut in range(start, len(data)):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        (folder / file.name).write_bytes(data[:cut])
        torn = journal(folder)
        assert torn.read(0, 10**9) == entries[:-1]
        assert torn.damages == []
        torn.append(record(kept + 1))
        assert [r.number for r in torn.read(0, 10**9)] == list(range(1, kept + 2))
        torn.close()
        again = journal(folder)  # the torn end is gone for good, it does not look like damage later
        assert [r.number for r in again.read(0, 10**9)] == list(range(1, kept + 2))
        assert again.damages == []
        again.close()


def test_a_segment_cut_within_its_head_is_no_hindrance(tmp_path: Path) -> None:
    for cut in range(_SEGMENT.size + 1):
        folder = tmp_path / str(cut)
        first = journal(folder)
        first.append(record(1))
        first.close()
        second = next(folder.glob("*.journal")).read_bytes()[:cut]
        (folder / f"{2:020d}.journal").write_bytes(second)
        opened = journal(folder)
        assert [r.number for r in opened.read(0, 10**9)] == [1]
        opened.close()


def test_damage_in_the_middle_costs_only_what_it_hit_and_the_file_is_set_aside(tmp_path: Path) -> None:
    rng = random.Random(5)
    for attempt in range(40):
        folder = tmp_path / str(attempt)
        first = journal(folder)
        entries = [record(n, size=rng.randrange(1, 3000)) for n in range(1, 60)]
        for entry in entries:
            first.append(entry)
        first.close()
        file = next(folder.glob("*.journal"))
        data = bytearray(file.read_bytes())
        begin = rng.randrange(_SEGMENT.size, len(data) - len(entries[-1].pack()) - 1)
        end = min(begin + rng.randrange(1, 4000), len(data) - len(entries[-1].pack()))
        data[begin:end] = rng.randbytes(end - begin)
        file.write_bytes(data)
        offset, hit = _SEGMENT.size, []
        for entry in entries:
            length = len(entry.pack())
            if offset < end and offset + length > begin:
                hit.append(entry.number)
            offset += length
        opened = journal(folder)
        found = opened.read(0, 10**9)
        assert {e.number for e in entries} - {r.number for r in found} <= set(hit)
        assert all(r in entries for r in found)
        opened.settle(59)
        if len(found) < len(entries):
            assert opened.damages
            assert (folder / "damaged" / file.name).read_bytes() == bytes(data)
        opened.close()


def test_a_damaged_head_costs_nothing(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.append(record(7))
    first.close()
    file = next(tmp_path.glob("*.journal"))
    data = bytearray(file.read_bytes())
    data[20] ^= 0xFF
    file.write_bytes(data)
    assert [r.number for r in journal(tmp_path).read(0, 100)] == [7]


def test_at_its_limit_the_oldest_goes_and_is_told(tmp_path: Path) -> None:
    dropped: list[int] = []
    small = Journal(tmp_path, IDENTITY, 600_000)
    small.on_drop = lambda records: dropped.extend(r.number for r in records)
    small.open()
    for number in range(1, 200):
        small.append(record(number, size=10_000))
        assert small.size_bytes <= 600_000
        assert small.size_bytes == sum(p.stat().st_size for p in tmp_path.glob("*.journal"))
    left = [r.number for r in small.read(0, 10**9)]
    assert dropped + left == list(range(1, 200))
    assert small.kept_before == (left[0] - 1) * 10


def test_settled_segments_are_deleted_and_files_do_not_pile_up(tmp_path: Path) -> None:
    busy = journal(tmp_path, limit=8 * 65536)
    for number in range(1, 300):
        busy.append(record(number, size=10_000))
        busy.settle(number)
        assert len(list(tmp_path.glob("*.journal"))) <= 2
    assert busy.read(0, 10**9)[-1].number == 299


def test_a_journal_of_another_database_is_not_replayed(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.append(record(1))
    first.close()
    other = journal(tmp_path, identity=b"f" * 16)
    assert other.read(0, 100) == []
    assert len(list((tmp_path / "damaged").iterdir())) == 1


def test_only_one_process_has_it(tmp_path: Path) -> None:
    first = journal(tmp_path)
    with pytest.raises(BlockingIOError, match="another process"):
        journal(tmp_path)
    first.close()
    journal(tmp_path).close()


@pytest.mark.parametrize("call", ["write", "fdatasync"])
def test_a_failed_write_or_sync_means_not_kept_and_leaves_the_rest_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    log = journal(tmp_path)
    log.append(record(1))
    real = getattr(os, call)

    def broken(descriptor: int, *data: bytes) -> int:
        if data:
            real(descriptor, data[0][: len(data[0]) // 2])
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, broken)
        with pytest.raises(OSError, match="Input/output"):
            log.append(record(2))
    assert log.last is not None
    assert log.last.number == 1
    log.append(record(3))
    assert [r.number for r in log.read(0, 100)] == [1, 3]
    log.close()
    assert [r.number for r in journal(tmp_path).read(0, 100)] == [1, 3]
