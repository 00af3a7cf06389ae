"""A simulated meter with different values everywhere, lines to reach it, and what its tags must then show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from config.profile_catalog import ProfileCatalog
from data_collection.mercury.client import MercuryProtocol
from data_collection.streams import SerialStream, TcpStream
from domain.plant import Device
from domain.sample import Reading
from simulator.mercury import MercuryMeter
from simulator.mercury_values import MeterValues
from simulator.stream_server import Station, StreamServer

CATALOG = ProfileCatalog.shipped()
KN, KT = 2, 20
SECONDARY = MeterValues(
    p=(-6000.11, -1000.12, -2000.13, -2999.86), q=(1500.21, 400.22, -500.23, 600.24), s=(6200.31, 1100.32, 2100.33, 3100.34),
    pf=(-0.951, -0.952, -0.953, -0.954), u=(230.41, 231.42, 229.43), i=(4.501, 4.602, 4.703), f=50.04,
    angle=(120.51, 239.52, 119.53), thd_u=(1.61, 1.72, 1.83), temperature=-7.0, u_line=(398.81, 399.82, 397.83),
    energy={
        0: (10_000_001.0, 20_002.0, 3_000_003.0, 40_004.0), 1: (1_000_011.0, 2_012.0, 300_013.0, 4_014.0),
        2: (2_000_021.0, 3_022.0, 400_023.0, 5_024.0), 3: (3_000_031.0, 4_032.0, 500_033.0, 6_034.0),
        4: (3_999_938.0, 5_042.0, 600_043.0, 7_044.0),
    },
    energy_phase=(3_000_051.0, 3_100_052.0, 3_899_898.0),
)  # fmt: skip
ENERGY = KN * KT / 1000  # Wh at the terminals to kWh that were used
PRIMARY = {
    "active_power": -6000.11 * ENERGY, "active_power_l1": -1000.12 * ENERGY, "active_power_l2": -2000.13 * ENERGY,
    "active_power_l3": -2999.86 * ENERGY, "reactive_power": 1500.21 * ENERGY, "reactive_power_l1": 400.22 * ENERGY,
    "reactive_power_l2": -500.23 * ENERGY, "reactive_power_l3": 600.24 * ENERGY, "apparent_power": 6200.31 * ENERGY,
    "apparent_power_l1": 1100.32 * ENERGY, "apparent_power_l2": 2100.33 * ENERGY, "apparent_power_l3": 3100.34 * ENERGY,
    "power_factor": -0.951, "power_factor_l1": -0.952, "power_factor_l2": -0.953, "power_factor_l3": -0.954,
    "voltage_l1": 230.41 * KN, "voltage_l2": 231.42 * KN, "voltage_l3": 229.43 * KN,
    "current_l1": 4.501 * KT, "current_l2": 4.602 * KT, "current_l3": 4.703 * KT, "frequency": 50.04,
    "voltage_angle_l12": 120.51, "voltage_angle_l13": 239.52, "voltage_angle_l23": 119.53,
    "voltage_l12": 398.81 * KN, "voltage_l23": 399.82 * KN, "voltage_l31": 397.83 * KN,
    "thd_voltage_l1": 1.61, "thd_voltage_l2": 1.72, "thd_voltage_l3": 1.83, "temperature": -7.0,
    "energy_import": 10_000_001 * ENERGY, "energy_export": 20_002 * ENERGY, "reactive_energy_import": 3_000_003 * ENERGY,
    "reactive_energy_export": 40_004 * ENERGY, "energy_import_t1": 1_000_011 * ENERGY, "energy_import_t2": 2_000_021 * ENERGY,
    "energy_import_t3": 3_000_031 * ENERGY, "energy_import_t4": 3_999_938 * ENERGY,
    "energy_import_l1": 3_000_051 * ENERGY, "energy_import_l2": 3_100_052 * ENERGY, "energy_import_l3": 3_899_898 * ENERGY,
    "vt_ratio": KN, "ct_ratio": KT, "nominal_voltage": 230.0, "meter_constant": 500.0,
}  # fmt: skip


def meter(address: int = 21, **more: Any) -> MercuryMeter:
    given: dict[str, Any] = {"kn": KN, "kt": KT, **more}
    return MercuryMeter(
        address, given.pop("serial", "38395521"), given.pop("values", lambda: SECONDARY),
        given.pop("local_time", lambda: datetime(2026, 11, 19, 13, 42, 0)), **given,  # noqa: DTZ001
    )  # fmt: skip


def device(address: int = 21, profile: str = "mercury-234", password: str | None = None, **options: object) -> Device:
    return Device(f"m{address}", "line", CATALOG.get(profile), address, options={"timeout_s": 0.12, **options}, password=password)


class Clock:
    """Seconds that a test moves: what the meters see."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A line with stations and the product's protocol on it."""

    def __init__(self, server: StreamServer, stream: TcpStream | SerialStream, clock: Clock) -> None:
        self.server, self.stream, self.clock = server, stream, clock
        self.protocol = MercuryProtocol()

    async def reconnect(self) -> None:
        """Another connection, as after a lost line."""
        await self.stream.close()
        self.stream = await TcpStream.open("127.0.0.1", self.server.port, 9600, 2.0)


@asynccontextmanager
async def bench(stations: Sequence[Station], *, terminal: bool = False, **wire: Any) -> AsyncIterator[Bench]:
    clock = Clock()
    server = StreamServer(stations, clock=clock, **wire)
    stream: TcpStream | SerialStream
    if terminal:
        path = server.start_terminal()
        stream = await SerialStream.open(str(path), baud=wire.get("baud") or 9600)
    else:
        await server.start()
        stream = await TcpStream.open("127.0.0.1", server.port, wire.get("baud") or 9600, 2.0)
    try:
        yield Bench(server, stream, clock)
    finally:
        await stream.close()
        await server.stop()
        await asyncio.sleep(0)


def values(reading: Reading) -> dict[str, float | None]:
    return dict(zip(reading.points, reading.values, strict=True))


def qualities(reading: Reading) -> dict[str, int]:
    return dict(zip(reading.points, reading.qualities, strict=True))
