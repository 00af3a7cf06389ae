"""The only telegrams that can be sent to a control: logging in for reading, and questions.

Whatever moves, writes, deletes, presses a key or sets a parameter has no constructor here, and `Request` refuses any other name.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from data_collection.lsv2.telegram import Telegram

MOST_BYTES: Final = 240  # of PLC memory a read; its answer fits a control's smallest buffer (256 bytes)
_REPLIES: Final[Mapping[str, str]] = {
    "A_LG": "T_OK", "A_LO": "T_OK", "R_VR": "S_VR", "R_PR": "S_PR", "R_RI": "S_RI", "R_MB": "S_MB",
}  # fmt: skip


class Login(Enum):
    """Levels of access whose questions are asked. Each control decides which it grants, and to whom without a password."""

    INSPECT = "INSPECT"  # version, parameters
    DNC = "DNC"  # state of execution, programs, overrides, errors, axes, tool
    PLCDEBUG = "PLCDEBUG"  # PLC memory; usually with a password


class Info(IntEnum):
    """What R_RI tells, by its selector."""

    AXES = 22
    EXECUTION_STATE = 23
    PROGRAM_STACK = 24
    OVERRIDES = 25
    PROGRAM_STATUS = 26
    FIRST_ALARM = 27
    NEXT_ALARM = 28
    NC_UPTIME = 30
    MACHINE_UPTIME = 31
    PROGRAM_TIME = 32
    SPINDLE_TIME = 33
    SPINDLE_2_TIME = 34
    TOOL = 51


class Version(IntEnum):
    """What R_VR tells with a selector."""

    ID = 5
    RELEASE = 6


@dataclass(frozen=True, slots=True)
class Request:
    """A question and the name of its answer. Raises ValueError for every telegram that is not on the list of readings."""

    name: str
    payload: bytes = b""

    def __post_init__(self) -> None:
        if self.name not in _REPLIES:
            raise ValueError(f"{self.name} is no reading telegram")
        if self.name == "A_LG" and self.payload.split(b"\0", 1)[0] not in {login.value.encode() for login in Login}:
            raise ValueError("a login that is not needed for reading")

    @property
    def reply(self) -> str:
        """Name of the telegram that answers it."""
        return _REPLIES[self.name]

    def encode(self) -> bytes:
        """As it goes over the wire."""
        return Telegram(self.name, self.payload).encode()


def login(level: Login, password: str | None = None) -> Request:
    """Ask for a level of access."""
    payload = level.value.encode() + b"\0"
    if password:
        payload += password.encode("latin-1", "replace") + b"\0"
    return Request("A_LG", payload)


def logout() -> Request:
    """Give back all levels."""
    return Request("A_LO")


def version(selector: Version | None = None) -> Request:
    """Names of control and software; with a selector one of the further texts."""
    return Request("R_VR", b"" if selector is None else bytes((selector,)))


def parameters() -> Request:
    """Where the areas of the PLC memory lie, and how large they are."""
    return Request("R_PR")


def info(selector: Info) -> Request:
    """One item of the running state."""
    return Request("R_RI", struct.pack(">H", selector))


def memory(address: int, count: int) -> Request:
    """`count` bytes (1 to MOST_BYTES) of PLC memory from an absolute address. Raises ValueError."""
    if not 1 <= count <= MOST_BYTES or not 0 <= address <= 0xFFFF_FFFF - count:
        raise ValueError(f"cannot read {count} bytes at {address}")
    return Request("R_MB", struct.pack(">IB", address, count))
