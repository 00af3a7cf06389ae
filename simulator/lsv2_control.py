"""A Heidenhain control as LSV2 sees it: what it answers to each telegram. Knows nothing of sockets.

Layouts: the public client pyLSV2 1.8 (constants and decoders); its whole reading interface is answered. Whatever would write,
move or press a key is refused.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.places.lsv2 import MEMORY_BYTES, Lsv2Place
from domain.plant import Device
from domain.profile import Point
from domain.quantity import canonical_factor
from simulator.faults import FaultBox
from simulator.registers import Value

Reply = tuple[str, bytes]
BAD_KEY, UNKNOWN, NO_PRIVILEGE, WRONG_PARAMETER, NO_FILE, NO_ADDRESS, NO_MORE = 30, 22, 23, 24, 32, 52, 57
OK: Final[Reply] = ("T_OK", b"")
_LOGINS: Final = {"INSPECT", "DNC", "PLCDEBUG", "FILE", "DATA", "DIAGNOSTICS", "MONITOR"}
_NEEDS: Final = {
    "R_VR": "INSPECT", "R_PR": "INSPECT", "R_CI": "INSPECT", "R_MC": "INSPECT", "R_RI": "DNC", "R_MB": "PLCDEBUG",
    "R_DP": "DATA", "R_DT": "DIAGNOSTICS", "R_DI": "FILE", "R_DR": "FILE", "R_FI": "FILE", "R_FL": "FILE", "C_DC": "FILE",
}  # fmt: skip
_AREAS: Final = {"marker": (0x1000, 10_000), "input": (0x8000, 512), "output": (0x9000, 512), "word": (0x20000, 16_384)}
_VERSION: Final = ("iTNC530", "340494 08 SP2", "SIM PLC 1.0", "%01000111")
_BLOCK: Final = 512


def error(code: int) -> Reply:
    """T_ER of class 1."""
    return "T_ER", bytes((1, code))


@dataclass(slots=True)
class Session:
    """What one connection has reached: its logins, the messages already told, the pieces of an answer still to come."""

    logins: set[str] = field(default_factory=set)
    told: int = 0
    pieces: list[Reply] = field(default_factory=list)
    folder: str = "TNC:"


class SimulatedControl:
    """`values`: what the device shows now, canonical units, by tag. The password of the device guards its PLC memory.

    `views`: further devices of the plant that are views of the same control, with what they show.
    """

    def __init__(
        self, device: Device, values: Callable[[], Mapping[str, Value]], faults: FaultBox | None = None,
        views: Sequence[tuple[Device, Callable[[], Mapping[str, Value]]]] = (),
    ) -> None:
        self.device, self._sources = device, ((device, values), *views)
        self.faults = faults if faults is not None else FaultBox()
        self.requests = 0
        self.parameters = {"MP7230.0": "3", "CfgMachineName": device.id}
        self.data_paths: dict[str, Value] = {r"\PLC\memory\K\1": 7.0, r"\CFG\name": device.id}
        self.files = {"TNC:\\nc_prog\\shaft.h": b"BEGIN PGM SHAFT MM\x00END PGM SHAFT MM\x00", "TNC:\\tool.t": b"T NAME L R\x00"}
        self.memory = {name: bytearray(size) for name, (_, size) in _AREAS.items()}
        self._shown: dict[tuple[str, str], tuple[str, Point]] = {}
        self._mapped: list[tuple[str, int, str, Point]] = []
        for view, _ in reversed(self._sources):  # where two show the same, the first does
            for point in view.profile.points:
                if not isinstance(point.where, Lsv2Place):
                    continue
                if point.where.query:
                    self._shown[point.where.query, point.where.item] = (view.id, point)
                elif point.where.address is not None:
                    self._mapped.append((point.where.memory, point.where.address, view.id, point))

    def _values(self) -> Mapping[str, Value]:
        """What all views show, by device and tag."""
        return {f"{view.id}.{tag}": value for view, values in self._sources for tag, value in values().items()}

    def answer(self, session: Session, name: str, payload: bytes) -> Reply:
        """The reply to one telegram."""
        self.requests += 1
        if name == "T_OK" and session.pieces:
            return session.pieces.pop(0)
        if name in {"A_LG", "A_LO"}:
            return self._log_in(session, payload) if name == "A_LG" else self._log_out(session, payload)
        if name == "C_CC":  # only the sizes of the buffer and the safe way of sending files
            return OK if len(payload) >= 2 and int.from_bytes(payload[:2]) in {3, 4, 5, 6, 7, 19} else error(WRONG_PARAMETER)
        handler = getattr(self, f"_{name.lower()}", None) if name in _NEEDS else None
        if handler is None:
            return error(UNKNOWN)
        if _NEEDS[name] not in session.logins:
            return error(NO_PRIVILEGE)
        reply: Reply = handler(session, payload)
        return reply

    def _log_in(self, session: Session, payload: bytes) -> Reply:
        level, _, rest = payload.partition(b"\0")
        name, password = level.decode("latin-1"), rest.rstrip(b"\0").decode("latin-1")
        if name not in _LOGINS or self.faults.take("refuse_login") is not None:
            return error(BAD_KEY)
        if name == "PLCDEBUG" and self.device.password is not None and password != self.device.password:
            return error(BAD_KEY)
        session.logins.add(name)
        return OK

    @staticmethod
    def _log_out(session: Session, payload: bytes) -> Reply:
        name = payload.rstrip(b"\0").decode("latin-1")
        session.logins.difference_update({name} if name else set(session.logins))
        return OK

    # ---- what it is ----

    def _r_vr(self, session: Session, payload: bytes) -> Reply:
        del session
        if not payload:
            return "S_VR", b"".join(part.encode() + b"\0" for part in _VERSION)
        texts = {1: _VERSION[0], 2: _VERSION[1], 3: _VERSION[2], 4: _VERSION[3], 5: "SIM-0001", 6: "sim"}
        found = texts.get(payload[0])
        return ("S_VR", found.encode() + b"\0") if found is not None else error(WRONG_PARAMETER)

    def _r_pr(self, session: Session, payload: bytes) -> Reply:
        del session, payload
        marker, inputs, outputs, words = (_AREAS[name] for name in ("marker", "input", "output", "word"))
        areas = (*marker, *inputs, *outputs, 0xA000, 100, 0xB000, 100, words[0], words[1] // 2, 0x60000, 0)
        numbers = (*areas, 0, *(0,) * 7, *(0,) * 8, 1, 0, 4096, 1, 0, 1, 0, 1, 0, 1, 0, 0)
        return "S_PR", struct.pack(">14L8B8L2BH4B2L2HL", *numbers)

    def _r_ci(self, session: Session, payload: bytes) -> Reply:
        del session
        selector = int.from_bytes(payload[:4])
        known = {1: (1, 0), 2: (1, 1), 3: (2, 3000)}
        return ("S_CI", struct.pack(">II", *known[selector])) if selector in known else error(WRONG_PARAMETER)

    def _r_mc(self, session: Session, payload: bytes) -> Reply:
        del session
        value = self.parameters.get(payload.split(b"\0")[0].decode("latin-1"))
        return ("S_MC", value.encode("latin-1") + b"\0") if value is not None else error(WRONG_PARAMETER)

    def _r_dt(self, session: Session, payload: bytes) -> Reply:
        del session, payload
        return "S_DT", struct.pack(">I", int(time.time()))

    def _r_dp(self, session: Session, payload: bytes) -> Reply:
        del session
        value = self.data_paths.get(payload[4:].split(b"\0")[0].decode("latin-1"))
        if value is None:
            return error(WRONG_PARAMETER)
        if isinstance(value, str):
            return "S_DP", struct.pack(">I", 8) + value.encode("latin-1") + b"\0"
        return "S_DP", struct.pack(">I", 5) + struct.pack("<d", value)

    # ---- what it does ----

    def _r_ri(self, session: Session, payload: bytes) -> Reply:
        if len(payload) != 2:
            return error(WRONG_PARAMETER)
        selector, values = int.from_bytes(payload), self._values()
        if selector in {27, 28}:
            return self._alarm(session, values, first=selector == 27)
        found = self._information(selector, values)
        return ("S_RI", found) if found is not None else error(WRONG_PARAMETER)

    def _information(self, selector: int, values: Mapping[str, Value]) -> bytes | None:
        number, words = self._number(values), self._text(values)
        if selector == 22:
            names = [item for query, item in self._shown if query == "axes"] or ["X", "Y", "Z"]
            texts = [f"{number('axes', name):.3f}" for name in names] + names
            return bytes((0, len(names))) + b"".join(text.encode("latin-1") + b"\0" for text in texts)
        if selector in {23, 26}:
            query = "execution_state" if selector == 23 else "program_status"
            return struct.pack(">H", round(number(query)) & 0xFFFF)
        if selector == 24:
            texts = [words("program_stack", "main", "TNC:\\nc_prog\\shaft.h"), words("program_stack", "current", "")]
            texts[1] = texts[1] or texts[0]
            line = struct.pack(">I", max(0, round(number("program_stack", "line"))))
            return line + b"".join(text.encode("latin-1", "replace") + b"\0" for text in texts)
        if selector == 25:
            parts = [round(100 * number("overrides", item, 100.0)) for item in ("feed", "spindle", "rapid")]
            return struct.pack(">3I", *(max(0, part) for part in parts))
        if selector in _TIMES:
            return struct.pack(">I", max(0, round(number(_TIMES[selector]))) & 0xFFFF_FFFF)
        if selector == 51:
            head = struct.pack(">IHH", max(0, round(number("tool", "number", 1.0))), round(number("tool", "index")), 2)
            return head + struct.pack("<2d", number("tool", "length", 120.5), number("tool", "radius", 5.0))
        return None

    def _alarm(self, session: Session, values: Mapping[str, Value], *, first: bool) -> Reply:
        messages = self._messages(values)
        session.told = 0 if first else session.told
        if session.told >= len(messages):
            return error(NO_MORE)
        number, text = messages[session.told]
        session.told += 1
        return "S_RI", struct.pack(">HHi", 2, 3, number) + text.encode("latin-1", "replace") + b"\0"

    def _messages(self, values: Mapping[str, Value]) -> Sequence[tuple[int, str]]:
        """(number, text) of the messages on the screen: each text of `texts`, or one where `active` is set."""
        number, words = self._number(values), self._text(values)
        texts = [part for part in words("alarms", "texts", "").split("; ") if part]
        if not texts and number("alarms", "active"):
            texts = [words("alarms", "text", "") or "Servo drive fault"]
        code = round(number("alarms", "number", 1024.0))
        return [(code + i, text) for i, text in enumerate(texts)]

    def _r_mb(self, session: Session, payload: bytes) -> Reply:
        del session
        if len(payload) != 5 or not payload[4]:
            return error(WRONG_PARAMETER)
        address, count = struct.unpack(">IB", payload)
        self._fill(self._values())
        for name, (start, size) in _AREAS.items():
            if start <= address and address + count <= start + size:
                return "S_MB", bytes(self.memory[name][address - start : address - start + count])
        return error(NO_ADDRESS)

    def _fill(self, values: Mapping[str, Value]) -> None:
        """Bring the memory up to date with the points that lie in it."""
        for kind, address, owner, point in self._mapped:
            value, size = values.get(f"{owner}.{point.tag}"), MEMORY_BYTES[kind]
            area = self.memory.get("word" if kind in {"byte", "word", "dword"} else kind, bytearray())
            if isinstance(value, float | int) and address + size <= len(area):
                raw = round(_raw(point, value))
                number = bool(raw) if kind in {"marker", "input", "output"} else raw & ((1 << 8 * size) - 1)
                area[address : address + size] = int(number).to_bytes(size, "little")

    def _number(self, values: Mapping[str, Value]) -> Callable[..., float]:
        def number(query: str, item: str = "", default: float = 0.0) -> float:
            owner, point = self._shown.get((query, item), ("", None))
            value = None if point is None else values.get(f"{owner}.{point.tag}")
            if point is None or value is None:
                return default
            return _raw(point, value) if not isinstance(value, str) else float(_code(point, value))

        return number

    def _text(self, values: Mapping[str, Value]) -> Callable[[str, str, str], str]:
        def text(query: str, item: str, default: str) -> str:
            owner, point = self._shown.get((query, item), ("", None))
            value = None if point is None else values.get(f"{owner}.{point.tag}")
            return value if isinstance(value, str) else default

        return text

    # ---- its files ----

    def _c_dc(self, session: Session, payload: bytes) -> Reply:
        folder = payload.split(b"\0")[0].decode("latin-1").rstrip("\\")
        if not any(path.startswith(folder + "\\") for path in self.files):
            return error(NO_FILE)
        session.folder = folder
        return OK

    def _r_di(self, session: Session, payload: bytes) -> Reply:
        del payload
        return "S_DI", struct.pack(">I", 1_000_000) + bytes(128) + bytes(32) + session.folder.encode("latin-1") + b"\0"

    def _r_dr(self, session: Session, payload: bytes) -> Reply:
        if payload[:1] == b"\x02":
            entry = struct.pack(">III", 1_000_000, 1_700_000_000, 0x10) + b"TNC:\0"
            session.pieces = [("T_FD", b"")]
            return "S_DR", entry
        replies = [("S_DR", entry) for entry in self._entries(session.folder)]
        session.pieces = [*replies[1:], ("T_FD", b"")]
        return replies[0] if replies else session.pieces.pop()

    def _entries(self, folder: str) -> Sequence[bytes]:
        names: dict[str, bytes] = {}
        for path, content in self.files.items():
            if path.startswith(folder + "\\"):
                name, _, below = path.removeprefix(folder + "\\").partition("\\")
                names[name] = _entry(name, 0 if below else len(content), folder=bool(below))
        return list(names.values())

    def _r_fi(self, session: Session, payload: bytes) -> Reply:
        del session
        path = payload.split(b"\0")[0].decode("latin-1")
        content = self.files.get(path)
        return ("S_FI", _entry(path.rpartition("\\")[2], len(content), folder=False)) if content is not None else error(NO_FILE)

    def _r_fl(self, session: Session, payload: bytes) -> Reply:
        content = self.files.get(payload.split(b"\0")[0].decode("latin-1"))
        if content is None:
            return error(NO_FILE)
        blocks = [("S_FL", content[at : at + _BLOCK]) for at in range(0, len(content), _BLOCK)]
        session.pieces = [*blocks[1:], ("T_FD", b"")]
        return blocks[0]


_TIMES: Final = {30: "nc_time", 31: "machine_time", 32: "program_time", 33: "spindle_time", 34: "spindle_2_time"}


def _raw(point: Point, value: float) -> float:
    return (value / canonical_factor(point.quantity, point.unit) - point.offset) / point.scale


def _code(point: Point, word: str) -> int:
    """The number behind a word of the point's enum."""
    return next((number for number, name in point.enum.items() if name == word), 0)


def _entry(name: str, size: int, *, folder: bool) -> bytes:
    return struct.pack(">III", size, 1_700_000_000, 0x20 if folder else 0x02) + name.encode("latin-1") + b"\0"
