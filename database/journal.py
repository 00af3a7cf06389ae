"""The journal: samples on disk before the database has them. Append-only segments of checksummed records.

Every sample passes it, database there or not: one path, used all day, instead of one that is first tried in an outage. A sample
is acknowledged when its record is synced; the database follows in larger commits. Records are numbered without gaps, and each
carries how many samples were kept before it: whatever gets lost between two records is counted exactly.

Calls block on the disk: the writer makes them in one thread of its own. OSError means "not kept".
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

log = logging.getLogger(__name__)

SEGMENT_BYTES = 16 * 1024 * 1024
LARGEST_RECORD = 64 * 1024 * 1024
_SEGMENT = struct.Struct("<8sQq16sI")  # magic, first number, kept before, identity of the database, checksum
_MAGIC = b"EMJRNL01"
_FRAME = struct.Struct("<4sII")  # mark, length, checksum of length and payload
_MARK = b"\xe5EMR"
_HEAD = struct.Struct("<QqqqII")  # number, kept before, oldest and newest time, samples, length of the counts


@dataclass(frozen=True, slots=True)
class Record:
    """One flush. `counts`: JSON of the intake's books after it; `block`: the samples (columns.encode)."""

    number: int
    kept_before: int
    from_us: int
    to_us: int
    samples: int
    counts: bytes
    block: bytes

    def pack(self) -> bytes:
        head = _HEAD.pack(self.number, self.kept_before, self.from_us, self.to_us, self.samples, len(self.counts))
        payload = head + self.counts + self.block
        length = struct.pack("<I", len(payload))
        return _FRAME.pack(_MARK, len(payload), zlib.crc32(payload, zlib.crc32(length))) + payload


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that could not be read. `file`: where they lie now or will lie once the rest is delivered."""

    file: str
    offset: int
    length: int


@dataclass(slots=True)
class _Segment:
    path: Path
    first: int
    kept_before: int
    size: int
    damaged: bool = False


@dataclass(slots=True)
class Journal:
    """`identity`: 16 bytes of the database whose samples these are; a journal of another one is set aside, not replayed."""

    folder: Path
    identity: bytes
    limit_bytes: int
    last: Record | None = None  # newest whole record
    damages: list[Damage] = field(default_factory=list)
    dropped_segments: int = 0
    on_drop: Callable[[list[Record]], None] | None = None  # told what the limit throws away
    _segments: list[_Segment] = field(default_factory=list)
    _file: int | None = None
    _lock: int | None = None
    _read_at: tuple[Path, int, int] | None = None  # segment, offset behind the record of that number

    # -- opening ------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Find what an earlier run left. A torn end (killed while writing) is cut off; it was never acknowledged."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._take_folder()
        self._let_go_of_file()
        self._segments, self.last, self._read_at = [], None, None
        for path in sorted(self.folder.glob("*.journal")):
            segment = self._check_segment(path)
            if segment is not None:
                self._segments.append(segment)
        while self._segments and self.last is None:
            if not self._cut_torn_end(self._segments[-1]):
                self._segments.pop()

    def _take_folder(self) -> None:
        """Two writers on one journal would ruin it. BlockingIOError when another process has it."""
        if self._lock is None:
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as exc:
                os.close(lock)
                raise BlockingIOError(exc.errno, "another process keeps samples in this data folder") from exc
            self._lock = lock

    def _check_segment(self, path: Path) -> _Segment | None:
        with path.open("rb") as file:
            head = file.read(_SEGMENT.size)
        if len(head) < _SEGMENT.size:  # killed while it was made: nothing is in it
            path.unlink()
            return None
        magic, first, kept_before, identity, checksum = _SEGMENT.unpack(head)
        if identity != self.identity and checksum == zlib.crc32(head[:-4]):
            log.error("journal %s belongs to another database: set aside", path.name)
            self._set_aside(path)
            return None
        if magic != _MAGIC or checksum != zlib.crc32(head[:-4]):
            first, kept_before = int(path.stem), -1  # the records still tell
            return _Segment(path, first, kept_before, path.stat().st_size, damaged=True)
        return _Segment(path, first, kept_before, path.stat().st_size)

    def _cut_torn_end(self, segment: _Segment) -> bool:
        """Find the last whole record; False when the segment has none (then it is gone or set aside)."""
        end = _SEGMENT.size
        for offset, record, length in self._walk(segment, _SEGMENT.size, report=False):
            self.last, end = record, offset + length
        torn = segment.size - end
        if torn:
            log.warning("journal %s: %d bytes after the last whole record cut off", segment.path.name, torn)
            self._save_tail(segment, end)
            os.truncate(segment.path, end)
            segment.size = end
        if self.last is None:
            self._set_aside(segment.path) if segment.damaged else segment.path.unlink()
            return False
        return True

    def _save_tail(self, segment: _Segment, end: int) -> None:
        with contextlib.suppress(OSError), segment.path.open("rb") as file:
            file.seek(end)
            tail = file.read(LARGEST_RECORD)
            if tail.strip(b"\0"):
                self._damaged_folder().joinpath(f"{segment.path.stem}-{end}.torn").write_bytes(tail)

    # -- writing ------------------------------------------------------------------------------------------------

    def append(self, record: Record) -> None:
        """Write and sync. OSError: nothing of it counts, the same record can be tried again."""
        data = record.pack()
        if self._file is None or self._segments[-1].size + len(data) > min(SEGMENT_BYTES, max(self.limit_bytes // 8, 65536)):
            self._start_segment(record)
        self._make_room(len(data))
        segment, descriptor = self._segments[-1], self._file
        assert descriptor is not None  # noqa: S101 - _start_segment opened it or raised
        try:
            written = 0
            while written < len(data):
                written += os.write(descriptor, data[written:])
            os.fdatasync(descriptor)
        except OSError:
            self._take_back(segment)
            raise
        segment.size += len(data)
        self.last = record

    def _start_segment(self, record: Record) -> None:
        self._let_go_of_file()
        path = self.folder / f"{record.number:020d}.journal"
        head = _SEGMENT.pack(_MAGIC, record.number, record.kept_before, self.identity, 0)[:-4]
        head += struct.pack("<I", zlib.crc32(head))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, head)
            os.fsync(descriptor)
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        self._file = descriptor
        self._segments = [s for s in self._segments if s.path != path]
        self._segments.append(_Segment(path, record.number, record.kept_before, len(head)))

    def _take_back(self, segment: _Segment) -> None:
        """After a failed write or sync the file is not to be trusted behind the last record: cut it, go on in a new one."""
        self._let_go_of_file()
        with contextlib.suppress(OSError):
            os.truncate(segment.path, segment.size)
        if segment.size <= _SEGMENT.size:
            segment.path.unlink(missing_ok=True)
            self._segments.remove(segment)

    def _make_room(self, wanted: int) -> None:
        """Over the limit the oldest segments go (P6); what was in them is missed, and counted, by the reader."""
        while len(self._segments) > 1 and self.size_bytes + wanted > self.limit_bytes:
            oldest = self._segments.pop(0)
            if self.on_drop is not None:
                self.on_drop([record for _, record, _ in self._walk(oldest, _SEGMENT.size, report=False)])
            oldest.path.unlink(missing_ok=True)
            self.dropped_segments += 1
            log.error("journal is at its limit of %d bytes: oldest segment %s dropped", self.limit_bytes, oldest.path.name)

    def close(self) -> None:
        """Let go of everything; `open` starts again."""
        self._let_go_of_file()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _let_go_of_file(self) -> None:
        """The next append starts a new segment."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None

    # -- reading ------------------------------------------------------------------------------------------------

    def read(self, after: int, most_samples: int) -> list[Record]:
        """Records with numbers above `after`, in order, until about `most_samples`; empty when there are none."""
        found: list[Record] = []
        samples = 0
        for index, segment in enumerate(self._segments):
            following = self._segments[index + 1].first if index + 1 < len(self._segments) else None
            if following is not None and following <= after + 1:
                continue
            start = _SEGMENT.size
            if self._read_at is not None and self._read_at[0] == segment.path and self._read_at[2] <= after:
                start = self._read_at[1]
            for offset, record, length in self._walk(segment, start, report=True):
                if record.number <= after:
                    continue
                if found and samples + record.samples > most_samples:
                    self._read_at = (segment.path, offset, after)
                    return found
                found.append(record)
                samples += record.samples
                after = record.number
                self._read_at = (segment.path, offset + length, after)
        return found

    def settle(self, number: int) -> None:
        """Everything up to `number` is in the database: drop segments that hold nothing newer."""
        while self._segments:
            newest = self.last.number if self.last else number
            if len(self._segments) > 1:
                newest = self._segments[1].first - 1
            in_use = len(self._segments) == 1 and self._file is not None and self._segments[0].size < SEGMENT_BYTES // 16
            if newest > number or in_use:
                return
            segment = self._segments.pop(0)
            if not self._segments:
                self._let_go_of_file()
            if segment.damaged:
                self._set_aside(segment.path)
            else:
                segment.path.unlink(missing_ok=True)

    @property
    def size_bytes(self) -> int:
        return sum(segment.size for segment in self._segments)

    @property
    def kept_before(self) -> int | None:
        """Samples kept before the oldest record that is still here; None without records or when not known."""
        return self._segments[0].kept_before if self._segments and self._segments[0].kept_before >= 0 else None

    def oldest_us(self, after: int) -> int | None:
        """Oldest time in the first record with a number above `after`."""
        for segment in self._segments:
            for _, record, _ in self._walk(segment, _SEGMENT.size, report=False):
                if record.number > after:
                    return record.from_us
        return None

    # -- inside -------------------------------------------------------------------------------------------------

    def _walk(self, segment: _Segment, start: int, *, report: bool) -> Iterator[tuple[int, Record, int]]:
        """(offset, record, length in the file) of whole records; damaged stretches are skipped, and noted with `report`."""
        with segment.path.open("rb") as file:
            offset = start
            while offset < segment.size:
                found = _read_record(file, offset, segment.size)
                if found is not None:
                    yield offset, *found
                    offset += found[1]
                    continue
                following = _find_record(file, offset + 1, segment.size)
                if report:
                    self._note_damage(segment, offset, (following or segment.size) - offset)
                if following is None:
                    return
                offset = following

    def _note_damage(self, segment: _Segment, offset: int, length: int) -> None:
        segment.damaged = True
        damage = Damage(str(self._damaged_folder() / segment.path.name), offset, length)
        if damage not in self.damages:
            self.damages.append(damage)
            log.error("journal %s is damaged: %d bytes at %d cannot be read", segment.path.name, length, offset)

    def _set_aside(self, path: Path) -> None:
        target = self._damaged_folder() / path.name
        suffix = 0
        while target.exists():
            suffix += 1
            target = self._damaged_folder() / f"{path.stem}-{suffix}{path.suffix}"
        path.rename(target)

    def _damaged_folder(self) -> Path:
        folder = self.folder / "damaged"
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder


def _read_record(file: BinaryIO, offset: int, size: int) -> tuple[Record, int] | None:
    file.seek(offset)
    frame = file.read(_FRAME.size)
    if len(frame) < _FRAME.size:
        return None
    mark, length, checksum = _FRAME.unpack(frame)
    if mark != _MARK or length > LARGEST_RECORD or length < _HEAD.size or offset + _FRAME.size + length > size:
        return None
    payload: bytes = file.read(length)
    if zlib.crc32(payload, zlib.crc32(struct.pack("<I", length))) != checksum:
        return None
    number, kept_before, from_us, to_us, samples, counts = _HEAD.unpack_from(payload)
    middle = _HEAD.size + counts
    record = Record(number, kept_before, from_us, to_us, samples, payload[_HEAD.size : middle], payload[middle:])
    return record, _FRAME.size + length


def _find_record(file: BinaryIO, offset: int, size: int) -> int | None:
    """Offset of the next whole record at or after `offset`."""
    file.seek(offset)
    rest: bytes = file.read(size - offset)
    at = rest.find(_MARK)
    while at >= 0:
        if _read_record(file, offset + at, size) is not None:
            return offset + at
        at = rest.find(_MARK, at + 1)
    return None
