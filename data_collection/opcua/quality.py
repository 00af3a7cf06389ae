"""What a status code and the times of a value mean for the sample that is made of it. Pure.

Sources: OPC 10000-4 (7.39 status codes, 7.11 data value), OPC 10000-8 (codes of data access).
"""

from __future__ import annotations

from typing import Final

from domain.quality import Quality

# by the upper 16 bits of the code (its sub-code); the lower ones are flags
_UNCERTAIN: Final = {
    0x408F: Quality.HELD,  # NoCommunicationLastUsableValue
    0x4090: Quality.HELD,  # LastUsableValue
    0x4091: Quality.ESTIMATED,  # SubstituteValue
    0x4092: Quality.HELD,  # InitialValue
    0x4093: Quality.OUT_OF_RANGE,  # SensorNotAccurate
    0x4094: Quality.OUT_OF_RANGE,  # EngineeringUnitsExceeded
    0x4095: Quality.INCONSISTENT,  # SubNormal
}
_BAD: Final = {
    0x8031: Quality.NO_COMMUNICATION,  # NoCommunication
    0x8032: Quality.NO_COMMUNICATION,  # WaitingForInitialData
    0x808A: Quality.NO_COMMUNICATION,  # NotConnected
    0x808B: Quality.DEVICE_FAULT,  # DeviceFailure
    0x808C: Quality.DEVICE_FAULT,  # SensorFailure
    0x808D: Quality.DEVICE_FAULT,  # OutOfService
    0x8033: Quality.REFUSED,  # NodeIdInvalid
    0x8034: Quality.REFUSED,  # NodeIdUnknown
    0x8035: Quality.REFUSED,  # AttributeIdInvalid
    0x8036: Quality.REFUSED,  # IndexRangeInvalid
    0x8037: Quality.REFUSED,  # IndexRangeNoData
    0x8089: Quality.REFUSED,  # ConfigurationError
    0x803A: Quality.ACCESS_DENIED,  # NotReadable
    0x801F: Quality.ACCESS_DENIED,  # UserAccessDenied
    0x800A: Quality.TIMEOUT,  # Timeout
    0x809B: Quality.NO_VALUE,  # NoData
    0x803E: Quality.REFUSED,  # NotFound
}
CLOCK_TOLERANCE_US: Final = 2_000_000
OLDEST_CHANGE_US: Final = 30_000_000


def quality_of(code: int) -> Quality:
    """The quality of a value with that status code."""
    severity = code >> 30
    if severity == 0:
        return Quality.GOOD
    sub_code = code >> 16
    if severity == 1:
        return _UNCERTAIN.get(sub_code, Quality.INCONSISTENT)
    return _BAD.get(sub_code, Quality.DEVICE_FAULT)


def clock_offset_us(published_us: int | None, arrived_us: int) -> int:
    """What is to be added to the server's times: 0 while its clock agrees with ours within `CLOCK_TOLERANCE_US`."""
    if published_us is None:
        return 0
    offset = arrived_us - published_us
    return 0 if abs(offset) <= CLOCK_TOLERANCE_US else offset


def sample_time_us(source_us: int | None, arrived_us: int, offset_us: int, *, first: bool) -> tuple[int, bool]:
    """(time of the sample, is the source's clock to be doubted).

    `first`: the value that a server tells at the beginning of a subscription. It holds now, however long ago it changed; the
    source's time would put it into a past that was judged already.
    """
    if source_us is None:
        return arrived_us, False
    time_us = source_us + offset_us
    if time_us > arrived_us + CLOCK_TOLERANCE_US:
        return arrived_us, True
    if first:
        return arrived_us, False
    if arrived_us - time_us > OLDEST_CHANGE_US:
        return arrived_us, True
    return min(time_us, arrived_us), False
