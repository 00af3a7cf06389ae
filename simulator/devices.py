"""One device that is being served: its values now, what a test or a recording puts over them, and how it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.plant import Device
from domain.ports import Clock
from domain.quantity import canonical_factor
from simulator.faults import FaultBox
from simulator.mercury import MercuryMeter
from simulator.mercury_values import MeterValues
from simulator.modbus_rtu import ModbusAsciiStation, ModbusRtuStation
from simulator.registers import ModbusMap, Value, ratio_of
from simulator.sources import Source, text_of
from simulator.stream_server import Station

REFRESH_US = 20_000
"""Registers are brought up to date at most this often, as a meter measures in steps too."""


class SimulatedDevice:
    """`map`: the registers of a Modbus device; `meter`: the station of a Mercury meter. Others are asked for their `values`.

    `zone`: of the meter's own clock.
    """

    def __init__(self, device: Device, source: Source, clock: Clock, zone: ZoneInfo) -> None:
        self.device, self._source, self._clock = device, source, clock
        self._over: dict[str, Value] = {}
        self.on_part: list[Callable[[], None]] = []  # told when a part is done, before its frame goes out
        self._wire: dict[str, Value] = {}  # already in the registers, exact
        self._held = False
        self._written_us = 0
        self._shown: MeterValues | None = None
        self.map: ModbusMap | None = None
        self.meter: MercuryMeter | None = None
        if device.profile.protocol == "modbus":
            self.map = ModbusMap(device)
            self.map.unit.refresh = self.refresh
            self.faults: FaultBox = self.map.unit.faults
        elif device.profile.protocol == "mercury":
            self.meter = _mercury_meter(device, self._measured, lambda: datetime.fromtimestamp(clock.now_us() / 1e6, zone))
            self.faults = self.meter.faults
        else:
            self.faults = FaultBox()

    def station(self, mode: str) -> Station:
        """The device on a byte line; `mode`: rtu or ascii for Modbus."""
        if self.map is not None:
            return ModbusAsciiStation(self.map.unit) if mode == "ascii" else ModbusRtuStation(self.map.unit)
        if self.meter is None:
            raise ValueError(f"{self.device.id} has no station")
        return self.meter

    def values(self) -> dict[str, Value]:
        """What the device shows now, canonical units, by tag; `None` is "no value"."""
        base = {} if self._held else self._source.values(self._clock.now_us())
        return {**base, **self._wire, **self._over}

    def put(self, values: Mapping[str, Value]) -> None:
        """Let these tags show these values (canonical units) until `release`. Raises KeyError for a tag that is no point."""
        for tag in values:
            self.device.profile.point(tag)
        self._over.update(values)
        self._written_us = 0

    def put_wire(self, values: Mapping[str, float | None]) -> None:
        """The same in the units on the wire, exact to the register's bits; None is "no value". Stops the device's model."""
        if not self._held:
            self._held, self._over = True, {}
        for tag, value in values.items():
            point = self.device.profile.point(tag)
            canonical = None
            if value is not None:
                canonical = value * canonical_factor(point.quantity, point.unit) * ratio_of(point, self.device.options)
            self._wire[tag] = canonical
            self._over.pop(tag, None)
            if self.map is not None:
                self.map.write_wire(tag, value)

    def hold(self) -> None:
        """Stop the model: from now on only what is put is shown."""
        self._over = self.values()
        self._held = True

    def release(self) -> None:
        """Back to the model."""
        self._over, self._wire, self._held, self._written_us = {}, {}, False, 0

    def _measured(self) -> MeterValues:
        """What the Mercury meter measures now, secondary."""
        if self._shown is None or self.faults.peek("freeze") is None:
            self._shown = MeterValues.from_tags(self.values(), _ratio(self.device, "vt_ratio"), _ratio(self.device, "ct_ratio"))
        return self._shown

    def refresh(self) -> None:
        """Bring the registers up to date, when that is due."""
        now_us = self._clock.now_us()
        if self.map is None or 0 <= now_us - self._written_us < REFRESH_US:
            return
        base = {} if self._held else self._source.values(now_us)
        self.map.write({tag: value for tag, value in base.items() if tag not in self._wire} | self._over)
        self._written_us = now_us


def _ratio(device: Device, name: str) -> float:
    option = device.options.get(name)
    return float(option) if isinstance(option, (int, float)) and option else 1.0


def _mercury_meter(device: Device, values: Callable[[], MeterValues], local_time: Callable[[], datetime]) -> MercuryMeter:
    """A meter that suits the device's address and password: with index D (ASCII password, address 17 to 124) where it can be."""
    address = device.address if device.address is not None else 17
    parameters = {**device.profile.parameters, **device.options}
    secret = device.password or ""
    binary = parameters.get("password_encoding") == "binary" or secret.startswith("hex:")
    if secret.startswith("hex:"):
        password = bytes.fromhex(secret.removeprefix("hex:"))
    else:
        password = bytes(int(digit) for digit in secret) if binary and secret.isdigit() else secret.encode()
    with_d = 17 <= address <= 124 and not binary
    return MercuryMeter(
        address, text_of(device, "serial_number"), values, local_time, d_protocol=with_d, password_1=password,
        kn=round(_ratio(device, "vt_ratio")), kt=round(_ratio(device, "ct_ratio")),
    )
