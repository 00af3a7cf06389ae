"""The frame tester: bytes somebody pasted, read by the layout of a device of the plant."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from data_collection.tcp_frames.connect import encoding_of
from data_collection.tcp_frames.layout import BINARY, Layout
from domain.errors import ConfigError, NotFound
from domain.inspection import FrameField
from domain.plant import Plant

LONGEST = 200_000


class FrameTester:
    """Implements web_interface.services.FrameService. Nothing is sent or stored."""

    def __init__(self, plant: Callable[[], Plant]) -> None:
        self._plant = plant

    def devices(self) -> Sequence[str]:
        """Ids of the devices that send frames."""
        return [device.id for device in self._plant().devices if device.profile.protocol == "tcp-frames"]

    def fields(self, device_id: str, pasted: str) -> Sequence[FrameField]:
        """Every field of the frame: hex digits are bytes, anything else is text. Raises NotFound, ConfigError."""
        if device_id not in self.devices():
            raise NotFound("device", device_id)
        device = self._plant().device(device_id)
        line = self._plant().line(device.line)
        encoding = encoding_of(line)
        frame = bytes_of(pasted, encoding)
        layout = Layout(device, None, encoding, str(line.options.get("separator") or ";"))
        return [
            FrameField(f.tag, f.raw, "" if f.value is None else f"{f.value:g}" if isinstance(f.value, float) else str(f.value),
                       "" if f.error is None else f.error[0])
            for f in layout.decode(frame)
        ]  # fmt: skip


def bytes_of(pasted: str, encoding: str) -> bytes:
    """Raises ConfigError when nothing is there, or what is binary is not written in hex digits."""
    if not pasted.strip() or len(pasted) > LONGEST:
        raise ConfigError("frame: is missing; expected bytes as hex digits, or text")
    compact = "".join(pasted.replace("0x", " ").replace(",", " ").split())
    try:
        if encoding == BINARY or len(compact) > 15:
            return bytes.fromhex(compact)
    except ValueError as exc:
        if encoding == BINARY:
            raise ConfigError("frame: is no hex; expected bytes as hex digits, or text") from exc
    return pasted.strip("\r\n").encode("utf-8" if encoding == BINARY else encoding, "replace")
